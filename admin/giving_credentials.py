"""Making and withdrawing credentials of enrolment protocols: one call for all three of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from admin.credentials import IssuedCredential, Kind, find_issued
from admin.permissions import Permission
from admin.roles import Powers
from ca.acme import credential as acme
from ca.enrolment import credential as enrolment
from ca.profiles.profile import Profile
from ca.services import CaServices
from kernel.errors import NotFound
from kernel.secret_text import SecretText

_ISSUE = Permission.CREDENTIALS_ISSUE


def offered_profiles(services: CaServices) -> list[Profile]:
    """Return what machines enrol for: a person's certificate is not brought by a device."""
    return [each for each in services.profiles.list() if each.by_hand and not each.is_personal]


def offered_profile(services: CaServices, name: str) -> Profile:
    """Return one of them. :raises NotFound: ``unknown_profile``."""
    for each in offered_profiles(services):
        if each.name == name:
            return each
    raise NotFound("There is no such profile.", code="unknown_profile")


def make_credential(
    session: Session,
    *,
    services: CaServices,
    powers: Powers,
    kind: Kind,
    institution_ruc: str,
    profile: str,
    names: Sequence[str],
    inputs: Mapping[str, str],
    uses: int,
    lifetime: timedelta,
    actor: str,
    now: datetime,
) -> tuple[IssuedCredential, SecretText]:
    """Return the credential, and its secret, which nobody can read again.

    :raises NotFound: for an institution out of reach, ``unknown_profile``. :raises Rejected: as each protocol's own.
    """
    powers.require_institution(_ISSUE, institution_ruc)
    if kind is Kind.ACME:
        made = acme.issue_credential(
            session,
            services=services,
            institution_ruc=institution_ruc,
            domains=list(names),
            accounts=uses,
            expires_at=now + lifetime,
            actor=actor,
            now=now,
        )
        found_id, secret = made.key_id, SecretText(made.mac_key)
    else:
        held, secret = enrolment.create_credential(
            session,
            services=services,
            protocol=enrolment.Protocol(kind.value),
            profile=offered_profile(services, profile).name,
            institution_ruc=institution_ruc,
            names=list(names),
            inputs=dict(inputs),
            uses=uses,
            lifetime=lifetime,
            actor=actor,
            now=now,
        )
        found_id = held.id
    return find_issued(session, kind, found_id, powers=powers, permission=_ISSUE), secret


def withdraw_credential(
    session: Session,
    *,
    services: CaServices,
    powers: Powers,
    kind: Kind,
    credential_id: str,
    actor: str,
    now: datetime,
) -> IssuedCredential:
    """Withdraw it; one that was withdrawn before stays so. :raises NotFound: ``not_found``."""
    found = find_issued(session, kind, credential_id, powers=powers, permission=_ISSUE)
    if found.kind is not Kind.ACME:
        enrolment.revoke_credential(session, services=services, credential_id=found.id, actor=actor, now=now)
    elif found.revoked_at is None:
        acme.revoke_credential(session, services=services, key_id=found.id, actor=actor, now=now)
    session.expire_all()
    return find_issued(session, kind, credential_id, powers=powers, permission=_ISSUE)
