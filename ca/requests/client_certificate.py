"""A certificate for an application that registers with a CSR: approved with the registration, signed after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from sqlalchemy.orm import Session

from ca.issuance.delivery import deliver_certificate
from ca.issuance.issue import issue_approved
from ca.requests.decide import approve_request
from ca.requests.submit import submit_request
from ca.services import CaServices
from kernel.errors import Denied, Rejected
from kernel.identifiers import sha256_hex

PROFILE = "tls-client"
APPLICATION, APPLICATION_ID = "application", "application_id"
_NAME_LIMIT = 64  # ub-common-name


@dataclass(frozen=True)
class RequestedCertificate:
    """What was approved: ``serial`` and ``subject`` (RFC 4514) are those that the certificate will carry."""

    request_id: str
    serial: str
    subject: str


@dataclass(frozen=True)
class CompletedCertificate:
    """What was signed. :ivar sha256: of the DER certificate, hex. :ivar chain_pem: without the root."""

    serial: str
    subject: str
    sha256: str
    chain_pem: str


def request_client_certificate(
    session: Session,
    *,
    services: CaServices,
    csr: str,
    client_id: str,
    client_name: str,
    institution_ruc: str,
    requested_by: str,
    now: datetime,
) -> RequestedCertificate:
    """Submit and approve in the caller's transaction: the registration and the certificate exist together, or neither.

    The decision was made before: an administrator bound the institution to the initial access token, and the profile
    lets one person decide. Every check and lint of a request made by hand runs here as well.

    :raises Denied: (``two_people_needed``) if the profile was changed to want more than one.
    :raises Rejected: ``lint_blocked``, and what a request is refused for.
    """
    if services.profiles.get(PROFILE).people > 1:
        raise Denied("Certificates of this kind are approved by two people.", code="two_people_needed")
    view = submit_request(
        session,
        services=services,
        profile=PROFILE,
        csr=csr,
        institution_ruc=institution_ruc,
        requested_by=requested_by,
        inputs={APPLICATION: " ".join(client_name.split())[:_NAME_LIMIT], APPLICATION_ID: client_id},
        client_id=client_id,
        now=now,
    )
    if view.is_blocked:
        raise Rejected("The check before signing found something that blocks.", code="lint_blocked")
    approve_request(
        session, services=services, request_id=view.id, approver=requested_by, tbs_sha256=view.tbs_sha256, now=now
    )
    return RequestedCertificate(view.id, view.serial, view.subject)


def complete_client_certificate(services: CaServices, request_id: str, *, now: datetime) -> CompletedCertificate:
    """Sign what was approved and return it with its chain; after the registration's commit, repeatable.

    :raises ServiceError: as :func:`ca.issuance.issue.issue_approved`.
    """
    issued = issue_approved(services, request_id, now=now)
    certificate = x509.load_der_x509_certificate(issued.certificate_der)
    with services.database.transaction() as session:
        chain = deliver_certificate(session, services=services, serial=issued.serial, actor="registration", now=now)
    return CompletedCertificate(
        serial=issued.serial,
        subject=certificate.subject.rfc4514_string(),
        sha256=sha256_hex(issued.certificate_der),
        chain_pem=chain,
    )
