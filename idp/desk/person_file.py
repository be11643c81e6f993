"""What an officer is shown of a person: kinds and dates, never a secret, a code or a full address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.accounts.model import PasswordRow
from idp.accounts.person import Person, find_person
from idp.authentication.activity import Activity, list_activity
from idp.authentication.browser_session import list_browser_sessions
from idp.authentication.recovery_codes import count_recovery_codes
from idp.authentication.second_factor_kinds import KINDS
from idp.authentication.totp import list_totp
from idp.desk.identity import IdentityCheck, list_checks_of
from idp.services import IdpServices

_RECENT = 20


@dataclass(frozen=True)
class FactorFact:
    """A way in that the person has. :ivar kind: ``password`` or a name of :data:`KINDS`."""

    kind: str
    since: datetime | None = None
    last_used_at: datetime | None = None
    left: int | None = None


@dataclass(frozen=True)
class PersonFile:
    """What a desk needs to know to help."""

    person: Person
    factors: tuple[FactorFact, ...]
    sessions: int
    activity: tuple[Activity, ...]
    checks: tuple[IdentityCheck, ...]


def read_person_file(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> PersonFile:
    """Return the person's file. :raises NotFound: (``unknown_person``)."""
    person = find_person(session, person_id)
    return PersonFile(
        person=person,
        factors=tuple(_factors(session, person.id)),
        sessions=len(list_browser_sessions(session, person_id=person.id, now=now)),
        activity=list_activity(session, services=services, person_id=person.id, limit=_RECENT).events,
        checks=tuple(list_checks_of(session, person.id)),
    )


def _factors(session: Session, person_id: str) -> list[FactorFact]:
    set_at = session.scalar(select(PasswordRow.set_at).where(PasswordRow.person_id == person_id))
    facts = [FactorFact("password", since=set_at)] if set_at else []
    for kind in KINDS:
        if kind.name == "totp":
            facts += [FactorFact("totp", row.confirmed_at, row.last_used_at) for row in list_totp(session, person_id)]
        elif kind.is_usable(session, person_id):
            left = count_recovery_codes(session, person_id) if kind.name == "recovery_code" else None
            facts.append(FactorFact(kind.name, left=left))
    return facts
