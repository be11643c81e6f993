"""What is kept about a person, as plain data, for that person (LOPDP Art. 13 access, Art. 17 portability).

Every room that keeps something about people offers a :class:`Section` and stands with it in ``my_data_sections.py``.
Its words for people (a title, and one for every key) stand in ``idp/web/account_pages/my_data_words.py``. A table with
people in it that no section names, and :data:`NOT_TOLD` neither, is told by ``my_data_rest.py``: bare moments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeAlias

from sqlalchemy.orm import Session

from idp.services import IdpServices

#: What JSON can say, and aware UTC moments.
Plain: TypeAlias = str | int | bool | datetime | Sequence["Plain"] | Mapping[str, "Plain"] | None
Entry: TypeAlias = Mapping[str, Plain]

SCHEMA = "sau-my-data-1"


class ReadSection(Protocol):
    """Reads what a room keeps about the person: entries with the same keys in each, never a secret or its digest."""

    def __call__(
        self, session: Session, *, services: IdpServices, person_id: str, now: datetime
    ) -> Sequence[Entry]: ...


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part of "my data".

    :ivar name: its key in the document, stable: ``sessions``.
    :ivar tables: whose rows about the person it tells, by name.
    """

    name: str
    read: ReadSection
    tables: tuple[str, ...]


#: Tables with people in them that hold nothing to tell, each with the reason.
NOT_TOLD = {
    "admin_test_person": "test citizens are nobody: whose developers log in as one",
    "idp_interaction": "a login on its way, gone within a day",
    "idp_upstream_request": "a sign-in on its way to an institution, gone within minutes",
    "idp_upstream_session": "which session rests on one there; the session itself is told",
    "idp_certificate_ticket": "a login by certificate on its way, gone within a day",
    "idp_authorization_code": "a login at a service on its way, gone within a minute",
    "idp_sign_up": "the sign-up itself: what was typed stands in the account",
    "idp_password_reset": "a recovery on its way, gone within the hour; its end stands in the activity",
    "idp_ussd_dialogue": "keys on a telephone on their way, gone within minutes; the decision stands in the activity",
    "idp_enrollment_link": "an enrolment on its way; its end stands in the activity",
    "idp_passkey_challenge": "a question to a device on its way, gone within minutes",
    "idp_passkey_holder": "a random number by which devices find their passkeys: no datum, and of use to nobody else",
    "idp_grid_sheet": "the numbers of a card that are secret, until it is printed",
    "idp_recovery_sheet": "recovery codes that are secret, for half an hour",
    "admin_console_session": "a session of the console; its beginning and end stand in the evidence of the console",
    "admin_sign_in_attempt": "a login of the console on its way, gone within minutes",
    "admin_saved_search": "what an official looks for in office; he sees and removes it where he keeps it",
    "admin_person_case": "an official has the person's page open; that he did stands in the section looks",
    "ca_batch_row": "a line of an institution's list; the certificate that came of it is told",
}


def gather(
    session: Session, *, services: IdpServices, person_id: str, sections: Sequence[Section], now: datetime
) -> dict[str, list[Entry]]:
    """Return what ``sections`` hold about the person, by their names, in their order."""
    return {
        section.name: list(section.read(session, services=services, person_id=person_id, now=now))
        for section in sections
    }


def as_document(found: Mapping[str, Sequence[Entry]], *, issuer: str, now: datetime) -> dict[str, object]:
    """Return the whole as a document of the schema :data:`SCHEMA`: moments as RFC 3339 texts in UTC.

    Sections and keys are only ever added; a change of meaning takes a new schema.
    """
    return {
        "schema": SCHEMA,
        "issuer": issuer,
        "made_at": _json(now),
        "sections": {name: [_json(entry) for entry in entries] for name, entries in found.items()},
    }


def _json(value: Plain) -> object:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        case str() | int() | None:
            return value
        case Mapping():
            return {key: _json(part) for key, part in value.items()}
        case _:
            return [_json(part) for part in value]
