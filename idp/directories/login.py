"""Logging in with an institution's password: the directory says yes or no, nothing here stands in for it.

As with a password of our own, three parts: a try is taken and committed; the directory is asked outside of any
transaction; then result, event, link and session are committed together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.document import columns_of, is_passport
from idp.accounts.model import PasswordRow, PersonRow
from idp.accounts.person import ACTIVE, find_person, hold_person
from idp.authentication import throttle
from idp.authentication.assurance import AMR_PASSWORD
from idp.authentication.interaction import load_interaction, note_password_verified
from idp.authentication.known_device import find_known_device
from idp.authentication.login import OpenedSession, log_in_with_password, open_session
from idp.authentication.password_try import WrongCredentialsError
from idp.authentication.second_factor_kinds import has_second_factor
from idp.directories.account_state import CLOSED
from idp.directories.arrival import person_of_entry
from idp.directories.departure import let_go
from idp.directories.directory import Directory, Entry
from idp.directories.errors import DirectoryAccountError, DirectoryError, DirectoryMismatchError
from idp.directories.links import find_link, governing_directory, person_named
from idp.directories.names import InstitutionalName, require_password_to_send
from idp.directories.register import directory_asked_by_cedula, directory_of_domain, find_directory
from idp.services import IdpServices
from kernel.errors import NotFound, ServiceError, Throttled
from kernel.secret_text import SecretText


@dataclass(frozen=True, kw_only=True)
class _Try:
    """A try that was counted. :ivar person_id: whose it seems to be, if anybody's here."""

    directory: Directory
    name: InstitutionalName | None
    cedula: str
    person_id: str | None
    counter: str
    address_counter: str
    tries_left: int
    known_device: bool

    @property
    def private(self) -> dict[str, str]:
        """What was typed, for the event: only where there is a person whose key it can be sealed under."""
        return {"typed": str(self.name) if self.name else self.cedula} if self.person_id else {}


def log_in_by_password(
    services: IdpServices,
    *,
    interaction_id: str,
    browser_secret: str | None,
    session_secret: str | None,
    device_secret: str | None,
    typed: str | InstitutionalName,
    password: SecretText,
    now: datetime,
) -> OpenedSession | None:
    """Check name and password where this person's password lives; open a session, or note that more is due (``None``).

    A name of an institution leads to its directory. So does the cédula of who has come from there before, and never to
    both: a directory that does not answer lets nobody in by an old password.

    :param typed: a cédula or passport made valid, or a name of a person in an institution.
    :raises ServiceError: as :func:`idp.authentication.login.log_in_with_password` and :func:`log_in_with_directory`.
    """
    name, cedula = (typed, "") if isinstance(typed, InstitutionalName) else (None, typed)
    with services.database.reading() as session:
        directory = _directory_of(session, services, name, cedula)
    if directory is not None:
        return log_in_with_directory(
            services,
            interaction_id=interaction_id,
            browser_secret=browser_secret,
            session_secret=session_secret,
            device_secret=device_secret,
            directory=directory,
            name=name,
            cedula=cedula,
            password=password,
            now=now,
        )
    # A name of an institution that nobody asks is nobody's: the same work and the same words as for any other.
    return log_in_with_password(
        services,
        interaction_id=interaction_id,
        browser_secret=browser_secret,
        session_secret=session_secret,
        device_secret=device_secret,
        document=cedula or str(name).casefold(),
        password=password,
        now=now,
    )


def log_in_with_directory(
    services: IdpServices,
    *,
    interaction_id: str,
    browser_secret: str | None,
    session_secret: str | None,
    device_secret: str | None,
    directory: Directory,
    name: InstitutionalName | None,
    cedula: str,
    password: SecretText,
    now: datetime,
) -> OpenedSession | None:
    """Ask the directory; open a session, or note the step when the person's second factor is due (``None``).

    :raises Rejected: (``password_missing``) for a password that must not be sent; nothing is asked then.
    :raises Throttled: (``too_many_tries``), :class:`WrongCredentialsError`, or as ``load_interaction``.
    :raises DirectoryAccountError: if the account is closed there.
    :raises DirectoryError: (``directory_unavailable``) if it does not answer; the try does not count then.
    :raises Denied: as :func:`idp.directories.arrival.person_of_entry`.
    """
    octets = require_password_to_send(password)
    with services.database.transaction() as session:
        load_interaction(session, interaction_id=interaction_id, browser_secret=browser_secret, now=now)
        attempt = _take_try(session, services, directory, name, cedula, device_secret=device_secret, now=now)
    try:
        entry = services.directories.authenticate(directory, name=name, cedula=cedula, password=octets, now=now)
    except (DirectoryMismatchError, DirectoryAccountError, DirectoryError) as error:
        with services.database.transaction() as session:
            if isinstance(error, DirectoryAccountError) and error.state in CLOSED:
                _let_go(session, services, directory, error.entry_key, now=now)
            _refuse(session, services, attempt, error, now=now)
    with services.database.transaction() as session:
        interaction = load_interaction(session, interaction_id=interaction_id, browser_secret=browser_secret, now=now)
        person_id = _admitted(session, services, attempt, entry, now=now)
        throttle.forgive(session, key=attempt.counter)
        event = Event(
            type=EventType.PASSWORD_VERIFIED,
            subject=person_id,
            client_id=interaction.client_id,
            object_id=directory.id,
            details={"directory": directory.name},
        )
        services.journal.record(session, event, now=now)
        if has_second_factor(session, person_id):
            note_password_verified(session, interaction_id=interaction.id, person_id=person_id, now=now)
            return None
        return open_session(
            session,
            services=services,
            person_id=person_id,
            amr=[AMR_PASSWORD],
            session_secret=session_secret,
            device_secret=device_secret,
            interaction=interaction,
            now=now,
        )


def _directory_of(
    session: Session, services: IdpServices, name: InstitutionalName | None, cedula: str
) -> Directory | None:
    if name is not None:
        return directory_of_domain(session, services=services, domain=name.domain)
    row = session.execute(
        select(PersonRow.id, PasswordRow.person_id.label("has_password"))
        .outerjoin(PasswordRow, PasswordRow.person_id == PersonRow.id)
        .filter_by(**columns_of(cedula))
    ).one_or_none()
    if row is not None:
        linked = governing_directory(session, row.id)
        if linked is not None:
            return find_directory(session, services=services, directory_id=linked)
        if row.has_password is not None:
            return None
    return None if is_passport(cedula) else directory_asked_by_cedula(session, services=services)


def _take_try(
    session: Session,
    services: IdpServices,
    directory: Directory,
    name: InstitutionalName | None,
    cedula: str,
    *,
    device_secret: str | None,
    now: datetime,
) -> _Try:
    """Count the try before it is made. Who is known counts under the cédula, by whatever name the door was tried."""
    person_id = person_named(session, directory_id=directory.id, username=name.username) if name else None
    if name is None:
        person_id = session.scalar(select(PersonRow.id).where(PersonRow.cedula == cedula))
    who = cedula or f"{directory.id}:{str(name).casefold()}"
    if person_id is not None:
        who = session.scalar(select(PersonRow.cedula).where(PersonRow.id == person_id)) or who
    device = find_known_device(session, person_id=person_id or "", secret=device_secret, now=now)
    counter = throttle.throttle_key(services, throttle.PASSWORD_BY_ACCOUNT, who, device or "")
    by_address = throttle.throttle_key(services, throttle.PASSWORD_BY_ADDRESS, throttle.network_of_caller())
    try:
        if device is None and services.settings.rate_limits == "on":
            throttle.require_not_throttled(session, key=by_address, limit=throttle.PASSWORD_BY_ADDRESS, now=now)
        left = throttle.take_try(session, key=counter, limit=throttle.PASSWORD_BY_ACCOUNT, now=now)
    except Throttled as error:
        event = Event(
            type=EventType.LOGIN_THROTTLED,
            outcome=Outcome.REFUSED,
            reason=error.code,
            subject=person_id,
            object_id=directory.id,
            details={"factor": "password", "known_device": device is not None, "directory": directory.name},
        )
        services.journal.refuse(session, event, error, now=now)
    return _Try(
        directory=directory,
        name=name,
        cedula=cedula,
        person_id=person_id,
        counter=counter,
        address_counter=by_address,
        tries_left=left,
        known_device=device is not None,
    )


def _admitted(session: Session, services: IdpServices, attempt: _Try, entry: Entry, *, now: datetime) -> str:
    """Return whose account here the entry is, held until the transaction ends."""
    try:
        username = attempt.name.username if attempt.name else entry.mail.partition("@")[0] or attempt.cedula
        if attempt.cedula and entry.cedula != attempt.cedula:
            raise NotFound("The entry is another person's.", code="directory_cedula_differs")
        person_id = person_of_entry(
            session, services=services, directory=attempt.directory, entry=entry, username=username, now=now
        )
    except ServiceError as error:
        _refuse(session, services, attempt, error, now=now)
    if hold_person(session, person_id).status != ACTIVE:
        _refuse(session, services, attempt, DirectoryMismatchError(), now=now, reason="no_usable_account")
    return find_person(session, person_id).id


def _let_go(session: Session, services: IdpServices, directory: Directory, entry_key: str, *, now: datetime) -> None:
    """The directory has said, to the right password, that the account is closed: no second look is needed."""
    link = find_link(session, directory_id=directory.id, entry_key=entry_key) if entry_key else None
    if link is not None and link.left_at is None:
        let_go(session, services=services, directory=directory, link=link, actor=directory.source.actor, now=now)


def _refuse(
    session: Session, services: IdpServices, attempt: _Try, error: Exception, *, now: datetime, reason: str = ""
) -> NoReturn:
    details: dict[str, str | bool] = {"directory": attempt.directory.name, "known_device": attempt.known_device}
    raised: ServiceError
    if isinstance(error, DirectoryMismatchError):
        throttle.count_failure(session, key=attempt.address_counter, limit=throttle.PASSWORD_BY_ADDRESS, now=now)
        raised, outcome = WrongCredentialsError(tries_left=attempt.tries_left), Outcome.FAILURE
        reason = reason or "wrong_password"
    else:
        assert isinstance(error, ServiceError)
        raised, outcome, reason = error, Outcome.REFUSED, error.code
    if isinstance(error, DirectoryError):
        throttle.give_back(session, key=attempt.counter)
        details["why"] = error.reason.value
    elif not isinstance(error, DirectoryMismatchError):
        throttle.forgive(session, key=attempt.counter)  # the password was right
    event = Event(
        type=EventType.PASSWORD_VERIFIED,
        outcome=outcome,
        reason=reason,
        subject=attempt.person_id,
        object_id=attempt.directory.id,
        details=details,
        private=attempt.private,
    )
    services.journal.refuse(session, event, raised, now=now)
