"""Enrolment by a protocol: submitted and approved in one transaction, signed after it.

Whatever speaks for an institution by itself (ACME, EST, CMP, the API, an application that registers) issues through
here. The decision was made before by whoever let it in; every check and lint of a request made by hand runs as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

from cryptography import x509
from sqlalchemy import Table
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from ca.issuance.assembly import sign_to_be_signed
from ca.issuance.authority import AuthorityRecord
from ca.issuance.delivery import deliver_certificate
from ca.issuance.issue import issue_approved
from ca.issuance.many import record_intents
from ca.issuance.record import Intent
from ca.lints.finding import blocking
from ca.profiles.profile import Profile
from ca.requests.model import Approval, CertificateRequest
from ca.requests.prepare import Judged
from ca.requests.submit import judged_or_refused, record_request, request_values
from ca.requests.view import Status
from ca.services import CaServices
from kernel.errors import Denied, Rejected
from kernel.identifiers import new_id, sha256_hex
from kernel.late_rows import insert_later

_REQUESTS, _APPROVALS = cast(Table, CertificateRequest.__table__), cast(Table, Approval.__table__)


@dataclass(frozen=True)
class EnrolledRequest:
    """What was approved: ``serial`` and ``subject`` (RFC 4514) are those that the certificate will carry.

    :ivar tbs_der: what ``authority`` is going to sign.
    """

    request_id: str
    serial: str
    subject: str
    tbs_der: bytes = field(repr=False)
    authority: AuthorityRecord = field(repr=False)


@dataclass(frozen=True)
class CompletedCertificate:
    """What was signed.

    :ivar sha256: of the DER certificate, hex. :ivar chain_pem: the certificate first, the root left out.
    :ivar certificate_der: the certificate alone.
    """

    serial: str
    subject: str
    sha256: str
    chain_pem: str
    certificate_der: bytes


def require_one_person(services: CaServices, profile: str) -> None:
    """Check that a protocol may decide alone. :raises Denied: (``two_people_needed``). :raises NotFound: no profile."""
    if services.profiles.get(profile).people > 1:
        raise Denied("Certificates of this kind are approved by two people.", code="two_people_needed")


def enroll(
    session: Session,
    *,
    services: CaServices,
    profile: str,
    csr: bytes | str,
    institution_ruc: str | None,
    requested_by: str,
    inputs: Mapping[str, str] | None = None,
    proved_names: Sequence[str] | None = None,
    client_id: str | None = None,
    holder_id: str | None = None,
    prepared_by: str | None = None,
    judged: Judged | None = None,
    now: datetime,
) -> EnrolledRequest:
    """Submit, approve, write down in the caller's transaction; sign after its commit by :func:`complete_enrolment`.

    Nothing that is written is read back: request, approval and certificate are rows of one moment, each with its event,
    and all that an approval asks for was looked at just before it.

    :param csr: PEM text or DER.
    :param requested_by: who asks, e.g. ``acme:ACCOUNT`` (64 characters at most).
    :param proved_names: DNS names whose control was proved just now, as the certificate carries them (``*.`` included):
        granted beside the names under the institution's registered domains.
    :param prepared_by: who had it asked for, if not who asks.
    :param judged: what :func:`ca.requests.prepare.judge_request` found of the same request before the transaction.
    :raises Denied: (``two_people_needed``) if the profile wants more than one person.
    :raises Rejected: ``lint_blocked``, and what a request is refused for. The refusal is on record: the error lets the
        caller's transaction commit, so whatever must not stand without a certificate is written after this call.
    """
    require_one_person(services, profile)
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
    values = request_values(
        preview,
        requested_by=requested_by,
        holder_id=holder_id,
        client_id=client_id,
        proved_names=proved_names or (),
        now=now,
    )
    values["prepared_by"] = prepared_by or requested_by
    blocked = bool(blocking(preview.findings))
    if not blocked:
        values |= {"status": Status.ISSUED.value, "decided_by": requested_by, "decided_at": now}
    row = SimpleNamespace(**values)
    insert_later(session, _REQUESTS, values)
    record_request(session, services, row, EventType.CERTIFICATE_REQUESTED, actor=requested_by, now=now)
    if blocked:
        raise Rejected("The check before signing found something that blocks.", code="lint_blocked", commits=True)
    _approve(session, services, row, profile=preview.profile, now=now)
    intent = Intent(
        tbs_der=row.tbs_der,
        authority_id=row.authority_id,
        profile=row.profile,
        profile_version=row.profile_version,
        request_id=row.id,
        institution_ruc=row.institution_ruc,
        holder_id=row.holder_id,
        client_id=row.client_id,
        is_personal=preview.profile.is_personal,
    )
    record_intents(session, [(intent, preview.certificate)], journal=services.journal, actor=requested_by, now=now)
    return EnrolledRequest(row.id, row.serial, row.subject, row.tbs_der, preview.authority)


def _approve(session: Session, services: CaServices, row: Any, *, profile: Profile, now: datetime) -> None:
    """Write down that whoever let the requester in agreed to exactly these bytes."""
    approval = {
        "id": new_id(),
        "request_id": row.id,
        "approver": row.requested_by,
        "tbs_sha256": row.tbs_sha256,
        "approved_at": now,
    }
    insert_later(session, _APPROVALS, approval)
    event = Event(
        type=EventType.CERTIFICATE_REQUEST_APPROVED,
        actor=row.requested_by,
        object_id=row.id,
        details={
            "tbs_sha256": row.tbs_sha256,
            "quorum_complete": True,
            "approvals_needed": profile.approvals_needed,
        },
    )
    services.journal.record(session, event, now=now)


def sign_enrolled(services: CaServices, enrolled: EnrolledRequest) -> bytes:
    """Sign what was just written down and return the certificate (DER), which nobody may see before it is stored.

    :raises kernel.errors.Unavailable: if the key does not answer; the row waits for the next try.
    """
    signer = services.signers.open(enrolled.authority.key_name)
    return sign_to_be_signed(enrolled.tbs_der, signer=signer, issuer=enrolled.authority.certificate)


def complete_enrolment(
    services: CaServices,
    request_id: str,
    *,
    actor: str,
    now: datetime,
) -> CompletedCertificate:
    """Sign what was approved and return it with its chain; after the commit, repeatable.

    :param actor: who takes the certificate.
    :raises ServiceError: as :func:`ca.issuance.issue.issue_approved`.
    """
    issued = issue_approved(services, request_id, now=now, actor=actor)
    certificate = x509.load_der_x509_certificate(issued.certificate_der)
    with services.database.transaction() as session:
        chain = deliver_certificate(session, services=services, serial=issued.serial, actor=actor, now=now)
    return CompletedCertificate(
        serial=issued.serial,
        subject=certificate.subject.rfc4514_string(),
        sha256=sha256_hex(issued.certificate_der),
        chain_pem=chain,
        certificate_der=issued.certificate_der,
    )
