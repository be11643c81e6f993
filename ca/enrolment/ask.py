"""From a party's request to a certificate, or to the word that two people still have to agree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.enrolment.credential import require_use_left, use_credential
from ca.enrolment.party import Party, refuse_enrolment
from ca.issuance.model import Certificate
from ca.profiles.profile import Profile
from ca.requests.csr import ParsedRequest, parse_csr, subject_attributes
from ca.requests.enroll import CompletedCertificate, complete_enrolment, enroll
from ca.requests.model import CertificateRequest
from ca.requests.prepare import Judged, judge_request
from ca.requests.submit import submit_request
from ca.requests.view import Status
from ca.services import CaServices
from kernel.errors import Denied, Rejected, ServiceError

# A client whose answer was lost, or that waits for two people, asks again with the same request.
_PICK_UP = timedelta(days=7)


@dataclass(frozen=True)
class Asked:
    """Where the request stands. :ivar certificate: if it was issued; without one, two people have to agree yet."""

    request_id: str
    certificate: CompletedCertificate | None


def ask(services: CaServices, *, party: Party, csr: bytes | str, protocol: str, now: datetime) -> Asked:
    """Answer a request: a certificate, or waiting. The same request of the same party is the same question.

    :raises ServiceError: as :func:`ca.requests.enroll.enroll`; ``name_not_allowed``, ``subject_changed``,
        ``request_refused``; the refusal is on record.
    """
    # Looked at and linted before the transaction: nobody waits for it with the write lock in hand.
    with services.database.reading() as session:
        known = _find_same(session, party, csr, now=now)
        judged = None if known else _judge(session, services, party, csr, now=now)
    with services.database.transaction() as session:
        request_id = _find_same(session, party, csr, now=now) or _submit(
            session, services, party, csr, judged, protocol=protocol, now=now
        )
    return look(services, request_id, actor=party.actor, now=now)


def look(services: CaServices, request_id: str, *, actor: str, now: datetime) -> Asked:
    """Return where a request of ``actor`` stands, signed if it is approved.

    :raises Denied: ``request_refused``: by people, or because too much time went by.
    :raises ServiceError: as :func:`ca.issuance.issue.issue_approved`.
    """
    with services.database.reading() as session:
        row = session.get_one(CertificateRequest, request_id)
        if row.requested_by != actor:
            raise Denied("This request is another's.", code="request_refused")
        status, open_until = Status(row.status), row.expires_at
        blocked = any(item["severity"] != "notice" for item in row.findings)
    if status is Status.SUBMITTED and blocked:
        raise Rejected("The check before signing found something that blocks.", code="lint_blocked")
    if status is Status.SUBMITTED and open_until > now:
        return Asked(request_id, None)
    if status in (Status.APPROVED, Status.ISSUED):
        return Asked(request_id, complete_enrolment(services, request_id, actor=actor, now=now))
    raise Denied("The request was refused, or nobody decided it in time.", code="request_refused")


def _judge(session: Session, services: CaServices, party: Party, csr: bytes | str, *, now: datetime) -> Judged:
    return judge_request(
        session,
        services=services,
        profile=party.profile,
        csr=csr,
        institution_ruc=party.institution_ruc,
        inputs=party.inputs,
        now=now,
    )


def _submit(
    session: Session,
    services: CaServices,
    party: Party,
    csr: bytes | str,
    judged: Judged | None,
    *,
    protocol: str,
    now: datetime,
) -> str:
    parsed = _parsed(csr)
    try:
        if party.credential_id is not None:
            require_use_left(session, party.credential_id)
        if parsed is not None:
            _require_allowed_names(parsed, party, profile=services.profiles.get(party.profile))
            if party.renews is not None:
                _require_same_subject(parsed, party.renews)
    except ServiceError as error:
        refuse_enrolment(session, services, error, protocol=protocol, claimed=party.actor, now=now)
    arguments = {
        "services": services,
        "profile": party.profile,
        "csr": csr,
        "institution_ruc": party.institution_ruc,
        "requested_by": party.actor,
        "inputs": party.inputs,
        "holder_id": party.holder_id,
        "client_id": party.client_id,
        "judged": judged,
        "now": now,
    }
    # Who made the credential asked for this: the other person is somebody else.
    prepared_by = party.prepared_by or party.actor if party.credential_id is not None else None
    if services.profiles.get(party.profile).people > 1:
        request_id = submit_request(session, **arguments).id  # type: ignore[arg-type]
        if prepared_by is not None:
            session.get_one(CertificateRequest, request_id).prepared_by = prepared_by
    else:
        request_id = enroll(session, prepared_by=prepared_by, **arguments).request_id  # type: ignore[arg-type]
    if party.credential_id is not None:
        # After the request, which may be refused: a refusal takes no use. Whoever loses here loses the request, too.
        use_credential(session, party.credential_id, now=now)
    return request_id


def _parsed(csr: bytes | str) -> ParsedRequest | None:
    try:
        return parse_csr(csr)
    except Rejected:
        return None  # submitting it refuses it, on record


def _find_same(session: Session, party: Party, csr: bytes | str, *, now: datetime) -> str | None:
    parsed = _parsed(csr)
    if parsed is None:
        return None
    rows = session.scalars(
        select(CertificateRequest)
        .where(
            CertificateRequest.requested_by == party.actor,
            CertificateRequest.spki_sha256 == parsed.spki_sha256,
            CertificateRequest.profile == party.profile,
            CertificateRequest.created_at > now - _PICK_UP,
        )
        .order_by(CertificateRequest.id.desc())
    )
    same = next((row for row in rows if row.csr_der == parsed.der), None)
    if same is None or (same.status == Status.SUBMITTED and same.expires_at <= now) or same.status == Status.EXPIRED:
        return None
    if same.status == Status.ISSUED:
        certificate = session.get_one(Certificate, same.serial)
        third = (certificate.not_after - certificate.not_before) / 3
        if certificate.revoked_at is not None or now > certificate.issued_at + third:
            return None  # a key that signs alike every time asks for a new one
    return same.id


def _require_allowed_names(parsed: ParsedRequest, party: Party, *, profile: Profile) -> None:
    if not party.names:
        return
    # Without alternative names a server's common name is its name: see ca.requests.grant.
    asked = parsed.dns_names or (parsed.common_names if profile.names.dns == "required" else ())
    beyond = [name for name in asked if name.lower() not in party.names]
    if beyond or parsed.addresses:
        raise Denied(
            f"This credential is for {', '.join(party.names)} only.",
            code="name_not_allowed",
        )


def _require_same_subject(parsed: ParsedRequest, certificate: x509.Certificate) -> None:
    """RFC 7030 §4.2.2: subject and SubjectAltName of a re-enrolment are those of the certificate."""
    same = parsed.subject == subject_attributes(certificate.subject)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        dns = set(names.get_values_for_type(x509.DNSName))
        addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    except x509.ExtensionNotFound:
        dns, addresses = set(), set()
    if not same or set(parsed.dns_names) != dns or set(parsed.addresses) != addresses:
        raise Denied(
            "A renewal has the subject and the alternative names of the certificate; for others, enrol anew.",
            code="subject_changed",
        )
