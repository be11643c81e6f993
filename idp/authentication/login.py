"""Logging in: the password step, the second step, and the session that comes out of them.

The password step is three parts: a try is taken and committed; the hash is checked outside of any transaction (it
costs tens of milliseconds); then result, event and session are committed together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from idp.accounts.person import find_person, hold_person
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
from idp.authentication.password_try import look_at_password, require_checked
from idp.authentication.second_factor import require_second_factor
from idp.authentication.second_factor_kinds import SecondFactor, has_second_factor, methods_of, steps_of
from idp.authentication.steps import Step, due_step, is_recent, person_in_question, reaches
from idp.broker.upstream_session import carry_over, first_method, rest_on_nothing
from idp.codes.new_device import is_code_due
from idp.notices.mail import notify
from idp.services import IdpServices
from kernel.errors import Conflict
from kernel.origin import current_origin
from kernel.secret_text import SecretText


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
    checked = look_at_password(
        services,
        interaction_id=interaction_id,
        browser_secret=browser_secret,
        device_secret=device_secret,
        document=document,
        password=password,
        now=now,
    )
    with services.database.transaction() as session:
        interaction = load_interaction(session, interaction_id=interaction_id, browser_secret=browser_secret, now=now)
        person_id = require_checked(session, services, checked, client_id=interaction.client_id, now=now)
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


def _is_still_due(session: Session, situation: Situation, *, now: datetime) -> bool:
    """The password step may have been undone by a new password, or the session ended, before the person was held."""
    current = situation.current
    if current is not None and is_recent(situation.interaction, current):
        return find_session_by_sid(session, sid=current.sid, now=now) is not None
    row = session.get_one(InteractionRow, situation.interaction.id, populate_existing=True)
    return row.person_id == situation.person_id
