"""Logging in with a passkey and nothing else: the browser offers it, by a button or in the field of the name.

No name is asked for and none is answered to: what is asked of the browser is the same for everybody, so it tells
nobody who has an account or a passkey (WebAuthn §14.6.2).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.person import hold_person
from idp.authentication import throttle
from idp.authentication.assurance import with_methods
from idp.authentication.login import OpenedSession, look_at_login, open_session
from idp.authentication.steps import Step
from idp.passkeys.ceremony import PasskeyRefusedError, RelyingParty, authentication_options, read_claim
from idp.passkeys.challenge import LOGIN, give_challenge, use_challenge
from idp.passkeys.passkey import CounterWentBackError, find_claimed, require_use
from idp.passkeys.record import flag_passkey
from idp.services import IdpServices
from kernel.errors import Conflict, Throttled

# A signature cannot be guessed: this bounds what somebody can have written into the evidence.
PASSKEY_BY_ADDRESS = throttle.CERTIFICATE_BY_ADDRESS


def ask_for_passkey(
    session: Session,
    *,
    services: IdpServices,
    interaction_id: str,
    browser_secret: str | None,
    session_secret: str | None,
    now: datetime,
) -> dict[str, Any]:
    """Return what the browser asks its authenticators for: any passkey of ours, to a challenge of this login.

    :raises Conflict: (``wrong_step``) when another step is due. :raises ServiceError: as ``load_interaction``.
    """
    situation = look_at_login(
        session,
        interaction_id=interaction_id,
        browser_secret=browser_secret,
        session_secret=session_secret,
        now=now,
    )
    if situation.step is not Step.PASSWORD:
        raise Conflict("Another step is due.", code="wrong_step")
    challenge = give_challenge(session, purpose=LOGIN, journey=interaction_id, person_id=None, now=now)
    return authentication_options(RelyingParty.of(services.settings.issuer), challenge=challenge)


def log_in_with_passkey(
    session: Session,
    *,
    services: IdpServices,
    interaction_id: str,
    browser_secret: str | None,
    session_secret: str | None,
    device_secret: str | None,
    answer: str,
    now: datetime,
) -> OpenedSession:
    """Judge the browser's answer and open a session: two factors at once, for the authenticator verified its person.

    :raises PasskeyRefusedError: on record, whatever the reason, with the same words for each.
    :raises Throttled: (``too_many_tries``) after many refusals of one network, on record.
    :raises Conflict: (``wrong_step``). :raises ServiceError: as ``load_interaction``.
    """
    situation = look_at_login(
        session,
        interaction_id=interaction_id,
        browser_secret=browser_secret,
        session_secret=session_secret,
        now=now,
    )
    if situation.step is not Step.PASSWORD:
        raise Conflict("Another step is due.", code="wrong_step")
    counter = throttle.throttle_key(services, PASSKEY_BY_ADDRESS, throttle.network_of_caller(), "passkey")
    _require_not_throttled(session, services, counter, now=now)
    interaction, person_id, passkey_id = situation.interaction, None, None
    try:
        claim = read_claim(answer)
        use_challenge(
            session, challenge=claim.challenge, purpose=LOGIN, journey=interaction.id, person_id=None, now=now
        )
        found = find_claimed(session, claim, person_id=None)
        person_id, passkey_id = found.person_id, found.id
        active = hold_person(session, person_id).is_active
        found = find_claimed(session, claim, person_id=None)  # as it is now that nobody else changes it
        if not active:
            raise PasskeyRefusedError("person_inactive")
        passkey = require_use(session, found, claim, party=RelyingParty.of(services.settings.issuer), now=now)
    except PasskeyRefusedError as error:
        if isinstance(error, CounterWentBackError):
            flag_passkey(session, services, error.passkey, now=now)
        throttle.count_failure(session, key=counter, limit=PASSKEY_BY_ADDRESS, now=now)
        event = Event(
            type=EventType.PASSKEY_VERIFIED,
            outcome=Outcome.REFUSED,
            reason=error.why,
            subject=person_id,
            client_id=interaction.client_id,
            object_id=passkey_id,
            details={"purpose": "login", "interaction": interaction.id},
        )
        services.journal.refuse(session, event, error, now=now)
    event = Event(
        type=EventType.PASSKEY_VERIFIED,
        subject=passkey.person_id,
        client_id=interaction.client_id,
        object_id=passkey.id,
        details={"purpose": "login", "interaction": interaction.id},
    )
    services.journal.record(session, event, now=now)
    return open_session(
        session,
        services=services,
        person_id=passkey.person_id,
        amr=with_methods((), passkey.methods),
        session_secret=session_secret,
        device_secret=device_secret,
        interaction=interaction,
        now=now,
    )


def _require_not_throttled(session: Session, services: IdpServices, counter: str, *, now: datetime) -> None:
    if services.settings.rate_limits != "on":
        return
    try:
        throttle.require_not_throttled(session, key=counter, limit=PASSKEY_BY_ADDRESS, now=now)
    except Throttled as error:
        event = Event(
            type=EventType.LOGIN_THROTTLED,
            outcome=Outcome.REFUSED,
            reason=error.code,
            details={"factor": "passkey"},
        )
        services.journal.refuse(session, event, error, now=now)
