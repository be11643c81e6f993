"""A logged-in person adds a passkey."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.identity import mask_cedula
from idp.accounts.person import Person, hold_person
from idp.authentication.browser_session import step_up
from idp.authentication.recovery_codes import issue_with_first_factor
from idp.authentication.throttle import ENROLLMENT_CODE_BY_PERSON, forgive, take_try, throttle_key
from idp.passkeys.ceremony import (
    PasskeyRefusedError,
    RelyingParty,
    challenge_of_registration,
    registration_options,
    require_registration,
)
from idp.passkeys.challenge import REGISTRATION, give_challenge, use_challenge
from idp.passkeys.model import PasskeyRow
from idp.passkeys.naming import parse_passkey_name
from idp.passkeys.passkey import as_passkey, credential_sha256, handle_of, known_credentials
from idp.passkeys.record import record_change, tell
from idp.services import IdpServices
from kernel.errors import Conflict, Throttled
from kernel.identifiers import new_id

MOST_PASSKEYS = 20


def prepare_registration(
    session: Session, *, services: IdpServices, person: Person, sid: str, now: datetime
) -> dict[str, Any]:
    """Return what the browser's authenticator is asked to make, for the session ``sid`` alone."""
    challenge = give_challenge(session, purpose=REGISTRATION, journey=sid, person_id=person.id, now=now)
    return registration_options(
        RelyingParty.of(services.settings.issuer),
        challenge=challenge,
        handle=handle_of(session, person.id),
        # Authenticators keep and copy it: enough to tell one's accounts apart, no more.
        account=mask_cedula(person.document),
        name=person.name,
        known=known_credentials(session, person.id, usable=False),
    )


def register_passkey(
    session: Session, *, services: IdpServices, person: Person, sid: str, answer: str, name: str, now: datetime
) -> str:
    """Add the passkey that the answer holds; the session is stepped up. Return its new secret.

    Recovery codes come with the first second factor.

    :param name: what its person calls it; empty: what its maker calls it, or a word of ours.
    :raises PasskeyRefusedError: on record; :raises Throttled: (``too_many_tries``) on record.
    :raises Conflict: (``passkeys_full``, ``session_ended``). :raises kernel.errors.Rejected: (``passkey_name``).
    """
    name = parse_passkey_name(name)
    hold_person(session, person.id)
    _take_try(session, services, person, now=now)
    try:
        challenge = challenge_of_registration(answer)
        use_challenge(session, challenge=challenge, purpose=REGISTRATION, journey=sid, person_id=person.id, now=now)
        made = require_registration(
            answer, party=RelyingParty.of(services.settings.issuer), expected_challenge=challenge
        )
        known = known_credentials(session, person.id, usable=False)
        taken = PasskeyRow.credential_sha256 == credential_sha256(made.credential)
        if session.scalar(select(PasskeyRow.id).where(taken)) is not None:
            raise PasskeyRefusedError("known")  # §7.1 step 26
    except PasskeyRefusedError as error:
        event = Event(
            type=EventType.PASSKEY_REGISTERED,
            outcome=Outcome.REFUSED,
            reason=error.why,
            subject=person.id,
            session_id=sid,
        )
        services.journal.refuse(session, event, error, now=now)
    if len(known) >= MOST_PASSKEYS:
        raise Conflict("There are too many passkeys.", code="passkeys_full")
    row = PasskeyRow(
        id=new_id(),
        person_id=person.id,
        credential_sha256=credential_sha256(made.credential),
        credential=made.credential,
        public_key=made.public_key,
        sign_count=made.sign_count,
        aaguid=made.aaguid,
        transports=list(made.transports),
        backup_eligible=made.backup_eligible,
        backed_up=made.backed_up,
        name=name,
        created_at=now,
    )
    session.add(row)
    session.flush()
    passkey = as_passkey(row)
    row.name = passkey.name or passkey.make or "SAU"
    record_change(
        session,
        services,
        EventType.PASSKEY_REGISTERED,
        person_id=person.id,
        passkey_id=row.id,
        sid=sid,
        in_device="internal" in row.transports,
        now=now,
    )
    forgive(session, key=_key(services, person))
    issue_with_first_factor(session, services=services, person_id=person.id, now=now)
    tell(session, services, person, "added", row.name, now=now)
    first, *more = passkey.methods
    _, secret = step_up(session, journal=services.journal, sid=sid, method=first, also=more, now=now)
    return secret


def _take_try(session: Session, services: IdpServices, person: Person, *, now: datetime) -> None:
    """Each refusal is an event: a bound on what a session can have written."""
    try:
        take_try(session, key=_key(services, person), limit=ENROLLMENT_CODE_BY_PERSON, now=now)
    except Throttled as error:
        event = Event(
            type=EventType.LOGIN_THROTTLED,
            outcome=Outcome.REFUSED,
            reason=error.code,
            subject=person.id,
            details={"factor": "passkey", "purpose": "enrollment"},
        )
        services.journal.refuse(session, event, error, now=now)


def _key(services: IdpServices, person: Person) -> str:
    return throttle_key(services, ENROLLMENT_CODE_BY_PERSON, person.id, "passkey")
