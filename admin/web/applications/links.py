"""Pages about one application: what its own page leads to. A house of pages adds a function here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import url_for

from admin.permissions import Permission
from admin.roles import Powers
from admin.web.words import Text


@dataclass(frozen=True)
class PageLink:
    """A page about one application. :ivar endpoint: its view takes ``client_id``."""

    label: Text
    endpoint: str
    permission: Permission


#: In the order in which they stand on the page. Functions, for their words are those of the request's language.
PAGES: list[Callable[[], PageLink]] = []


def links_of(client_id: str, powers: Powers) -> list[tuple[Text, str]]:
    """Return label and address of the pages that these powers open."""
    found = [page() for page in PAGES]
    return [
        (each.label, url_for(each.endpoint, client_id=client_id)) for each in found if powers.allow(each.permission)
    ]
