"""A person raises himself to level 2: he answers what the civil registry knows, and learns nothing from it.

The try is counted and committed; the registry is asked outside of any transaction; then level, names, evidence and
events are committed together. A registry that does not answer costs no try.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.model import PersonRow
from idp.accounts.person import Person, find_person
from idp.authentication import throttle
from idp.authentication.assurance import VERIFIED
from idp.levels.answers import Answers, is_the_person
from idp.levels.evidence import REGISTRY, record_evidence
from idp.levels.registry import CivilRecord, RegistryUnavailableError
from idp.notices.mail import notify
from idp.services import IdpServices
from kernel.errors import Conflict, Denied, Throttled

#: Birth dates are no secret and ten characters can be copied: few tries, and long waits.
TRIES = throttle.Limit("registry", 5, timedelta(hours=24))


class RegistryMismatchError(Denied):
    """What was answered is not what the registry knows. :ivar tries_left: before a day of waiting."""

    default_code = "registry_mismatch"

    def __init__(self, *, tries_left: int) -> None:
        super().__init__("The answers do not fit what the civil registry knows.")
        self.tries_left = tries_left


def check_with_registry(
    services: IdpServices, *, person: Person, session_id: str, answers: Answers, now: datetime
) -> Person:
    """Ask the registry and, if the answers fit, raise the person to level 2; his names become the registry's.

    :raises RegistryMismatchError: whichever answer did not fit, and where the registry knows nobody; on record.
    :raises RegistryUnavailableError: nothing was changed and no try counted; on record.
    :raises Throttled: (``too_many_tries``) on record.
    :raises Conflict: (``level_reached``, ``registry_not_asked``) where there is nothing to check, or no way to.
    """
    if person.level >= VERIFIED:
        raise Conflict("The level is reached.", code="level_reached")
    if services.civil_registry is None or not person.cedula:
        raise Conflict("No civil registry is asked here.", code="registry_not_asked")
    key = throttle.throttle_key(services, TRIES, person.id)
    with services.database.transaction() as session:
        try:
            tries_left = throttle.take_try(session, key=key, limit=TRIES, now=now)
        except Throttled as error:
            services.journal.refuse(session, _refused(person, session_id, error.code), error, now=now)
    try:
        record = services.civil_registry.find(person.cedula)
    except RegistryUnavailableError as error:
        with services.database.transaction() as session:
            throttle.give_back_try(session, key=key)
            services.journal.refuse(session, _refused(person, session_id, error.reason), error, now=now)
    if record is None or not is_the_person(answers, record):
        mismatch = RegistryMismatchError(tries_left=tries_left)
        with services.database.transaction() as session:
            services.journal.refuse(session, _refused(person, session_id, mismatch.code), mismatch, now=now)
    with services.database.transaction() as session:
        throttle.forgive(session, key=key)
        raised = record_evidence(
            session, services=services, person_id=person.id, level=VERIFIED, method=REGISTRY, actor=person.id, now=now
        )
        raised = _take_names(session, services, raised, record, now=now)
        notify(session, services=services, person=raised, template="level_raised", context={"level": "2"}, now=now)
        return raised


def _take_names(
    session: Session, services: IdpServices, person: Person, record: CivilRecord, *, now: datetime
) -> Person:
    told = {"given_names": record.given_names, "surnames": record.surnames, "birth_date": record.birth_date.isoformat()}
    changed = {name: value for name, value in told.items() if value != getattr(person, name)}
    if not changed:
        return person
    session.execute(update(PersonRow).where(PersonRow.id == person.id).values(**changed, updated_at=now))
    event = Event(
        type=EventType.ACCOUNT_UPDATED, subject=person.id, details={"changed": sorted(changed)}, private=changed
    )
    services.journal.record(session, event, now=now)
    session.expire_all()
    return find_person(session, person.id)


def _refused(person: Person, session_id: str, reason: str) -> Event:
    return Event(
        type=EventType.LEVEL_CHECK_REFUSED,
        outcome=Outcome.REFUSED,
        reason=reason,
        subject=person.id,
        session_id=session_id,
        details={"method": REGISTRY},
    )
