"""Removing every way in beside the password: what a person has lost, or somebody else may have."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from idp.accounts.person import find_person
from idp.authentication.recovery_codes import remove_recovery_codes
from idp.authentication.totp import remove_totp
from idp.codes.enrolment import remove_card, remove_sms
from idp.passkeys.upkeep import remove_every_passkey
from idp.services import IdpServices
from idp.ussd.pin import remove_pin


def remove_every_factor(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> None:
    """Remove all second factors and recovery codes of a person, on record. A new kind of factor adds its line here."""
    remove_totp(session, services=services, person_id=person_id, factor_id=None, now=now)
    person = find_person(session, person_id)
    remove_sms(session, services=services, person=person, sid=None, now=now)
    remove_card(session, services=services, person=person, sid=None, now=now)
    remove_every_passkey(session, services=services, person_id=person_id, now=now)
    remove_pin(session, services=services, person=person, now=now)
    remove_recovery_codes(session, person_id=person_id)
