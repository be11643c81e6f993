"""Logging in: the password step, the second step, and the session that comes out of them.

The password step is three parts: a try is taken and committed; the hash is checked outside of any transaction (it
costs tens of milliseconds); then result, event and session are committed together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.document import is_passport
from idp.accounts.model import PasswordRow, PersonRow
from idp.accounts.person import ACTIVE, find_person, has_document, hold_person
from idp.authentication import throttle
from idp.authentication.assurance import AMR_PASSWORD, with_methods
from idp.authentication.browser_session import (
    BrowserSession,
    end_browser_session,
    find_browser_session,
    find_session_by_sid,
    reauthenticate,
    start_browser_session,
    step_up,
)
from idp.authentication.device import describe_device
from idp.authentication.interaction import (
    Interaction,
    forget_password_verified,
    load_interaction,
    note_password_verified,
)
from idp.authentication.known_device import find_known_device, remember_device
from idp.authentication.login_place import look_at_place
from idp.authentication.model import InteractionRow
from idp.authentication.password import (
    PasswordMismatchError,
    hash_password,
    needs_rehash,
    place_for_password,
    require_password,
)
from idp.authentication.second_factor import require_second_factor
from idp.authentication.second_factor_kinds import SecondFactor, has_second_factor, methods_of, steps_of
from idp.authentication.steps import Step, due_step, is_recent, person_in_question, reaches
from idp.broker.upstream_session import carry_over, first_method, rest_on_nothing
from idp.codes.new_device import is_code_due
from idp.directories.links import governing_directory
from idp.notices.mail import notify
from idp.services import IdpServices
from kernel.errors import Conflict, Denied, Throttled
from kernel.origin import current_origin
from kernel.secret_text import SecretText


class WrongCredentialsError(Denied):
    """Document and password do not fit together. :ivar tries_left: how many tries are left before a wait."""

    default_code = "wrong_credentials"

    def __init__(self, *, tries_left: int) -> None:
        super().__init__("The cédula or the password does not fit.")
        self.tries_left = tries_left


@dataclass(frozen=True)
class OpenedSession:
    """A session that has just been opened or renewed, and the secrets for the browser's cookies."""

    session: BrowserSession
    secret: str
    device_secret: str | None


@dataclass(frozen=True)
class Situation:
    """Where a login stands: the step due, the person it concerns, if known, and the second factors that will do."""

    interaction: Interaction
    step: Step
    current: BrowserSession | None
    person_id: str | None
    second_factors: tuple[SecondFactor, ...] = ()


@dataclass(frozen=True)
class _Candidate:
    """Who has the document: ``phc`` is null when nobody active with a password has it."""

    person_id: str | None
    phc: str | None
    counter: str
    tries_left: int
    known_device: bool


def look_at_login(
    session: Session,
    *,
    interaction_id: str,
    browser_secret: str | None,
    session_secret: str | None,
    now: datetime,
) -> Situation:
    """Return where the login stands, for the browser that asks. :raises ServiceError: as ``load_interaction``."""
    interaction = load_interaction(session, interaction_id=interaction_id, browser_secret=browser_secret, now=now)
    current = find_browser_session(session, secret=session_secret, now=now)
    person_id = person_in_question(interaction, current=current, now=now)
    kinds = steps_of(session, person_id) if person_id is not None else ()
    if current is not None and is_recent(interaction, current):
        kinds = tuple(kind for kind in kinds if reaches(interaction, current, kind.amr))
    step = due_step(interaction, current=current, second_factors=methods_of(kinds), now=now)
    return Situation(interaction, step, current, person_id, kinds)


def log_in_with_password(
    services: IdpServices,
    *,
    interaction_id: str,
    browser_secret: str | None,
    session_secret: str | None,
    device_secret: str | None,
    document: str,
    password: SecretText,
    now: datetime,
) -> OpenedSession | None:
    """Check document and password; open a session, or note the step when the person's second factor is due (``None``).

    Absent, disabled and passwordless accounts take the same work and give the same answer.

    :param document: the cédula or passport, made valid by ``parse_document``.
    :raises Throttled: (``too_many_tries``), :class:`WrongCredentialsError`, or as ``load_interaction``.
    :raises Unavailable: (``overloaded``) if too many passwords are being looked at; the try does not count then.
    """
    with place_for_password():  # a try that is not looked at is none, and must not count
        with services.database.transaction() as session:
            load_interaction(session, interaction_id=interaction_id, browser_secret=browser_secret, now=now)
            candidate = _take_password_try(session, services, document=document, device_secret=device_secret, now=now)
        try:
            require_password(password, phc=candidate.phc, placed=True)
        except PasswordMismatchError:
            with services.database.transaction() as session:
                _refuse_password(session, services, candidate, document=document, now=now)
    renewed = hash_password(password) if candidate.phc and needs_rehash(candidate.phc) else None
    with services.database.transaction() as session:
        interaction = load_interaction(session, interaction_id=interaction_id, browser_secret=browser_secret, now=now)
        person_id = _still_active(session, candidate)
        if person_id is None:
            _refuse_password(session, services, candidate, document=document, now=now)
        throttle.forgive(session, key=candidate.counter)
        if renewed is not None:
            # The same password in another form: what rests on it goes on, so ``set_at`` stays.
            session.execute(update(PasswordRow).where(PasswordRow.person_id == person_id).values(phc=renewed))
        services.journal.record(
            session,
            Event(type=EventType.PASSWORD_VERIFIED, subject=person_id, client_id=interaction.client_id),
            now=now,
        )
        if has_second_factor(session, person_id) or is_code_due(
            session, services=services, person_id=person_id, device_secret=device_secret, now=now
        ):
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


def log_in_with_second_factor(
    services: IdpServices,
    *,
    interaction_id: str,
    browser_secret: str | None,
    session_secret: str | None,
    device_secret: str | None,
    kind: SecondFactor,
    code: str,
    now: datetime,
) -> OpenedSession:
    """Check the second factor that is due and open the session, or step up the one there is.

    :raises Conflict: (``wrong_step``) when no second factor is due.
    :raises ServiceError: as ``require_second_factor`` and ``load_interaction``.
    """
    with services.database.transaction() as session:
        situation = look_at_login(
            session,
            interaction_id=interaction_id,
            browser_secret=browser_secret,
            session_secret=session_secret,
            now=now,
        )
        person_id = situation.person_id
        if situation.step is not Step.SECOND_FACTOR or person_id is None or kind not in situation.second_factors:
            raise Conflict("No second factor is due.", code="wrong_step")
        if not hold_person(session, person_id).is_active or not _is_still_due(session, situation, now=now):
            raise Conflict("No second factor is due.", code="wrong_step")
        methods = require_second_factor(
            session,
            services=services,
            person_id=person_id,
            kind=kind,
            code=code,
            device_secret=device_secret,
            purpose="login",
            journey=interaction_id,
            now=now,
        )
        current = situation.current
        if current is not None and is_recent(situation.interaction, current):
            stepped, secret = step_up(
                session, journal=services.journal, sid=current.sid, method=methods[0], also=methods[1:], now=now
            )
            return OpenedSession(stepped, secret, None)
        return open_session(
            session,
            services=services,
            person_id=person_id,
            amr=with_methods([first_method(session, interaction_id, person_id)], methods),
            session_secret=session_secret,
            device_secret=device_secret,
            interaction=situation.interaction,
            now=now,
        )


def start_over(services: IdpServices, *, interaction_id: str, browser_secret: str | None, now: datetime) -> Interaction:
    """Go back to the password step: the person wants to log in with another cédula."""
    with services.database.transaction() as session:
        interaction = load_interaction(session, interaction_id=interaction_id, browser_secret=browser_secret, now=now)
        forget_password_verified(session, interaction_id=interaction.id)
        rest_on_nothing(session, interaction_id=interaction.id)
        return interaction


def open_session(
    session: Session,
    *,
    services: IdpServices,
    person_id: str,
    amr: Iterable[str],
    x5t_s256: str | None = None,
    session_secret: str | None,
    device_secret: str | None,
    interaction: Interaction | None,
    now: datetime,
) -> OpenedSession:
    """Open a session for a person who has proved ``amr``: the browser's own one is renewed, another's ends.

    The device becomes a known one; a new one that is not the first is told to its person by mail.
    :param x5t_s256: SHA-256 of the certificate that was used (base64url), if one was: the session then rests on it.
    """
    current = find_browser_session(session, secret=session_secret, now=now)
    if current is not None and current.person_id == person_id:
        opened, secret = reauthenticate(
            session, journal=services.journal, sid=current.sid, amr=amr, x5t_s256=x5t_s256, now=now
        )
    else:
        if current is not None:
            end_browser_session(session, journal=services.journal, sid=current.sid, reason="replaced", now=now)
        opened, secret = start_browser_session(
            session,
            journal=services.journal,
            person_id=person_id,
            amr=amr,
            x5t_s256=x5t_s256,
            idle=timedelta(minutes=services.settings.session_idle_minutes),
            absolute=timedelta(hours=services.settings.session_hours),
            now=now,
        )
    known = find_known_device(session, person_id=person_id, secret=device_secret, now=now)
    device, warn = remember_device(session, person_id=person_id, secret=device_secret, now=now)
    if warn:
        notify(
            session,
            services=services,
            person=find_person(session, person_id),
            template="new_device",
            context={"device": describe_device(current_origin().user_agent), "address": current_origin().address},
            now=now,
        )
    look_at_place(
        session,
        services=services,
        person=find_person(session, person_id),
        sid=opened.sid,
        known_device=known is not None,
        now=now,
    )
    if interaction is not None:
        forget_password_verified(session, interaction_id=interaction.id)
        carry_over(session, interaction_id=interaction.id, sid=opened.sid, person_id=person_id)
    return OpenedSession(opened, secret, device)


def _take_password_try(
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


def _refuse_password(
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


def _is_still_due(session: Session, situation: Situation, *, now: datetime) -> bool:
    """The password step may have been undone by a new password, or the session ended, before the person was held."""
    current = situation.current
    if current is not None and is_recent(situation.interaction, current):
        return find_session_by_sid(session, sid=current.sid, now=now) is not None
    row = session.get_one(InteractionRow, situation.interaction.id, populate_existing=True)
    return row.person_id == situation.person_id


def _network_counters(services: IdpServices) -> tuple[tuple[str, throttle.Limit], ...]:
    """The caller's address, and the network around it: neither stops a known device."""
    by_address, by_network = throttle.PASSWORD_BY_ADDRESS, throttle.PASSWORD_BY_NETWORK
    return (
        (throttle.throttle_key(services, by_address, throttle.network_of_caller()), by_address),
        (throttle.throttle_key(services, by_network, throttle.wide_network_of_caller()), by_network),
    )
