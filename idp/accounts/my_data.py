"""What is kept about a person, as plain data, for that person (LOPDP Art. 13 access, Art. 17 portability).

Every room that keeps something about people offers a :class:`Section` and stands with it in ``my_data_sections.py``.
Its words for people (a title, and one for every key) stand in ``idp/web/account_pages/my_data_words.py``; a test
points there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from sqlalchemy.orm import Session

from idp.services import IdpServices

#: What JSON can say, and aware UTC moments.
Plain: TypeAlias = str | int | bool | datetime | Sequence["Plain"] | Mapping[str, "Plain"] | None
Entry: TypeAlias = Mapping[str, Plain]


class ReadSection(Protocol):
    """Reads what a room keeps about the person: entries with the same keys in each, never a secret or its digest."""

    def __call__(
        self, session: Session, *, services: IdpServices, person_id: str, now: datetime
    ) -> Sequence[Entry]: ...


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part of "my data". :ivar name: its key in the document, stable: ``sessions``. :ivar read: what it holds."""

    name: str
    read: ReadSection


def gather(
    session: Session, *, services: IdpServices, person_id: str, sections: Sequence[Section], now: datetime
) -> dict[str, list[Entry]]:
    """Return what ``sections`` hold about the person, by their names, in their order."""
    return {
        section.name: list(section.read(session, services=services, person_id=person_id, now=now))
        for section in sections
    }
