"""A template yields what is built the long way, octet for octet; bytes that were reviewed stay what is signed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from ca.ceremony.hierarchy import Hierarchy
from ca.issuance.assembly import read_unsigned, with_throw_away_signature
from ca.issuance.authority import load_authority
from ca.issuance.extensions import Surroundings
from ca.issuance.serial import new_serial
from ca.issuance.tbs import Blueprint, build_tbs
from ca.issuance.template import TbsTemplate
from ca.profiles.registry import packaged_profiles
from ca.services import CaServices
from kernel.errors import Rejected
from keys.signer import Algorithm

VALUES = {
    "country": "EC",
    "organization": "Ministerio de Pruebas",
    "legal_name": "Ministerio de Pruebas de la Niñez",
    "ruc": "1768152560001",
    "province": "Pichincha",
    "first_name": "tramites.pruebas.gob.ec",
    "application": "Portal",
    "application_id": "c1",
    "seal": "Secretaría",
    "cedula": "1710034065",
    "given_names": "María José",
    "surnames": "Ñaupari Güiza",
    "first_surname": "Ñaupari",
    "second_surname": "Güiza",
    "position": "Directora " + "x" * 50,
    "address": "Av. Amazonas " * 12,
    "city": "Quito",
    "responder": "OCSP",
    "authority_organization": "SAU",
}
KEYS = (
    ec.generate_private_key(ec.SECP256R1()).public_key(),
    ec.generate_private_key(ec.SECP521R1()).public_key(),
    ed25519.Ed25519PrivateKey.generate().public_key(),
    rsa.generate_private_key(65537, 2048).public_key(),
)


@pytest.fixture
def around(services: CaServices, hierarchy: Hierarchy) -> Surroundings:
    """Where the certificates are issued: by an authority with several lists, so that octets differ by serial."""
    with services.database.reading() as session:
        authority = replace(load_authority(session, "issuing-1"), crl_shards=3, delta_lists=True)
    return replace(Surroundings.of(authority, services.settings), issuer_origin="https://sau.gob.ec")


@pytest.mark.parametrize("profile", packaged_profiles().list(), ids=lambda profile: profile.name)
def test_yields_the_same_octets_as_the_long_way(profile, around: Surroundings, now: datetime) -> None:  # type: ignore[no-untyped-def]
    """Certificate authority, line 14: whichever way the bytes were put together, they are the same bytes."""
    values = VALUES | {field.name: "valor" for field in profile.inputs if field.name not in VALUES}
    first = Blueprint(profile=profile, public_key=KEYS[0], values=values)
    template = TbsTemplate(first, around=around, algorithm=Algorithm.ES256, now=now)
    addresses = (ip_address("8.8.8.8"), ip_address("2001:4860::1")) if profile.names.addresses else ()
    names = ("tramites.pruebas.gob.ec", "*.pruebas.gob.ec") if profile.names.dns != "refused" else ()
    for key in KEYS:
        for later in (timedelta(0), timedelta(days=300, microseconds=5)):
            other = replace(first, public_key=key, dns_names=names, addresses=addresses)
            serial = new_serial()
            built = template.build(other, serial=serial, now=now + later)
            assert template.reproduces(built, other, serial=serial, now=now + later)
            assert read_unsigned(built).serial_number == serial


def test_small_serials_stay_positive(around: Surroundings, now: datetime) -> None:
    """RFC 5280 §4.1.2.2: an INTEGER whose first bit is set gets a leading octet."""
    first = Blueprint(profile=packaged_profiles().get("tls-client"), public_key=KEYS[0], values=VALUES)
    template = TbsTemplate(first, around=around, algorithm=Algorithm.ES256, now=now)
    for serial in (1, 127, 128, 255, 256, 2**159 - 1):
        assert template.build(first, serial=serial, now=now) == build_tbs(
            first, around=around, algorithm=Algorithm.ES256, serial=serial, now=now
        )


def test_a_required_part_that_is_missing_is_refused_as_well(around: Surroundings, now: datetime) -> None:
    first = Blueprint(profile=packaged_profiles().get("public-servant-signature"), public_key=KEYS[0], values=VALUES)
    template = TbsTemplate(first, around=around, algorithm=Algorithm.ES256, now=now)
    lacking = replace(first, values={name: value for name, value in VALUES.items() if name != "ruc"})
    with pytest.raises(Rejected, match="subject_incomplete"):
        template.build(lacking, serial=5, now=now)


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.ES384, Algorithm.RS256, Algorithm.EDDSA])
def test_what_is_assembled_has_one_algorithm_inside_and_outside(
    algorithm: Algorithm, around: Surroundings, now: datetime
) -> None:
    """RFC 5280 §4.1.1.2."""
    blueprint = Blueprint(profile=packaged_profiles().get("tls-client"), public_key=KEYS[0], values=VALUES)
    tbs = build_tbs(blueprint, around=around, algorithm=algorithm, serial=new_serial(), now=now)
    certificate = x509.load_der_x509_certificate(with_throw_away_signature(tbs, algorithm))
    assert certificate.tbs_certificate_bytes == tbs
