"""A certificate for an application that registers with a CSR: approved with the registration, signed after it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from ca.requests.enroll import CompletedCertificate, EnrolledRequest, complete_enrolment, enroll
from ca.services import CaServices

PROFILE = "tls-client"
APPLICATION, APPLICATION_ID = "application", "application_id"
_NAME_LIMIT = 64  # ub-common-name
_REGISTRATION = "registration"


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
) -> EnrolledRequest:
    """Submit and approve in the caller's transaction: the registration and the certificate exist together, or neither.

    The decision was made before: an administrator bound the institution to the initial access token, and the profile
    lets one person decide.

    :raises ServiceError: as :func:`ca.requests.enroll.enroll`.
    """
    return enroll(
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


def complete_client_certificate(services: CaServices, request_id: str, *, now: datetime) -> CompletedCertificate:
    """Sign what was approved and return it with its chain; after the registration's commit, repeatable.

    :raises ServiceError: as :func:`ca.issuance.issue.issue_approved`.
    """
    return complete_enrolment(services, request_id, actor=_REGISTRATION, now=now)
