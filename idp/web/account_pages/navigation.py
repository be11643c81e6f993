"""The row of pages over every page of the account: a new page is a line in :data:`PAGES`."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString


@dataclass(frozen=True)
class AccountPage:
    """One page in the row. :ivar name: what the page's template says in ``account_tabs(name)``."""

    name: str
    words: LazyString
    endpoint: str


PAGES: tuple[AccountPage, ...] = (
    AccountPage("home", _l("Inicio"), "account.home"),
    AccountPage("profile", _l("Mis datos"), "account.profile"),
    AccountPage("level", _l("Mi nivel"), "levels.page"),
    AccountPage("security", _l("Cómo ingreso"), "account.security"),
    AccountPage("sessions", _l("Sesiones"), "account.sessions"),
    AccountPage("institutions", _l("Mi institución"), "broker_account.show"),
    AccountPage("services", _l("Servicios"), "account.connected_services"),
    AccountPage("certificates", _l("Certificados"), "account.certificates"),
    AccountPage("roles", _l("Roles"), "account.roles"),
    AccountPage("activity", _l("Actividad"), "account.activity"),
)


def account_navigation() -> list[tuple[str, str, str]]:
    """Return (name, words, address) of every page, as ``components.tabs`` takes them."""
    return [(page.name, str(page.words), url_for(page.endpoint)) for page in PAGES]
