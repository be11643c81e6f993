"""Certificates that the service issues to itself: OCSP responders."""

from __future__ import annotations

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import NameOID
from sqlalchemy.orm import Session

from ca.issuance.authority import load_authority
from ca.issuance.extensions import Surroundings
from ca.issuance.record import Intent, complete_certificate, record_intent
from ca.issuance.serial import new_serial
from ca.issuance.tbs import Blueprint, build_tbs
from ca.lints.gate import require_clean
from ca.services import CaServices
from kernel.identifiers import sha256_hex

OCSP_RESPONDER = "ocsp-responder"
WORKER = "worker"


def record_responder(
    session: Session,
    *,
    services: CaServices,
    authority_name: str,
    public_key: CertificatePublicKeyTypes,
    now: datetime,
) -> str:
    """Build, lint and record an OCSP responder's certificate in the caller's transaction; return its serial.

    Sign it after the commit by :func:`complete_responder`. Its responder name carries the key's fingerprint, so two
    responders of one authority are told apart.

    :raises kernel.errors.Rejected: (``lint_blocked``) if a lint finds something.
    """
    profile = services.profiles.get(OCSP_RESPONDER)
    authority = load_authority(session, authority_name)
    signer = services.keystore.open(authority.key_name)
    serial = new_serial()
    organization = authority.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value
    country = authority.certificate.subject.get_attributes_for_oid(NameOID.COUNTRY_NAME)[0].value
    values = {
        "country": str(country),
        "authority_organization": str(organization),
        "responder": f"OCSP {authority.name} {sha256_hex(f'{serial:x}')[:8]}",
    }
    tbs_der = build_tbs(
        Blueprint(profile=profile, public_key=public_key, values=values),
        around=Surroundings(
            authority=authority, issuer_origin=services.settings.issuer, private_arc=services.settings.pki_arc
        ),
        algorithm=signer.algorithm,
        serial=serial,
        now=now,
    )
    require_clean(tbs_der, profile=profile, authority=authority, algorithm=signer.algorithm, services=services)
    intent = Intent(tbs_der=tbs_der, authority_id=authority.id, profile=profile.name, profile_version=profile.version)
    return record_intent(session, intent, journal=services.journal, actor=WORKER, now=now)


def complete_responder(services: CaServices, serial: str, *, authority_name: str, now: datetime) -> bytes:
    """Sign what was recorded and return the responder's certificate (DER); safe to repeat."""
    with services.database.reading() as session:
        key_name = load_authority(session, authority_name).key_name
    return complete_certificate(
        services.database,
        serial,
        signer=services.keystore.open(key_name),
        journal=services.journal,
        actor=WORKER,
        now=now,
    )
