"""Certificates that the service issues to itself: OCSP responders, the time-stamping unit."""

from __future__ import annotations

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import NameOID

from ca.issuance.authority import AuthorityRecord
from ca.issuance.extensions import Surroundings
from ca.issuance.record import Intent
from ca.issuance.serial import new_serial
from ca.issuance.tbs import Blueprint, build_tbs
from ca.lints.gate import require_clean
from ca.services import CaServices
from kernel.identifiers import sha256_hex

OCSP_RESPONDER, TIME_STAMPING, CMP_RESPONDER = "ocsp-responder", "time-stamping", "cmp-responder"
LOG_SIGNING = "log-signing"


def prepare_responder(
    services: CaServices, *, authority: AuthorityRecord, public_key: CertificatePublicKeyTypes, now: datetime
) -> Intent:
    """Build and lint an OCSP responder's certificate: :func:`prepare_own`."""
    return prepare_own(
        services,
        profile_name=OCSP_RESPONDER,
        title=f"OCSP {authority.name}",
        authority=authority,
        public_key=public_key,
        now=now,
    )


def prepare_own(
    services: CaServices,
    *,
    profile_name: str,
    title: str,
    authority: AuthorityRecord,
    public_key: CertificatePublicKeyTypes,
    now: datetime,
) -> Intent:
    """Build and lint a certificate of the service's own; the caller records the intent and signs after the commit.

    Outside of any transaction: linting takes a moment, and nobody should wait for it. The name carries a part of the
    serial's digest, so two units of one authority are told apart.

    :raises kernel.errors.Rejected: (``lint_blocked``) if a lint finds something.
    """
    profile = services.profiles.get(profile_name)
    algorithm = services.keystore.open(authority.key_name).algorithm
    serial = new_serial()
    organization = authority.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value
    country = authority.certificate.subject.get_attributes_for_oid(NameOID.COUNTRY_NAME)[0].value
    values = {
        "country": str(country),
        "authority_organization": str(organization),
        "responder": f"{title} {sha256_hex(f'{serial:x}')[:8]}",
    }
    tbs_der = build_tbs(
        Blueprint(profile=profile, public_key=public_key, values=values),
        around=Surroundings.of(authority, services.settings),
        algorithm=algorithm,
        serial=serial,
        now=now,
    )
    require_clean(tbs_der, profile=profile, authority=authority, algorithm=algorithm, services=services)
    return Intent(tbs_der=tbs_der, authority_id=authority.id, profile=profile.name, profile_version=profile.version)
