"""The gate: each own lint finds what it is for, pkilint sees the exact bytes, and a finding blocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ca.ceremony.hierarchy import Hierarchy
from ca.issuance.assembly import read_unsigned, to_be_signed, with_throw_away_signature
from ca.issuance.authority import AuthorityRecord, load_authority
from ca.issuance.extensions import Surroundings, extensions_of
from ca.issuance.serial import new_serial
from ca.issuance.tbs import Blueprint, build_tbs
from ca.lints.finding import Severity, blocking
from ca.lints.gate import lint_tbs, require_clean
from ca.profiles.profile import Profile
from ca.services import CaServices
from kernel.errors import Rejected
from keys.signer import Algorithm
from tests.ca.csr import SERVER, ec_key, key_usage

VALUES = {
    "country": "EC",
    "organization": "Ministerio de Pruebas",
    "legal_name": "Ministerio de Pruebas",
    "ruc": "1768152560001",
    "province": "Pichincha",
    "first_name": SERVER,
    "application": "Portal",
    "seal": "Ministerio de Pruebas",
    "cedula": "1710034065",
    "given_names": "Ana",
    "first_surname": "Pérez",
    "second_surname": "Ñato",
    "surnames": "Pérez Ñato",
    "position": "Directora",
    "responder": "OCSP",
    "authority_organization": "SAU",
}


class Bench:
    """Builds certificates that are wrong in one place and lints them."""

    def __init__(self, services: CaServices, now: datetime) -> None:
        self.services, self.now = services, now
        with services.database.reading() as session:
            self.authority: AuthorityRecord = load_authority(session, "issuing-1")
        self.profile = services.profiles.get("tls-server")

    def around(self) -> Surroundings:
        """Where it would be issued."""
        return Surroundings.of(self.authority, self.services.settings)

    def good(self, profile: Profile) -> bytes:
        """The bytes of a certificate as issuance builds it."""
        names = (SERVER,) if profile.names.dns == "required" else ()
        key = Ed25519PrivateKey.generate() if profile.keys == ("Ed25519",) else ec_key()
        blueprint = Blueprint(profile=profile, public_key=key.public_key(), values=VALUES, dns_names=names)
        return build_tbs(blueprint, around=self.around(), algorithm=Algorithm.ES256, serial=new_serial(), now=self.now)

    def odd(self, **changes: Any) -> bytes:
        """A TLS server certificate with some of serial, issuer, dates, subject or extensions changed."""
        key = ec_key().public_key()
        issuer = self.authority.certificate
        begins = self.now.replace(microsecond=0)
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "EC"),
                x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "Pichincha"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Ministerio de Pruebas"),
                x509.NameAttribute(NameOID.COMMON_NAME, changes.get("common_name", SERVER)),
            ]
        )
        builder = (
            x509.CertificateBuilder()
            .serial_number(changes.get("serial", new_serial()))
            .issuer_name(changes.get("issuer", issuer.subject))
            .subject_name(changes.get("subject", subject))
            .public_key(key)
            .not_valid_before(begins)
            .not_valid_after(begins + changes.get("lifetime", timedelta(days=100)))
        )
        replaced: dict[Any, Any] = dict(changes.get("extensions", {}))  # a parameter serves both databases
        placed = list(
            extensions_of(
                self.profile,
                public_key=key,
                dns_names=(SERVER,),
                addresses=(),
                values=VALUES,
                around=self.around(),
                not_before=begins,
            )
        )
        for value, critical in placed:
            new = replaced.pop(type(value), (value, critical))
            if new is not None:
                builder = builder.add_extension(new[0], critical=new[1])
        for new in replaced.values():
            builder = builder.add_extension(new[0], critical=new[1])
        return to_be_signed(builder, Algorithm.ES256)

    def codes(self, tbs_der: bytes, profile: Profile | None = None) -> set[str]:
        """The codes of what blocks."""
        found = lint_tbs(
            tbs_der,
            profile=profile or self.profile,
            authority=self.authority,
            algorithm=Algorithm.ES256,
            services=self.services,
        )
        return {finding.code for finding in blocking(found)}


@pytest.fixture
def bench(services: CaServices, hierarchy: Hierarchy, now: datetime) -> Bench:
    """A bench over a hierarchy."""
    return Bench(services, now)


def test_what_every_profile_builds_passes(bench: Bench) -> None:
    """No profile of the release brings about a finding that blocks, OCSP responders included."""
    for profile in bench.services.profiles.list():
        assert bench.codes(bench.good(profile), profile) == set(), profile.name


def test_what_is_linted_is_byte_for_byte_what_is_signed(bench: Bench) -> None:
    """The form that pkilint reads carries the same to-be-signed octets, signed by a key that certifies nothing."""
    tbs_der = bench.good(bench.profile)
    read = x509.load_der_x509_certificate(with_throw_away_signature(tbs_der, Algorithm.ES256))
    assert read.tbs_certificate_bytes == tbs_der == read_unsigned(tbs_der).tbs_certificate_bytes
    with pytest.raises(InvalidSignature):
        read.verify_directly_issued_by(bench.authority.certificate)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"serial": 5}, "serial_out_of_range"),
        ({"issuer": x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "SAU CA")])}, "issuer_differs"),
        ({"lifetime": timedelta(days=201)}, "validity_beyond_schedule"),
        ({"lifetime": timedelta(days=200)}, "validity_beyond_profile"),
        ({"lifetime": timedelta(days=4000)}, "validity_beyond_issuer"),
        ({"common_name": "otro.pruebas.gob.ec"}, "common_name_not_listed"),
        ({"common_name": " "}, "attribute_not_plain"),
        ({"extensions": {x509.BasicConstraints: (x509.BasicConstraints(True, None), True)}}, "is_authority"),
        ({"extensions": {x509.OCSPNoCheck: (x509.OCSPNoCheck(), False)}}, "unexpected_extension"),
        ({"extensions": {x509.KeyUsage: (key_usage(digital_signature=True), False)}}, "wrong_criticality"),
        ({"extensions": {x509.KeyUsage: (key_usage(key_encipherment=True), True)}}, "key_usage_differs"),
        ({"extensions": {x509.ExtendedKeyUsage: (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False)}},
         "purposes_differ"),
        ({"extensions": {x509.AuthorityKeyIdentifier: (x509.AuthorityKeyIdentifier(b"x" * 20, None, None), False)}},
         "aki_differs"),
        ({"extensions": {x509.CRLDistributionPoints: None}}, "bad_distribution_point"),
        ({"extensions": {x509.AuthorityInformationAccess: None}}, "bad_information_access"),
        ({"extensions": {x509.CertificatePolicies: None}}, "policies_differ"),
        ({"extensions": {x509.SubjectAlternativeName: None}}, "no_alternative_name"),
        ({"extensions": {x509.SubjectAlternativeName:
          (x509.SubjectAlternativeName([x509.DNSName(SERVER), x509.DNSName(SERVER)]), False)}},
         "alternative_name_twice"),
        ({"extensions": {x509.SubjectAlternativeName:
          (x509.SubjectAlternativeName([x509.DNSName(SERVER), x509.DNSName("*.gob.ec")]), False)}},
         "name_public_suffix"),
    ],
)  # fmt: skip
def test_each_own_lint_finds_its_clause(bench: Bench, changes: dict[str, Any], code: str) -> None:
    """One clause, one lint, one wrong certificate."""
    assert code in bench.codes(bench.odd(**changes))


def test_a_clean_certificate_of_the_bench_passes(bench: Bench) -> None:
    """So that what the cases above find comes from what they change."""
    assert bench.codes(bench.odd()) == set()


def test_pkilint_blocks_what_the_profile_does_not_accept_with_a_reason(bench: Bench) -> None:
    """A warning of pkilint blocks; accepted ones stand in the profile with their reason and become notices."""
    strict = replace(bench.profile, lint=replace(bench.profile.lint, accepted=()))
    tbs_der = bench.good(bench.profile)
    assert bench.codes(tbs_der) == set()
    assert "cabf.serverauth.ov.common_name_attribute_present" in bench.codes(tbs_der, strict)
    with pytest.raises(Rejected) as caught:
        require_clean(
            tbs_der,
            profile=strict,
            authority=bench.authority,
            algorithm=Algorithm.ES256,
            services=bench.services,
        )
    assert caught.value.code == "lint_blocked"


def test_only_notices_pass() -> None:
    """MUST and SHOULD block; a notice is told."""
    assert [severity for severity in Severity if severity.blocks] == [Severity.ERROR, Severity.WARNING]
