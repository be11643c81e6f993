"""Asking for certificates by the API, and looking at what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ca.api.caller import NAME, actor_of, own_certificates, own_requests
from ca.api.model import ApiIdempotency
from ca.enrolment.ask import Asked, ask, look
from ca.enrolment.party import Party
from ca.issuance.delivery import deliver_certificate
from ca.issuance.model import Certificate
from ca.ports import ApiCaller
from ca.requests.model import CertificateRequest
from ca.revocation.hold import HeldAs, hold_certificate, release_certificate
from ca.revocation.revoke import Revocation, revoke_certificate
from ca.serial import parse_serial
from ca.services import CaServices
from kernel.errors import Conflict, NotFound, Rejected
from kernel.identifiers import sha256_hex

PAGE_LIMIT = 100
_MAX_KEY = 128
_KEY_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Page:
    """Rows of one page. :ivar next_cursor: for the next one, empty on the last."""

    items: tuple[dict[str, object], ...]
    next_cursor: str


def submit(
    services: CaServices,
    caller: ApiCaller,
    *,
    profile: str,
    csr: str,
    inputs: Mapping[str, str],
    idempotency_key: str | None,
    now: datetime,
) -> Asked:
    """Ask for a certificate of the caller's institution; repeating the same request brings the same answer.

    :raises Conflict: (``idempotency_key_reused``) the key stood for another request.
    :raises ServiceError: as :func:`ca.enrolment.ask.ask`.
    """
    chosen = services.profiles.get(profile)
    if not chosen.by_hand or not chosen.needs_institution:
        raise Rejected("This kind of certificate is not asked for here.", code="profile_not_requestable")
    body = sha256_hex(repr((profile, csr, sorted(inputs.items()))))
    key = _key(caller, idempotency_key)
    if key:
        with services.database.reading() as session:
            known = session.get(ApiIdempotency, key)
            if known is not None and known.body_sha256 != body:
                raise Conflict("This Idempotency-Key stood for another request.", code="idempotency_key_reused")
            request_id = known.request_id if known else None
        if request_id:
            return look(services, request_id, actor=actor_of(caller), now=now)
    party = Party(actor=actor_of(caller), institution_ruc=caller.institution_ruc, profile=profile, inputs=dict(inputs))
    asked = ask(services, party=party, csr=csr, protocol=NAME, now=now)
    if key:
        try:
            with services.database.transaction() as session:
                session.add(ApiIdempotency(id=key, body_sha256=body, request_id=asked.request_id, created_at=now))
                session.flush()
        except IntegrityError:
            pass  # the same request came twice at once: both have the same answer
    return asked


def drop_old_keys(session: Session, *, now: datetime) -> None:
    """Forget idempotency keys older than a month."""
    session.execute(delete(ApiIdempotency).where(ApiIdempotency.created_at < now - _KEY_KEPT))


def list_requests(services: CaServices, caller: ApiCaller, *, cursor: str, limit: int) -> Page:
    """Return the institution's requests, newest first."""
    query = own_requests(select(CertificateRequest), caller, services).order_by(CertificateRequest.id.desc())
    if cursor:
        query = query.where(CertificateRequest.id < cursor)
    with services.database.reading() as session:
        rows = session.scalars(query.limit(limit + 1)).all()
        return Page(tuple(_request(row) for row in rows[:limit]), rows[limit - 1].id if len(rows) > limit else "")


def find_request(services: CaServices, caller: ApiCaller, request_id: str) -> dict[str, object]:
    """Return one request. :raises NotFound: ``unknown_request``, also for another institution's."""
    query = own_requests(select(CertificateRequest), caller, services).where(CertificateRequest.id == request_id)
    with services.database.reading() as session:
        row = session.scalar(query)
        if row is None:
            raise NotFound("There is no such request of yours.", code="unknown_request")
        return _request(row)


def list_certificates(services: CaServices, caller: ApiCaller, *, cursor: str, limit: int) -> Page:
    """Return the institution's certificates by serial number."""
    query = own_certificates(select(Certificate), caller, services).order_by(Certificate.serial)
    if cursor:
        query = query.where(Certificate.serial > cursor)
    with services.database.reading() as session:
        rows = session.scalars(query.limit(limit + 1)).all()
        return Page(
            tuple(_certificate(row) for row in rows[:limit]), rows[limit - 1].serial if len(rows) > limit else ""
        )


def find_certificate(services: CaServices, caller: ApiCaller, serial: str) -> dict[str, object]:
    """Return one certificate. :raises NotFound: ``unknown_certificate``, also for another institution's."""
    query = own_certificates(select(Certificate), caller, services).where(Certificate.serial == parse_serial(serial))
    with services.database.reading() as session:
        row = session.scalar(query)
        if row is None:
            raise NotFound("There is no such certificate of yours.", code="unknown_certificate")
        return _certificate(row)


def fetch_chain(services: CaServices, caller: ApiCaller, serial: str, *, now: datetime) -> str:
    """Return the certificate and those above it, without the root (PEM); on record. :raises NotFound: as above."""
    found = find_certificate(services, caller, serial)
    with services.database.transaction() as session:
        return deliver_certificate(
            session, services=services, serial=str(found["serial"]), actor=actor_of(caller), now=now
        )


def revoke_own(
    services: CaServices,
    caller: ApiCaller,
    serial: str,
    *,
    reason: str,
    compromised_at: datetime | None,
    now: datetime,
) -> Revocation:
    """Revoke a certificate of the institution. :raises ServiceError: as revoking does; ``unknown_certificate``."""
    found = find_certificate(services, caller, serial)
    with services.database.transaction() as session:
        return revoke_certificate(
            session,
            services=services,
            serial=str(found["serial"]),
            reason=reason,
            compromised_at=compromised_at,
            actor=actor_of(caller),
            now=now,
        )


def hold_own(services: CaServices, caller: ApiCaller, serial: str, *, now: datetime) -> None:
    """Suspend a certificate of the institution. :raises ServiceError: as a suspension does; ``unknown_certificate``."""
    found = find_certificate(services, caller, serial)
    with services.database.transaction() as session:
        hold_certificate(
            session,
            services=services,
            serial=str(found["serial"]),
            actor=actor_of(caller),
            held_as=HeldAs.INSTITUTION,
            now=now,
        )


def release_own(services: CaServices, caller: ApiCaller, serial: str, *, now: datetime) -> None:
    """Take up what the institution suspended. :raises ServiceError: as a release does; ``unknown_certificate``."""
    found = find_certificate(services, caller, serial)
    with services.database.transaction() as session:
        release_certificate(
            session,
            services=services,
            serial=str(found["serial"]),
            actor=actor_of(caller),
            released_as=HeldAs.INSTITUTION,
            now=now,
        )


def _key(caller: ApiCaller, typed: str | None) -> str:
    if typed is None:
        return ""
    if not 1 <= len(typed) <= _MAX_KEY:
        raise Rejected(f"An Idempotency-Key has 1 to {_MAX_KEY} characters.", code="bad_idempotency_key")
    return sha256_hex(f"{caller.client_id}\0{typed}")


def _request(row: CertificateRequest) -> dict[str, object]:
    return {
        "id": row.id,
        "status": row.status,
        "profile": row.profile,
        "subject": row.subject,
        "names": list(row.names),
        "serial": row.serial,
        "created_at": row.created_at.isoformat(),
        "expires_at": row.expires_at.isoformat(),
        "refusal_reason": row.refusal_reason,
    }


def _certificate(row: Certificate) -> dict[str, object]:
    return {
        "serial": row.serial,
        "profile": row.profile,
        "subject": row.subject,
        "names": list(row.names),
        "not_before": row.not_before.isoformat(),
        "not_after": row.not_after.isoformat(),
        "sha256": row.certificate_sha256,
        "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
        "revocation_reason": row.revocation_reason,
    }
