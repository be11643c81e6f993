"""Submitting a request, and building it anew after it expired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.issuance.record import alternative_names, subject_text
from ca.requests.model import CertificateRequest
from ca.requests.prepare import Judged, Preview, preview_request, standing_preview
from ca.requests.view import RequestView, Status, view_request
from ca.serial import serial_text
from ca.services import CaServices
from kernel.errors import Conflict, Fault, NotFound, ServiceError
from kernel.identifiers import new_id, sha256_hex

# notBefore lies an hour before the bytes are built and must lie within 48 hours of the signature (BR §7.1.2.7).
DECISION_LIFETIME = timedelta(hours=24)


class RequestRow(Protocol):
    """What an event says of a request."""

    id: Any
    profile: Any
    profile_version: Any
    institution_ruc: Any
    holder_id: Any
    serial: Any
    subject: Any
    csr_der: Any
    spki_sha256: Any
    tbs_sha256: Any
    findings: Any
    names: Any
    proved_names: Any


def submit_request(
    session: Session,
    *,
    services: CaServices,
    profile: str,
    csr: bytes | str,
    institution_ruc: str | None,
    requested_by: str,
    inputs: Mapping[str, str] | None = None,
    proved_names: Sequence[str] | None = None,
    holder_id: str | None = None,
    client_id: str | None = None,
    judged: Judged | None = None,
    now: datetime,
) -> RequestView:
    """Store a request with the exact bytes that would be signed: serial and validity are fixed here.

    A request that lints block is stored, too, so that the operator sees why; it cannot be approved.

    :param csr: PEM text or DER, 64 KiB at most.
    :param requested_by: the person's id, or ``command:LOGIN`` of the command line.
    :param inputs: values of the profile's input fields.
    :param proved_names: DNS names whose control was proved just now, granted beside registered ones.
    :param holder_id: the person that a personal certificate is for, if it has an account and the profile does not
        find it itself.
    :param client_id: the application that registers with it.
    :param judged: what :func:`ca.requests.prepare.judge_request` found of the same request just now.
    :raises ServiceError: what :func:`ca.requests.prepare.preview_request` raises; the refusal is on record.
    """
    preview = judged_or_refused(
        session,
        services=services,
        profile=profile,
        csr=csr,
        institution_ruc=institution_ruc,
        requested_by=requested_by,
        inputs=inputs,
        proved_names=proved_names or (),
        judged=judged,
        now=now,
    )
    row = CertificateRequest(
        **request_values(
            preview,
            requested_by=requested_by,
            holder_id=holder_id,
            client_id=client_id,
            proved_names=proved_names or (),
            now=now,
        )
    )
    session.add(row)
    session.flush()
    record_request(session, services, row, EventType.CERTIFICATE_REQUESTED, actor=requested_by, now=now)
    return view_request(session, row, services=services)


def judged_or_refused(
    session: Session,
    *,
    services: CaServices,
    profile: str,
    csr: bytes | str,
    institution_ruc: str | None,
    requested_by: str,
    inputs: Mapping[str, str] | None,
    proved_names: Sequence[str],
    judged: Judged | None,
    now: datetime,
) -> Preview:
    """Return what a request would become, as judged before or now.

    :raises ServiceError: what it is refused for; the refusal is on record.
    """
    try:
        if judged is not None:
            return standing_preview(
                session, judged, services=services, inputs=inputs, proved_names=proved_names, now=now
            )
        return preview_request(
            session,
            services=services,
            profile=profile,
            csr=csr,
            institution_ruc=institution_ruc,
            inputs=inputs,
            proved_names=proved_names,
            now=now,
        )
    except Fault:
        raise
    except ServiceError as error:
        event = Event(
            type=EventType.CERTIFICATE_REQUESTED,
            outcome=Outcome.REFUSED,
            reason=error.code,
            actor=requested_by,
            details={"profile": profile[:64], "institution_ruc": (institution_ruc or "")[:13]},
        )
        services.journal.refuse(session, event, error, now=now)


def rebuild_request(
    session: Session, *, services: CaServices, request_id: str, actor: str, now: datetime
) -> RequestView:
    """Build an expired request's bytes anew by today's profile: new serial, new dates, no approval counts any more.

    :raises NotFound: ``unknown_request``. :raises Conflict: ``request_not_expired``, ``holder_changed``.
    :raises ServiceError: what :func:`ca.requests.prepare.preview_request` raises.
    """
    row = session.get(CertificateRequest, request_id, with_for_update=True)
    if row is None:
        raise NotFound("There is no such request.", code="unknown_request")
    if row.status != Status.EXPIRED:
        raise Conflict("Only an expired request is built anew.", code="request_not_expired")
    preview = preview_request(
        session,
        services=services,
        profile=row.profile,
        csr=row.csr_der,
        institution_ruc=row.institution_ruc,
        inputs=row.inputs,
        proved_names=row.proved_names,
        now=now,
    )
    if preview.holder_id != row.holder_id and services.profiles.get(row.profile).needs_person:
        raise Conflict("Another person has this cédula now; request it again.", code="holder_changed")
    for name, value in _bytes_values(preview, prepared_by=actor, now=now).items():
        setattr(row, name, value)
    session.flush()
    record_request(session, services, row, EventType.CERTIFICATE_REQUEST_REBUILT, actor=actor, now=now)
    return view_request(session, row, services=services)


def request_values(
    preview: Preview,
    *,
    requested_by: str,
    holder_id: str | None,
    client_id: str | None,
    proved_names: Sequence[str],
    now: datetime,
) -> dict[str, Any]:
    """Return the columns of a new request's row."""
    return {
        "id": new_id(),
        "institution_ruc": preview.institution.ruc if preview.institution else None,
        "holder_id": preview.holder_id or holder_id,
        "client_id": client_id,
        "requested_by": requested_by,
        "created_at": now,
        "csr_der": preview.parsed.der,
        "spki_sha256": preview.parsed.spki_sha256,
        "proved_names": list(proved_names),
        **_bytes_values(preview, prepared_by=requested_by, now=now),
    }


def _bytes_values(preview: Preview, *, prepared_by: str, now: datetime) -> dict[str, Any]:
    """Return the columns that change when the bytes are built anew."""
    certificate = preview.certificate
    return {
        "profile": preview.profile.name,
        "profile_version": preview.profile.version,
        "authority_id": preview.authority.id,
        "prepared_by": prepared_by,
        "status": Status.SUBMITTED.value,
        "inputs": dict(preview.grant.inputs),
        "serial": serial_text(certificate.serial_number),
        "subject": subject_text(certificate),
        "names": alternative_names(certificate),
        "not_before": certificate.not_valid_before_utc,
        "not_after": certificate.not_valid_after_utc,
        "tbs_der": preview.tbs_der,
        "tbs_sha256": preview.tbs_sha256,
        "differences": [item.to_json() for item in preview.differences],
        "findings": [item.to_json() for item in preview.findings],
        "expires_at": now + DECISION_LIFETIME,
        "decided_by": None,
        "decided_at": None,
        "refusal_reason": None,
    }


def record_request(
    session: Session, services: CaServices, row: RequestRow, kind: EventType, *, actor: str, now: datetime
) -> None:
    """Put on record that a request was made, or built anew."""
    personal = services.profiles.get(row.profile).is_personal
    blocking = [item["code"] for item in row.findings if item["severity"] != "notice"]
    event = Event(
        type=kind,
        subject=row.holder_id,
        actor=actor,
        object_id=row.id,
        details={
            "profile": row.profile,
            "profile_version": row.profile_version,
            "institution_ruc": row.institution_ruc,
            "serial": row.serial,
            "csr_sha256": sha256_hex(row.csr_der),
            "spki_sha256": row.spki_sha256,
            "tbs_sha256": row.tbs_sha256,
            "blocked_by": blocking,
            "names": [] if personal else list(row.names),
            "proved_names": list(row.proved_names),
        },
        private={"subject_name": row.subject} if personal else {},
    )
    services.journal.record(session, event, now=now)
