"""Enrolment by a protocol: submitted and approved in one transaction, signed after it.

Whatever speaks for an institution by itself (ACME, EST, CMP, the API, an application that registers) issues through
here. The decision was made before by whoever let it in; every check and lint of a request made by hand runs as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from sqlalchemy.orm import Session

from ca.issuance.delivery import deliver_certificate
from ca.issuance.issue import issue_approved, record_approved
from ca.requests.decide import approve_request
from ca.requests.submit import submit_request
from ca.services import CaServices
from kernel.errors import Denied, Rejected
from kernel.identifiers import sha256_hex


@dataclass(frozen=True)
class EnrolledRequest:
    """What was approved: ``serial`` and ``subject`` (RFC 4514) are those that the certificate will carry."""

    request_id: str
    serial: str
    subject: str


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
    now: datetime,
) -> EnrolledRequest:
    """Submit, approve, write down in the caller's transaction; sign after its commit by :func:`complete_enrolment`.

    :param csr: PEM text or DER.
    :param requested_by: who asks, e.g. ``acme:ACCOUNT`` (64 characters at most).
    :param proved_names: DNS names whose control was proved just now, as the certificate carries them (``*.`` included):
        granted beside the names under the institution's registered domains.
    :raises Denied: (``two_people_needed``) if the profile wants more than one person.
    :raises Rejected: ``lint_blocked``, and what a request is refused for. The refusal is on record: the error lets the
        caller's transaction commit, so whatever must not stand without a certificate is written after this call.
    """
    require_one_person(services, profile)
    view = submit_request(
        session,
        services=services,
        profile=profile,
        csr=csr,
        institution_ruc=institution_ruc,
        requested_by=requested_by,
        inputs=inputs,
        proved_names=proved_names,
        holder_id=holder_id,
        client_id=client_id,
        now=now,
    )
    if view.is_blocked:
        raise Rejected("The check before signing found something that blocks.", code="lint_blocked", commits=True)
    approve_request(
        session, services=services, request_id=view.id, approver=requested_by, tbs_sha256=view.tbs_sha256, now=now
    )
    # Nothing can have changed since the checks above, so the certificate is written down with them.
    record_approved(session, services=services, request_id=view.id, actor=requested_by, now=now)
    return EnrolledRequest(view.id, view.serial, view.subject)


def complete_enrolment(
    services: CaServices,
    request_id: str,
    *,
    actor: str,
    alongside: Callable[[Session, str], None] | None = None,
    now: datetime,
) -> CompletedCertificate:
    """Sign what was approved and return it with its chain; after the commit, repeatable.

    :param actor: who takes the certificate.
    :param alongside: given the serial, does what is to be committed with the hand-over.
    :raises ServiceError: as :func:`ca.issuance.issue.issue_approved`.
    """
    issued = issue_approved(services, request_id, now=now, actor=actor)
    certificate = x509.load_der_x509_certificate(issued.certificate_der)
    with services.database.transaction() as session:
        chain = deliver_certificate(session, services=services, serial=issued.serial, actor=actor, now=now)
        if alongside is not None:
            alongside(session, issued.serial)
    return CompletedCertificate(
        serial=issued.serial,
        subject=certificate.subject.rfc4514_string(),
        sha256=sha256_hex(issued.certificate_der),
        chain_pem=chain,
        certificate_der=issued.certificate_der,
    )
