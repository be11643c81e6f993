"""What an officer is shown of a person: kinds and dates, never a secret, a code or a full address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from idp.accounts.person import Person, find_person
from idp.authentication.activity import Activity, list_activity
from idp.authentication.browser_session import list_browser_sessions
from idp.authentication.factor_list import HeldFactor, list_factors
from idp.desk.identity import IdentityCheck, list_checks_of
from idp.services import IdpServices

_RECENT = 20


@dataclass(frozen=True)
class PersonFile:
    """What a desk needs to know to help."""

    person: Person
    factors: tuple[HeldFactor, ...]
    sessions: int
    activity: tuple[Activity, ...]
    checks: tuple[IdentityCheck, ...]


def read_person_file(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> PersonFile:
    """Return the person's file. :raises NotFound: (``unknown_person``)."""
    person = find_person(session, person_id)
    return PersonFile(
        person=person,
        factors=tuple(list_factors(session, person.id)),
        sessions=len(list_browser_sessions(session, person_id=person.id, now=now)),
        activity=list_activity(session, services=services, person_id=person.id, limit=_RECENT).events,
        checks=tuple(list_checks_of(session, person.id)),
    )
