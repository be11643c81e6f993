"""A passkey as the second step, after the password: at login, at a reset, at an enrolment link."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from idp.authentication.assurance import Proved
from idp.authentication.totp import WrongCodeError
from idp.passkeys.ceremony import PasskeyRefusedError, RelyingParty, authentication_options, read_claim
from idp.passkeys.challenge import SECOND_FACTOR, give_challenge, use_challenge
from idp.passkeys.passkey import CounterWentBackError, find_claimed, known_credentials, require_use
from idp.passkeys.record import flag_passkey
from idp.services import IdpServices


class PasskeyMisfitError(WrongCodeError):
    """The passkey's answer does not fit."""

    default_code = "passkey_refused"

    def __init__(self, why: str) -> None:
        super().__init__("The passkey does not fit.")
        self.why = why


def begin_passkey(
    session: Session,
    *,
    services: IdpServices,
    person_id: str,
    journey: str,
    device: str | None = None,
    again: bool = False,
    now: datetime,
) -> dict[str, Any]:
    """Return as ``options`` what the browser asks its authenticators for: one of this person's passkeys.

    Only for someone whose password, or link, or mailbox was proved: which passkeys there are is nobody else's business.
    """
    challenge = give_challenge(session, purpose=SECOND_FACTOR, journey=journey, person_id=person_id, now=now)
    asked = authentication_options(
        RelyingParty.of(services.settings.issuer),
        challenge=challenge,
        allowed=known_credentials(session, person_id, usable=True),
    )
    return {"options": asked}


def require_passkey(
    session: Session, *, services: IdpServices, person_id: str, code: str, journey: str, now: datetime
) -> Proved:
    """Judge the answer to :func:`begin_passkey`; return what it showed.

    :param code: the browser's answer, JSON. :raises PasskeyMisfitError: the caller puts it on record.
    """
    try:
        claim = read_claim(code)
        use_challenge(
            session,
            challenge=claim.challenge,
            purpose=SECOND_FACTOR,
            journey=journey,
            person_id=person_id,
            now=now,
        )
        found = find_claimed(session, claim, person_id=person_id)
        passkey = require_use(session, found, claim, party=RelyingParty.of(services.settings.issuer), now=now)
    except PasskeyRefusedError as error:
        if isinstance(error, CounterWentBackError):
            flag_passkey(session, services, error.passkey, now=now)
        raise PasskeyMisfitError(error.why) from error
    return Proved(passkey.methods)
