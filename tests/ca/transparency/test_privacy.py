"""The public log lists no people: what stands in it for a certificate with a person in it."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ca.ceremony.hierarchy import Hierarchy
from ca.issuance.model import Certificate
from ca.profiles.registry import packaged_profiles
from ca.serial import serial_text
from ca.services import CaServices
from ca.transparency.entry import commitment, is_public, is_ruc_of_a_person, make_entry
from ca.transparency.model import CertificateLogEntry, PublicInstitution, PublicListing, PublicName
from tests.ca.ground import PERSON
from tests.ca.issued import INPUTS, PROFILES, issue
from tests.ca.transparency.made import make_logged

PERSONAL = sorted(name for name in PROFILES if packaged_profiles().get(name).is_personal)
INSTITUTIONAL = sorted(set(PROFILES) - set(PERSONAL))


def leaf_of(services: CaServices, certificate: x509.Certificate) -> bytes:
    with services.database.reading() as session:
        return session.get_one(CertificateLogEntry, serial_text(certificate.serial_number)).leaf


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_decided_by_the_octets_is_decided_as_by_reading(
    services: CaServices, hierarchy: Hierarchy, now: datetime
) -> None:
    """A certificate that names nobody goes into the log without being parsed again; the rule is one."""
    for profile in PROFILES:
        certificate = issue(services, profile, now)
        with services.database.reading() as session:
            row = session.get_one(Certificate, serial_text(certificate.serial_number))
            public = is_public(certificate, profile=profile, holder_id=row.holder_id)
        document = json.loads(leaf_of(services, certificate))
        assert document["kind"] == ("certificate" if public else "commitment"), profile
        identifier = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        assert document["authority_key"] == (identifier or b"").hex(), profile


@pytest.mark.parametrize("profile", PERSONAL)
def test_of_a_person_s_certificate_only_a_commitment_is_public(
    services: CaServices, hierarchy: Hierarchy, profile: str, now: datetime
) -> None:
    """No name, number, serial, key or fingerprint; dates without the hour."""
    certificate = issue(services, profile, now)
    der = certificate.public_bytes(Encoding.DER)
    leaf = leaf_of(services, certificate)
    document = json.loads(leaf)
    assert set(document) == {
        *("v", "kind", "profile", "profile_version", "authority_key"),
        *("logged_on", "institution", "not_before", "not_after", "commitment"),
    }
    assert document["commitment"] == hashlib.sha256(b"certificate log: commitment\n" + der).hexdigest()
    person = [PERSON.cedula, *PERSON.given_names.split(), *PERSON.surnames.split(), *INPUTS[profile].values()]
    digest, encoded = hashlib.sha256(der).hexdigest(), base64.b64encode(der).decode()
    secrets = [*person, f"{certificate.serial_number:x}", digest, encoded]
    # Two letters of a country are in any text.
    assert [each for each in secrets if len(each) > 3 and each.casefold() in leaf.decode().casefold()] == []
    assert len(document["not_before"]) == len(document["logged_on"]) == len("2026-11-23")
    with services.database.reading() as session:
        serial = serial_text(certificate.serial_number)
        assert session.get(PublicListing, serial) is None
        assert session.query(PublicName).filter_by(serial=serial).count() == 0
        assert session.query(PublicInstitution).count() == 0


@pytest.mark.parametrize("profile", INSTITUTIONAL)
def test_an_institution_s_certificate_is_public_whole(
    services: CaServices, hierarchy: Hierarchy, profile: str, now: datetime
) -> None:
    """Servers, applications and seals: the entry is the certificate, byte for byte."""
    certificate = issue(services, profile, now)
    document = json.loads(leaf_of(services, certificate))
    assert base64.b64decode(document["certificate"]) == certificate.public_bytes(Encoding.DER)
    assert document["institution"] == "1768152560001"


def test_every_profile_is_decided_by_its_own_declaration(now: datetime) -> None:
    """A new profile for persons is never whole in the log, and an unknown one neither."""
    certificate = x509.load_der_x509_certificate(make_logged("a.gob.ec", now=now).certificate_der)
    for profile in packaged_profiles().list():
        assert is_public(certificate, profile=profile.name, holder_id=None) is not profile.is_personal, profile.name
    assert not is_public(certificate, profile="not-of-this-release", holder_id=None)
    assert not is_public(certificate, profile="tls-server", holder_id="01hxyz")


def test_a_profile_that_names_people_declares_it() -> None:
    """Whoever writes a profile with given names in its subject must say that it is personal."""
    personal = {"givenName", "surname", "title"}
    for profile in packaged_profiles().list():
        if personal & {attribute.attribute for attribute in profile.subject} or profile.needs_person:
            assert profile.is_personal, profile.name


@pytest.mark.parametrize("oid", [NameOID.GIVEN_NAME, NameOID.SURNAME, NameOID.PSEUDONYM], ids=lambda oid: oid._name)
def test_a_person_s_name_makes_a_certificate_private_whatever_its_profile_says(
    oid: x509.ObjectIdentifier, now: datetime
) -> None:
    """The second lock, in case that the first is left open."""
    made = make_logged("a.gob.ec", now=now)
    plain = x509.load_der_x509_certificate(made.certificate_der)

    class Named:
        subject = x509.Name([*plain.subject, x509.NameAttribute(oid, "María")])
        extensions = plain.extensions

    assert is_public(plain, profile="tls-server", holder_id=None)
    assert not is_public(Named(), profile="tls-server", holder_id=None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ruc", "personal"),
    [("1710034065001", True), ("1768152560001", False), ("1790012345001", False), ("0960012340001", False)],
)
def test_the_ruc_of_a_person_s_own_business_is_a_cedula(ruc: str, personal: bool, now: datetime) -> None:
    """Its first ten digits are the owner's number: it does not stand beside a commitment."""
    assert is_ruc_of_a_person(ruc) is personal
    entry = make_entry(make_logged("a", now=now, holder_id="01hxyz", ruc=ruc), now=now)
    assert json.loads(entry.leaf)["institution"] == (None if personal else ruc)


def test_the_commitment_is_not_the_fingerprint(now: datetime) -> None:
    """Servers note fingerprints of certificates that people log in with; those lead to no entry."""
    der = make_logged("a", now=now).certificate_der
    assert commitment(der) != hashlib.sha256(der).hexdigest()
