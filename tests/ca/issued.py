"""One certificate of each requestable profile."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509

from ca.issuance.issue import issue_approved
from ca.requests.decide import approve_request
from ca.requests.submit import submit_request
from ca.services import CaServices
from tests.ca.csr import SERVER, make_csr
from tests.ca.ground import PERSON, RUC

PROFILES = (
    "tls-server",
    "tls-server-acme",
    "tls-server-short",
    "tls-client",
    "institution-seal",
    "code-signing",
    "public-servant-signature",
    "natural-person-signature",
    "legal-representative-signature",
    "person-authentication",
)
SERVERS = ("tls-server", "tls-server-acme", "tls-server-short")
INPUTS = {
    "natural-person-signature": {
        "cedula": "1710034065",
        "given_names": "María José",
        "first_surname": "Ñaupari",
        "second_surname": "Güiza",
        "city": "Quito",
    },
    "legal-representative-signature": {
        "passport": "xy123456",
        "passport_country": "co",
        "given_names": "María José",
        "first_surname": "Ñaupari",
        "position": "Rectora",
    },
    "tls-client": {"application": "Portal de trámites"},
    "institution-seal": {"seal": "Secretaría General"},
    "person-authentication": {"cedula": PERSON.cedula},
    "public-servant-signature": {
        "cedula": "1710034065",
        "given_names": "María José",
        "first_surname": "Ñaupari",
        "second_surname": "Güiza",
        "position": "Directora",
        "city": "Quito",
    },
}


def issue(services: CaServices, profile: str, now: datetime) -> x509.Certificate:
    """Go the whole way: request, approval, signature."""
    csr = make_csr() if profile in SERVERS else make_csr(common_name=None, dns=())
    with services.database.transaction() as session:
        request = submit_request(
            session,
            services=services,
            profile=profile,
            csr=csr,
            institution_ruc=RUC if services.profiles.get(profile).needs_institution else None,
            requested_by="ana",
            inputs=INPUTS.get(profile),
            proved_names=[SERVER],
            now=now,
        )
    with services.database.transaction() as session:
        approve_request(
            session,
            services=services,
            request_id=request.id,
            approver="luis",
            tbs_sha256=request.tbs_sha256,
            now=now,
        )
    return x509.load_der_x509_certificate(issue_approved(services, request.id, now=now).certificate_der)
