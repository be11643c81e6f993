"""The last step: everything checked once more, the row and its event committed, then the signature."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.issuance.assembly import read_unsigned
from ca.issuance.authority import authority_chain
from ca.issuance.record import Intent, complete_certificate, record_intent
from ca.issuance.tbs import MAX_BACKDATING
from ca.lints.gate import require_clean
from ca.requests.csr import parse_csr
from ca.requests.decide import approvals_due, count_approvals, expire
from ca.requests.grant import decide_grant
from ca.requests.holder import fill_in_holder
from ca.requests.model import CertificateRequest
from ca.requests.prepare import require_free_key
from ca.requests.view import Status
from ca.services import CaServices
from ca.transparency.promise import ensure_logged
from kernel.errors import Conflict, Fault, NotFound, Rejected, ServiceError, Unavailable
from kernel.identifiers import sha256_hex
from keys.signer import Signer


@dataclass(frozen=True)
class IssuedCertificate:
    """A certificate just signed, or signed before.

    :ivar certificate_der: the certificate.
    """

    request_id: str
    serial: str
    certificate_der: bytes


def issue_approved(
    services: CaServices, request_id: str, *, now: datetime, actor: str | None = None
) -> IssuedCertificate:
    """Sign what was approved, byte for byte, and return it. Safe to repeat: a request becomes one certificate.

    Call it after the approval's transaction. Whatever has changed since the approval stops it, and the refusal is on
    record with its reason.

    :raises NotFound: ``unknown_request``. :raises Conflict: ``request_not_approved``, ``request_expired``.
    :raises Rejected: ``lint_blocked``, and what keys, names and institutions raise.
    :raises Unavailable: if the key or the database does not answer; the next run of the worker's job goes on.
    """
    with services.database.reading() as session:
        row = session.get(CertificateRequest, request_id)
        if row is None:
            raise NotFound("There is no such request.", code="unknown_request")
        status, serial = Status(row.status), row.serial
        authority = authority_chain(session, row.authority_id)[0]
    signer = services.signers.open(authority.key_name)
    if status is not Status.ISSUED:
        _check_and_record(services, request_id, signer=signer, actor=actor, now=now)
    certificate_der = complete_certificate(
        services.database, serial, signer=signer, journal=services.journal, actor=actor, now=now
    )
    ensure_logged(services.certificate_log, [serial], now=now)
    return IssuedCertificate(request_id, serial, certificate_der)


def _check_and_record(
    services: CaServices, request_id: str, *, signer: Signer, actor: str | None, now: datetime
) -> None:
    try:
        with services.database.reading() as session:
            row = session.get_one(CertificateRequest, request_id)
            if row.status == Status.ISSUED:
                return
            _recheck(session, row, services=services, signer=signer, now=now)
    except (Unavailable, Fault, Conflict):
        raise
    except ServiceError as error:
        _refuse(services, request_id, error, actor=actor, now=now)
        raise
    with services.database.transaction() as session:
        record_approved(session, services=services, request_id=request_id, actor=actor, now=now)


def record_approved(
    session: Session, *, services: CaServices, request_id: str, actor: str | None, now: datetime
) -> None:
    """Write an approved request's certificate down in the caller's transaction, yet to be signed; one caller does.

    Whoever does it in the transaction of the approval itself need not check again what he has just checked.

    :raises Conflict: ``request_not_approved``, ``request_expired``. :raises Fault: ``quorum_missing``.
    """
    won = session.execute(
        update(CertificateRequest)
        .where(
            CertificateRequest.id == request_id,
            CertificateRequest.status == Status.APPROVED.value,
            CertificateRequest.expires_at > now,
        )
        .values(status=Status.ISSUED.value)
        .returning(CertificateRequest.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    row = session.get_one(CertificateRequest, request_id)
    if won is None:
        _explain_loss(session, row, services=services, now=now)
        return
    profile = services.profiles.get(row.profile)
    # The quorum is counted again in the transaction that lets the key sign.
    due = approvals_due(profile, requested_by=row.requested_by, holder_id=row.holder_id)
    if count_approvals(session, row) < due or sha256_hex(row.tbs_der) != row.tbs_sha256:
        raise Fault("An approved request has not the approvals that it needs.", code="quorum_missing")
    intent = Intent(
        tbs_der=row.tbs_der,
        authority_id=row.authority_id,
        profile=row.profile,
        profile_version=row.profile_version,
        request_id=row.id,
        institution_ruc=row.institution_ruc,
        holder_id=row.holder_id,
        client_id=row.client_id,
        is_personal=profile.is_personal,
    )
    record_intent(session, intent, journal=services.journal, actor=actor or row.decided_by, now=now)


def _recheck(session: Session, row: CertificateRequest, *, services: CaServices, signer: Signer, now: datetime) -> None:
    profile = services.profiles.get(row.profile)
    if row.status != Status.APPROVED:
        raise Conflict(f"The request is {row.status}, not approved.", code="request_not_approved")
    certificate = read_unsigned(row.tbs_der)
    if profile.version != row.profile_version:
        raise Rejected("The profile has changed since.", code="profile_changed")
    if now - certificate.not_valid_before_utc > MAX_BACKDATING:
        raise Rejected("The dates are too old to be signed now.", code="too_much_backdating")
    authority = authority_chain(session, row.authority_id)[0]
    institution = services.institutions.find(session, row.institution_ruc) if row.institution_ruc else None
    parsed = parse_csr(row.csr_der)
    # The account may have been closed since, and another one have the cédula.
    if fill_in_holder(session, services=services, profile=profile, inputs=row.inputs)[1] not in (None, row.holder_id):
        raise Rejected("Another person has this cédula now.", code="holder_changed")
    decide_grant(
        parsed,
        profile=profile,
        institution=institution,
        inputs=row.inputs,
        block_list=services.block_list,
        proved_names=row.proved_names,
    )
    require_free_key(
        session, row.spki_sha256, profile=profile, institution=institution, inputs=row.inputs, request_id=row.id
    )
    if parsed.public_key != certificate.public_key():
        raise Fault("The bytes to sign carry another key than the request.", code="bytes_changed")
    require_clean(row.tbs_der, profile=profile, authority=authority, algorithm=signer.algorithm, services=services)


def _explain_loss(session: Session, row: CertificateRequest, *, services: CaServices, now: datetime) -> None:
    if row.status == Status.ISSUED:
        return  # another process recorded it; both may go on to sign, one signature is kept
    if row.status == Status.APPROVED and row.expires_at <= now:
        expire(session, row, services=services, now=now)
        raise Conflict("The request has expired; have it built anew.", code="request_expired", commits=True)
    raise Conflict(f"The request is {row.status}, not approved.", code="request_not_approved")


def _refuse(services: CaServices, request_id: str, error: ServiceError, *, actor: str | None, now: datetime) -> None:
    with services.database.transaction() as session:
        changed = session.execute(
            update(CertificateRequest)
            .where(CertificateRequest.id == request_id, CertificateRequest.status == Status.APPROVED.value)
            .values(status=Status.REFUSED.value, refusal_reason=error.code, decided_at=now)
            .returning(CertificateRequest.id)
            .execution_options(synchronize_session=False)
        ).scalar_one_or_none()
        if changed is None:
            return
        event = Event(
            type=EventType.CERTIFICATE_ISSUANCE_REFUSED,
            outcome=Outcome.REFUSED,
            reason=error.code,
            actor=actor,
            object_id=request_id,
        )
        services.journal.record(session, event, now=now)
