"""A try of a password: taken and counted before the hash is looked at, on record when it was wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.document import is_passport
from idp.accounts.model import PasswordRow, PersonRow
from idp.accounts.person import ACTIVE, has_document, hold_person
from idp.authentication import throttle
from idp.authentication.interaction import load_interaction
from idp.authentication.known_device import find_known_device
from idp.authentication.password import (
    PasswordMismatchError,
    hash_password,
    needs_rehash,
    place_for_password,
    require_password,
)
from idp.directories.links import governing_directory
from idp.services import IdpServices
from kernel.errors import Denied, Throttled
from kernel.secret_text import SecretText


class WrongCredentialsError(Denied):
    """Document and password do not fit together. :ivar tries_left: how many tries are left before a wait."""

    default_code = "wrong_credentials"

    def __init__(self, *, tries_left: int) -> None:
        super().__init__("The cédula or the password does not fit.")
        self.tries_left = tries_left


@dataclass(frozen=True)
class _Candidate:
    """Who has the document: ``phc`` is null when nobody active with a password has it."""

    person_id: str | None
    phc: str | None
    counter: str
    tries_left: int
    known_device: bool


@dataclass(frozen=True)
class CheckedPassword:
    """A password that fits what stood when it was looked at.

    :ivar renewed: its digest in the form of today, where the one that stands is of another.
    """

    candidate: _Candidate
    document: str
    renewed: str | None


def look_at_password(
    services: IdpServices,
    *,
    interaction_id: str,
    browser_secret: str | None,
    device_secret: str | None,
    document: str,
    password: SecretText,
    now: datetime,
) -> CheckedPassword:
    """Take and commit a try, then look at the hash outside of any transaction.

    :raises Throttled: (``too_many_tries``), :class:`WrongCredentialsError`, or as ``load_interaction``.
    :raises Unavailable: (``overloaded``) if too many passwords are being looked at; the try does not count then.
    """
    with place_for_password():  # a try that is not looked at is none, and must not count
        with services.database.transaction() as session:
            load_interaction(session, interaction_id=interaction_id, browser_secret=browser_secret, now=now)
            candidate = _take_try(session, services, document=document, device_secret=device_secret, now=now)
        try:
            require_password(password, phc=candidate.phc, placed=True)
        except PasswordMismatchError:
            with services.database.transaction() as session:
                _refuse(session, services, candidate, document=document, now=now)
    renewed = hash_password(password) if candidate.phc and needs_rehash(candidate.phc) else None
    return CheckedPassword(candidate, document, renewed)


def require_checked(
    session: Session, services: IdpServices, checked: CheckedPassword, *, client_id: str | None, now: datetime
) -> str:
    """Return whose password it still is, and put it on record; the tries from before are forgiven.

    :raises WrongCredentialsError: the account was closed, or got another password, meanwhile.
    """
    person_id = _still_active(session, checked.candidate)
    if person_id is None:
        _refuse(session, services, checked.candidate, document=checked.document, now=now)
    throttle.forgive(session, key=checked.candidate.counter)
    if checked.renewed is not None:
        # The same password in another form: what rests on it goes on, so ``set_at`` stays.
        session.execute(update(PasswordRow).where(PasswordRow.person_id == person_id).values(phc=checked.renewed))
    event = Event(type=EventType.PASSWORD_VERIFIED, subject=person_id, client_id=client_id)
    services.journal.record(session, event, now=now)
    return person_id


def _take_try(
    session: Session, services: IdpServices, *, document: str, device_secret: str | None, now: datetime
) -> _Candidate:
    row = session.execute(
        select(PersonRow.id, PersonRow.status, PersonRow.cedula, PasswordRow.phc)
        .outerjoin(PasswordRow, PasswordRow.person_id == PersonRow.id)
        .where(has_document(document))
    ).one_or_none()
    person_id = row.id if row else None
    device = find_known_device(session, person_id=person_id or "", secret=device_secret, now=now)
    # One count for a person, by whichever of two documents: what the account page counts by.
    known_as = (row.cedula if row else None) or document
    counter = throttle.throttle_key(services, throttle.PASSWORD_BY_ACCOUNT, known_as, device or "")
    try:
        if device is None and services.settings.rate_limits == "on":
            for key, limit in _network_counters(services):
                throttle.require_not_throttled(session, key=key, limit=limit, now=now)
        tries_left = throttle.take_try(session, key=counter, limit=throttle.PASSWORD_BY_ACCOUNT, now=now)
    except Throttled as error:
        event = Event(
            type=EventType.LOGIN_THROTTLED,
            outcome=Outcome.REFUSED,
            reason=error.code,
            subject=person_id,
            details={"factor": "password", "known_device": device is not None},
            private=_typed(document) if person_id else {},
        )
        services.journal.refuse(session, event, error, now=now)
    usable = row is not None and row.status == ACTIVE and governing_directory(session, row.id) is None
    phc = row.phc if row and usable else None
    return _Candidate(person_id, phc, counter, tries_left, device is not None)


def _refuse(
    session: Session, services: IdpServices, candidate: _Candidate, *, document: str, now: datetime
) -> NoReturn:
    for key, limit in _network_counters(services):
        throttle.count_failure(session, key=key, limit=limit, now=now)
    event = Event(
        type=EventType.PASSWORD_VERIFIED,
        outcome=Outcome.FAILURE,
        reason=_reason(candidate),
        subject=candidate.person_id,
        details={"known_device": candidate.known_device},
        # Who is nobody here has no key to be erased by: what he typed is not kept.
        private=_typed(document) if candidate.person_id else {},
    )
    services.journal.refuse(session, event, WrongCredentialsError(tries_left=candidate.tries_left), now=now)


def _typed(document: str) -> dict[str, str]:
    return {"passport" if is_passport(document) else "cedula": document}


def _reason(candidate: _Candidate) -> str:
    if candidate.person_id is None:
        return "unknown_person"
    return "wrong_password" if candidate.phc else "no_usable_password"


def _still_active(session: Session, candidate: _Candidate) -> str | None:
    """The account may have been disabled, or got another password, while the hash was checked."""
    if candidate.person_id is None:
        return None
    hold_person(session, candidate.person_id)
    row = session.execute(
        select(PersonRow.status, PasswordRow.phc)
        .join(PasswordRow, PasswordRow.person_id == PersonRow.id)
        .where(PersonRow.id == candidate.person_id)
    ).one_or_none()
    if row is None or row.status != ACTIVE or row.phc != candidate.phc:
        return None
    return candidate.person_id


def _network_counters(services: IdpServices) -> tuple[tuple[str, throttle.Limit], ...]:
    """The caller's address, and the network around it: neither stops a known device."""
    by_address, by_network = throttle.PASSWORD_BY_ADDRESS, throttle.PASSWORD_BY_NETWORK
    return (
        (throttle.throttle_key(services, by_address, throttle.network_of_caller()), by_address),
        (throttle.throttle_key(services, by_network, throttle.wide_network_of_caller()), by_network),
    )
