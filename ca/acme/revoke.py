"""Revocation (RFC 8555 §7.6): by the account that ordered it, by one that controls all its names, or by its own key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.acme.account import actor_of
from ca.acme.account_key import AccountKey
from ca.acme.identifier import base_name, is_wildcard
from ca.acme.model import Account, Authorization, Order
from ca.acme.problem import AcmeProblem, Kind, malformed
from ca.acme.profiles import offered_profiles
from ca.acme.state import VALID
from ca.issuance.model import Certificate
from ca.revocation.reason import RevocationReason
from ca.revocation.revoke import revoke_certificate
from ca.services import CaServices
from kernel.errors import Conflict, ServiceError
from kernel.identifiers import b64url_decode, sha256_hex

# RFC 5280 §5.3.1; what a subscriber may say of his certificate (BR §4.9.1.1).
_REASONS = {
    0: RevocationReason.UNSPECIFIED,
    1: RevocationReason.KEY_COMPROMISE,
    3: RevocationReason.AFFILIATION_CHANGED,
    4: RevocationReason.SUPERSEDED,
    5: RevocationReason.CESSATION_OF_OPERATION,
}


def revoke_by_message(
    session: Session,
    *,
    services: CaServices,
    request: Mapping[str, Any],
    account: Account | None,
    key: AccountKey | None,
    now: datetime,
) -> None:
    """Revoke the certificate that ``request`` holds. A refusal is on record.

    :param account: who signed the request, or None if it was signed by ``key``, which must be the certificate's.
    :raises AcmeProblem: ``malformed``, ``unauthorized``, ``alreadyRevoked``, ``badRevocationReason``.
    """
    certificate_sha256, reason = _read(request)
    row = session.scalar(select(Certificate).where(Certificate.certificate_sha256 == certificate_sha256))
    if row is None:
        raise AcmeProblem(Kind.NOT_FOUND, "This certificate is not of this authority.")
    actor = actor_of(account.id) if account else "acme:certificate-key"
    by_holder = key is not None and key.spki_sha256 == row.spki_sha256
    by_orderer = account is not None and _has_ordered(session, account, row)
    if not (by_holder or by_orderer or (account is not None and _controls(session, account, row, services, now=now))):
        error = AcmeProblem(Kind.UNAUTHORIZED, "Neither this account nor this key may revoke the certificate.")
        _refuse(session, services, row, error, actor=actor, now=now)
    if reason is RevocationReason.KEY_COMPROMISE and not (by_holder or by_orderer):
        # It blocks the key for good: whoever controls the name today did not necessarily have yesterday's key.
        error = AcmeProblem(Kind.BAD_REVOCATION_REASON, "Key compromise is told by who ordered it, or by its key.")
        _refuse(session, services, row, error, actor=actor, now=now)
    try:
        revoke_certificate(session, services=services, serial=row.serial, reason=reason.value, actor=actor, now=now)
    except Conflict as error:
        raise _committed(AcmeProblem(Kind.ALREADY_REVOKED, "The certificate is revoked already."), error) from error
    except ServiceError as error:
        raise _committed(AcmeProblem(Kind.UNAUTHORIZED, error.public_detail, code=error.code), error) from error


def _read(request: Mapping[str, Any]) -> tuple[str, RevocationReason]:
    member, number = request.get("certificate"), request.get("reason", 0)
    try:
        der = b64url_decode(member) if isinstance(member, str) else b""
    except ValueError:
        der = b""
    if not der:
        raise malformed("certificate is the certificate in DER, as base64url.")
    reason = _REASONS.get(number) if isinstance(number, int) and not isinstance(number, bool) else None
    if reason is None:
        accepted = ", ".join(f"{code} ({name})" for code, name in _REASONS.items())
        raise AcmeProblem(Kind.BAD_REVOCATION_REASON, f"Reasons that are accepted: {accepted}.")
    return sha256_hex(der), reason


def _has_ordered(session: Session, account: Account, row: Certificate) -> bool:
    query = select(Order.id).where(Order.serial == row.serial, Order.account_id == account.id)
    return session.scalar(query) is not None


def _controls(session: Session, account: Account, row: Certificate, services: CaServices, *, now: datetime) -> bool:
    """§7.6: an account with valid authorizations for all of the certificate's identifiers."""
    if row.profile not in offered_profiles(services) or not row.names:
        return False
    proved = session.execute(
        select(Authorization.name, Authorization.wildcard).where(
            Authorization.account_id == account.id,
            Authorization.status == VALID,
            Authorization.expires_at > now,
            Authorization.name.in_({base_name(name) for name in row.names}),
        )
    )
    held = {(name, wildcard) for name, wildcard in proved}
    return all((base_name(name), is_wildcard(name)) in held for name in row.names)


def _refuse(
    session: Session, services: CaServices, row: Certificate, error: AcmeProblem, *, actor: str, now: datetime
) -> NoReturn:
    event = Event(
        type=EventType.CERTIFICATE_REVOCATION_REFUSED,
        outcome=Outcome.REFUSED,
        reason=error.code,
        actor=actor,
        object_id=row.serial,
    )
    services.journal.refuse(session, event, error, now=now)


def _committed(problem: AcmeProblem, cause: ServiceError) -> AcmeProblem:
    problem.commits = cause.commits
    return problem
