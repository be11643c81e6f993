"""The PIN by which a person says on a telephone with keys that it is he, and not who borrowed or shares it.

It goes over the signalling network in clear, and the number is the operator's word: together they are one factor, never
two. What opens the account on a page it does not open.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.model import PersonRow
from idp.accounts.person import ACTIVE, Person, as_person, hold_person
from idp.authentication import throttle
from idp.notices.notify import notify_everywhere
from idp.services import IdpServices
from idp.ussd.model import UssdDialogueRow, UssdPinRow
from kernel.errors import Conflict, Denied, Rejected, Throttled
from keys.sealing import derive_secret

DIGITS = 6
PIN_TRIES = throttle.Limit("ussd-pin", 3, timedelta(hours=24))
_TEMPLATE = "second_factor_changed"


class WrongPinError(Denied):
    """The PIN does not fit. :ivar tries_left: how many tries are left before a day's wait."""

    default_code = "wrong_pin"

    def __init__(self, *, tries_left: int) -> None:
        super().__init__("The PIN does not fit.")
        self.tries_left = tries_left


def parse_pin(text: str, *, person: Person) -> str:
    """Return a new PIN.

    :raises Rejected: ``pin_digits``, ``pin_easy`` (a row, two digits, a part of his document, number or birth date).
    """
    pin = "".join(text.split())
    if len(pin) != DIGITS or not (pin.isascii() and pin.isdigit()):
        raise Rejected("A PIN has six digits.", code="pin_digits")
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    known = (person.document, person.phone, person.birth_date.replace("-", ""))
    born = person.birth_date.split("-")
    turned = "".join((born[2], born[1], born[0][2:])) if len(born) == 3 else ""
    if len(set(pin)) < 3 or steps in ({1}, {9}) or any(pin in text for text in known) or pin == turned:
        raise Rejected("The PIN is easy to guess.", code="pin_easy")
    return pin


def set_pin(session: Session, *, services: IdpServices, person: Person, pin: str, now: datetime) -> None:
    """Make ``pin`` (of :func:`parse_pin`) the person's; the caller has checked a recent login.

    :raises Conflict: (``no_contact``) without a confirmed telephone.
    """
    person = hold_person(session, person.id)
    if not person.phone_verified:
        raise Conflict("There is no confirmed telephone.", code="no_contact")
    session.merge(UssdPinRow(person_id=person.id, pin_hmac=_digest(services, person, pin), set_at=now))
    session.flush()
    throttle.forgive(session, key=_counter(services, person.id))
    services.journal.record(session, Event(type=EventType.USSD_PIN_SET, subject=person.id), now=now)
    _tell(session, services, person, "added", now=now)


def remove_pin(session: Session, *, services: IdpServices, person: Person, now: datetime) -> None:
    """Approve nothing by USSD any more."""
    if drop_pin(session, person_id=person.id):
        services.journal.record(session, Event(type=EventType.USSD_PIN_REMOVED, subject=person.id), now=now)
        _tell(session, services, person, "removed", now=now)


def drop_pin(session: Session, *, person_id: str) -> bool:
    """Delete PIN and dialogues, with the telephone or the person; tell whether there was one."""
    session.execute(delete(UssdDialogueRow).where(UssdDialogueRow.person_id == person_id))
    dropped = session.execute(
        delete(UssdPinRow).where(UssdPinRow.person_id == person_id).returning(UssdPinRow.person_id)
    )
    return dropped.scalar_one_or_none() is not None


def has_pin(session: Session, person_id: str) -> bool:
    """Tell whether the person approves by USSD."""
    return session.get(UssdPinRow, person_id) is not None


def people_behind(session: Session, phone: str) -> list[Person]:
    """Return who approves by USSD with this confirmed telephone: several, where a family shares it."""
    rows = session.scalars(
        select(PersonRow)
        .join(UssdPinRow, UssdPinRow.person_id == PersonRow.id)
        .where(PersonRow.phone == phone, PersonRow.phone_verified_at.is_not(None), PersonRow.status == ACTIVE)
        .order_by(PersonRow.id)
    )
    return [as_person(row) for row in rows]


def require_pin(session: Session, *, services: IdpServices, person: Person, pin: str, now: datetime) -> None:
    """Check the PIN; the try is counted before, and three in a day are all. Errors leave with their event.

    :raises WrongPinError: :raises Throttled: (``too_many_tries``).
    """
    row, key = session.get(UssdPinRow, person.id), _counter(services, person.id)
    try:
        left = throttle.take_try(session, key=key, limit=PIN_TRIES, now=now)
    except Throttled as error:
        services.journal.refuse(session, _failed(person, error.code), error, now=now)
    if row is None or not hmac.compare_digest(row.pin_hmac, _digest(services, person, pin)):
        wrong = WrongPinError(tries_left=left)
        services.journal.refuse(session, _failed(person, wrong.code), wrong, now=now)
    throttle.forgive(session, key=key)
    services.journal.record(session, Event(type=EventType.USSD_PIN_VERIFIED, subject=person.id), now=now)


def _failed(person: Person, reason: str) -> Event:
    return Event(type=EventType.USSD_PIN_VERIFIED, outcome=Outcome.FAILURE, reason=reason, subject=person.id)


def _counter(services: IdpServices, person_id: str) -> str:
    return throttle.throttle_key(services, PIN_TRIES, person_id)


def _digest(services: IdpServices, person: Person, pin: str) -> str:
    secret = derive_secret(services.sealing_secret, "ussd-pin")
    return hmac.digest(secret, f"{person.id}:{person.phone}:{pin}".encode(), "sha256").hex()


def _tell(session: Session, services: IdpServices, person: Person, change: str, *, now: datetime) -> None:
    context = {"change": change, "kind": "ussd"}
    notify_everywhere(session, services=services, person=person, template=_TEMPLATE, context=context, now=now)
