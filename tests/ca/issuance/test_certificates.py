"""What stands in issued certificates (certificate authority 1 to 10), and that software which is not ours agrees."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import core
from asn1crypto.x509 import Certificate as Asn1Certificate
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID
from sqlalchemy import update

from ca.ceremony.hierarchy import Hierarchy, create_hierarchy
from ca.issuance.model import Authority, Certificate
from ca.issuance.serial import new_serial
from ca.issuance.tbs import validity_of
from ca.locations import crl_url, delta_url
from ca.profiles.registry import ProfileRegistry
from ca.profiles.schedule import longest_tls_lifetime
from ca.serial import serial_text
from ca.services import CaServices
from kernel.clock import ManualClock
from kernel.errors import Rejected
from tests.ca.issued import PROFILES, SERVERS, issue

every_profile = pytest.mark.parametrize("profile", PROFILES)
ARC = "1.3.6.1.4.1.32473.1"


def test_serials_are_long_positive_and_never_the_same() -> None:
    """RFC 5280 §4.1.2.2, BR §7.1: positive, 20 octets, under 2^159, from the system's generator."""
    serials = {new_serial() for _ in range(1000)}
    assert len(serials) == 1000
    assert all(2**156 <= serial < 2**159 for serial in serials)


@every_profile
def test_leaf_fields(services: CaServices, hierarchy: Hierarchy, now: datetime, profile: str) -> None:
    """v3; AKI is the issuer's SKI and no more; KeyUsage alone is critical; no cA; issuer bytes equal."""
    leaf = issue(services, profile, now)
    extensions = leaf.extensions
    aki = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    ski = hierarchy.issuing.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert leaf.version is x509.Version.v3
    assert aki == x509.AuthorityKeyIdentifier(ski.digest, None, None)
    assert {item.oid for item in extensions if item.critical} == {x509.KeyUsage.oid}
    assert leaf.issuer.public_bytes() == hierarchy.issuing.subject.public_bytes()
    assert leaf.signature_hash_algorithm is not None and leaf.signature_hash_algorithm.name == "sha256"
    with pytest.raises(x509.ExtensionNotFound):
        extensions.get_extension_for_class(x509.BasicConstraints)


@pytest.mark.parametrize("profile", [name for name in PROFILES if name != "tls-server-short"])
def test_status_pointers(services: CaServices, hierarchy: Hierarchy, now: datetime, profile: str) -> None:
    """RFC 5280 §4.2.1.13, §4.2.2.1: the list over http with ``crl`` in it; OCSP first, then the issuer."""
    extensions = issue(services, profile, now).extensions
    points = extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert [name.value for point in points for name in point.full_name or ()] == [
        "http://localhost:8000/pki/crl/issuing-1-0.crl"
    ]
    access = extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert [(item.access_method, item.access_location.value) for item in access] == [
        (AuthorityInformationAccessOID.OCSP, "http://localhost:8000/pki/ocsp"),
        (AuthorityInformationAccessOID.CA_ISSUERS, "http://localhost:8000/pki/ca/issuing-1.cer"),
    ]


@every_profile
def test_subject_encoding(services: CaServices, hierarchy: Hierarchy, now: datetime, profile: str) -> None:
    """RFC 5280 appendix A.1: one attribute an RDN, C and serialNumber PrintableString, ñ and accents as UTF8String."""
    der = issue(services, profile, now).public_bytes(Encoding.DER)
    for rdn in Asn1Certificate.load(der)["tbs_certificate"]["subject"].chosen:
        assert len(rdn) == 1
        printable = rdn[0]["type"].native in ("country_name", "serial_number")
        assert rdn[0]["value"].chosen.tag == (19 if printable else 12)


@pytest.mark.parametrize(
    ("profile", "usage", "purposes"),
    [
        ("tls-server", {"digital_signature"}, ["1.3.6.1.5.5.7.3.1"]),
        ("tls-client", {"digital_signature"}, ["1.3.6.1.5.5.7.3.2"]),
        ("tls-server-acme", {"digital_signature"}, ["1.3.6.1.5.5.7.3.1"]),
        ("tls-server-short", {"digital_signature"}, ["1.3.6.1.5.5.7.3.1"]),
        ("code-signing", {"digital_signature"}, ["1.3.6.1.5.5.7.3.3"]),
        ("natural-person-signature", {"digital_signature", "content_commitment"}, ["1.3.6.1.5.5.7.3.36"]),
        ("legal-representative-signature", {"digital_signature", "content_commitment"}, ["1.3.6.1.5.5.7.3.36"]),
        ("institution-seal", {"digital_signature", "content_commitment"}, ["1.3.6.1.5.5.7.3.36"]),
        ("person-authentication", {"digital_signature"}, ["1.3.6.1.5.5.7.3.2"]),
        ("public-servant-signature", {"digital_signature", "content_commitment"}, ["1.3.6.1.5.5.7.3.36"]),
    ],
)
def test_usages(
    services: CaServices, hierarchy: Hierarchy, now: datetime, profile: str, usage: set[str], purposes: list[str]
) -> None:
    """Each profile's bits and purposes; signatures of persons and seals carry both bits (ETSI EN 319 412-2 §4.3.2)."""
    extensions = issue(services, profile, now).extensions
    granted = extensions.get_extension_for_class(x509.KeyUsage).value
    bits = ("digital_signature", "content_commitment", "key_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
    assert {bit for bit in bits if getattr(granted, bit)} == usage
    assert [oid.dotted_string for oid in extensions.get_extension_for_class(x509.ExtendedKeyUsage).value] == purposes


def test_national_fields_are_der_strings(services: CaServices, hierarchy: Hierarchy, now: datetime) -> None:
    """Certificate authority 10: the shared layout under our own arc; absent fields are absent; none is critical."""
    extensions = issue(services, "public-servant-signature", now).extensions
    fields = {
        item.oid.dotted_string.removeprefix(f"{ARC}.3."): core.UTF8String.load(item.value.value).native
        for item in extensions
        if isinstance(item.value, x509.UnrecognizedExtension)
    }
    assert fields == {
        "1": "1710034065",
        "2": "María José",
        "3": "Ñaupari",
        "4": "Güiza",
        "5": "Directora",
        "6": "Ministerio de Pruebas",
        "9": "Quito",
        "10": "Ministerio de Pruebas",
        "11": "1768152560001",
        "12": "ECUADOR",
    }


def test_law_67_content_of_a_servants_certificate(services: CaServices, hierarchy: Hierarchy, now: datetime) -> None:
    """Law 67 Art. 22: issuer and domicile, holder, how verified, dates, unique serial, signature, limits of use."""
    leaf = issue(services, "public-servant-signature", now)
    policies = leaf.extensions.get_extension_for_class(x509.CertificatePolicies).value
    assert [policy.policy_identifier.dotted_string for policy in policies] == [f"{ARC}.2.3"]
    practice, notice = policies[0].policy_qualifiers or ()
    assert practice == "http://localhost:8000/pki/cps"
    assert isinstance(notice, x509.UserNotice)
    assert "domicilio legal" in (notice.explicit_text or "") and "Uso:" in (notice.explicit_text or "")
    assert leaf.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)[0].value == "IDCEC-1710034065"


def test_no_policy_oid_is_a_prefix_of_another(services: CaServices) -> None:
    """Certificate authority 10: policies and fields stand on arcs of their own."""
    oids = [f"2.{item.policy.suffix}".split(".") for item in services.profiles.list() if item.policy]
    oids += [["3", str(field.number)] for item in services.profiles.list() for field in item.country_fields]
    unique = {tuple(oid) for oid in oids}
    assert not any(a != b and b[: len(a)] == a for a in unique for b in unique)


def test_dates(services: CaServices, hierarchy: Hierarchy, now: datetime) -> None:
    """RFC 5280 §4.1.2.5: both ends count, so 199 days end a second earlier; never before or after the issuer."""
    leaf = issue(services, "tls-server", now)
    lifetime = leaf.not_valid_after_utc - leaf.not_valid_before_utc + timedelta(seconds=1)
    assert lifetime == timedelta(days=199)
    assert timedelta(0) <= now - leaf.not_valid_before_utc <= timedelta(hours=48)
    assert leaf.not_valid_before_utc >= hierarchy.issuing.not_valid_before_utc


def test_a_leaf_never_outlives_its_issuer(services: CaServices, hierarchy: Hierarchy) -> None:
    """Near the authority's end certificates get shorter; after it there are none."""
    end = hierarchy.issuing.not_valid_after_utc
    profile = services.profiles.get("institution-seal")
    assert validity_of(profile, authority=hierarchy.issuing, now=end - timedelta(days=30))[1] == end
    with pytest.raises(Rejected) as caught:
        validity_of(profile, authority=hierarchy.issuing, now=end + timedelta(seconds=1))
    assert caught.value.code == "authority_expired"


@pytest.mark.parametrize(
    ("day", "days"),
    [("2026-03-14", 398), ("2026-03-15", 200), ("2027-03-14", 200), ("2027-03-15", 100), ("2029-03-15", 47)],
)
def test_tls_lifetime_shrinks_by_the_public_schedule(day: str, days: int) -> None:
    """BR 2.2.6 §6.3.2."""
    assert longest_tls_lifetime(datetime.fromisoformat(day).replace(tzinfo=UTC)) == timedelta(days=days)


def test_from_march_2027_server_certificates_get_99_days_by_themselves(
    services: CaServices, hierarchy: Hierarchy, clock: ManualClock
) -> None:
    """The schedule shortens the profile without a new release, a day under it, and the lints agree."""
    clock.advance(timedelta(days=150))
    leaf = issue(services, "tls-server", clock.now())
    lifetime = leaf.not_valid_after_utc - leaf.not_valid_before_utc + timedelta(seconds=1)
    assert lifetime == timedelta(days=99)


@pytest.mark.server
@every_profile
def test_openssl_gnutls_and_pkilint_agree(services: CaServices, tmp_path: Path, profile: str) -> None:
    """`openssl verify -x509_strict`, `certtool --verify`, and pkilint's own command line, each from outside."""
    now = datetime.now(UTC)  # certtool knows no other time
    made = create_hierarchy(services, now=now)
    files = {"root": made.root, "issuing": made.issuing, "leaf": issue(services, profile, now)}
    for name, certificate in files.items():
        (tmp_path / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (tmp_path / "chain.pem").write_bytes(
        b"".join((tmp_path / f"{name}.pem").read_bytes() for name in ("leaf", "issuing", "root"))
    )
    purpose = {"tls-client": "sslclient", "person-authentication": "sslclient", "code-signing": "any"}.get(
        profile, "sslserver" if profile in SERVERS else "any"
    )
    openssl = f"openssl verify -x509_strict -purpose {purpose} -CAfile root.pem -untrusted issuing.pem leaf.pem"
    assert run(openssl, tmp_path) == "leaf.pem: OK\n"
    gnutls = run("certtool --verify --load-ca-certificate root.pem --infile chain.pem", tmp_path)
    assert "Chain verification output: Verified." in gnutls, gnutls
    suites = {
        "tls-server": "lint_cabf_serverauth_cert lint -t OV-FINAL-CERTIFICATE -s ERROR",
        "code-signing": "lint_pkix_cert lint -s WARNING",
        "natural-person-signature": "lint_etsi_cert lint -t NCP-NATURAL-PERSON-CERTIFICATE -s ERROR",
    }
    if profile not in suites:  # the gate ran pkilint on the others, in this process
        return
    suite = suites[profile]
    pkilint = run(f"{sys.executable} -m pkilint.bin.{suite} -f JSON leaf.pem", tmp_path)
    found = {item["code"] for result in json.loads(pkilint)["results"] for item in result["finding_descriptions"]}
    trial = {"pkix.invalid_uri_syntax", "cabf.internal_domain_name", "etsi.internal_domain_name"}
    assert found <= trial  # localhost in the addresses


def run(command: str, folder: Path) -> str:
    """Run a command in a folder and return what it printed."""
    done = subprocess.run(command.split(), cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout or done.stderr


def test_new_certificates_are_spread_over_the_lists_and_stand_where_they_say(
    services: CaServices, hierarchy: Hierarchy, now: datetime
) -> None:
    """Certificate authority 19: the row's list is the one that the signed bytes name."""
    with services.database.transaction() as session:
        session.execute(update(Authority).where(Authority.name == "issuing-1").values(crl_shards=3, delta_lists=True))
    issued = issue(services, "tls-client", now)
    [point] = issued.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert point.full_name is not None
    with services.database.reading() as session:
        row = session.get_one(Certificate, serial_text(issued.serial_number))
    assert row.crl_shard == issued.serial_number % 3
    assert point.full_name[0].value == crl_url(services.settings.issuer, "issuing-1", row.crl_shard)
    with pytest.raises(x509.ExtensionNotFound):
        issued.extensions.get_extension_for_class(x509.FreshestCRL)


def test_a_profile_that_asks_names_the_delta_list(services: CaServices, hierarchy: Hierarchy, now: datetime) -> None:
    """RFC 5280 §4.2.1.15: freshestCRL, not critical, where the authority publishes deltas."""
    profiles = [
        replace(profile, freshest_list=True) if profile.name == "tls-client" else profile
        for profile in services.profiles.list()
    ]
    with services.database.transaction() as session:
        session.execute(update(Authority).where(Authority.name == "issuing-1").values(delta_lists=True))
    issued = issue(replace(services, profiles=ProfileRegistry(profiles)), "tls-client", now)
    freshest = issued.extensions.get_extension_for_class(x509.FreshestCRL)
    [point] = freshest.value
    address = delta_url(services.settings.issuer, "issuing-1", 0)
    assert (freshest.critical, [name.value for name in point.full_name or ()]) == (False, [address])
