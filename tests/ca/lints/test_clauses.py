"""The lints on keys, holders and encodings: each finds, in a certificate that is wrong in one place, its own clause."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from ca.ceremony.hierarchy import Hierarchy
from ca.der import children, content
from ca.issuance.serial import new_serial
from ca.issuance.tbs import Blueprint, build_tbs
from ca.lints.case import LintCase
from ca.lints.encoding import LINTS as ENCODING_LINTS
from ca.lints.extensions import der_text
from ca.lints.gate import own_findings
from ca.profiles.profile import KeyType, Profile, Purpose, Usage
from ca.services import CaServices
from keys.signer import Algorithm
from tests.ca.csr import SERVER, ec_key
from tests.ca.lints.test_gate import VALUES, Bench
from tests.made_once import rsa_key

NATURAL, REPRESENTATIVE = "natural-person-signature", "legal-representative-signature"


@pytest.fixture
def bench(services: CaServices, hierarchy: Hierarchy, now: datetime) -> Bench:
    """A bench over a hierarchy."""
    return Bench(services, now)


def own_codes(bench: Bench, tbs_der: bytes, profile: Profile) -> set[str]:
    """What our own lints find."""
    settings = bench.services.settings
    case = LintCase(
        tbs_der=tbs_der,
        issuer=bench.authority.certificate,
        profile=profile,
        algorithm=Algorithm.ES256,
        private_arc=settings.pki_arc,
        issuer_origin=settings.issuer,
    )
    return {finding.code for finding in own_findings(case)}


def build(bench: Bench, profile: Profile, *, key: CertificatePublicKeyTypes | None = None, **around: str) -> bytes:
    """A certificate as that profile builds it."""
    names = (SERVER,) if profile.names.dns == "required" else ()
    public_key = key or ec_key().public_key()
    blueprint = Blueprint(profile=profile, public_key=public_key, values=VALUES, dns_names=names)
    surroundings = replace(bench.around(), **around)
    return build_tbs(blueprint, around=surroundings, algorithm=Algorithm.ES256, serial=new_serial(), now=bench.now)


def with_subject(profile: Profile, attribute: str, *values: str) -> Profile:
    """The profile with other templates for one attribute; none: without the attribute."""
    kept = [item for item in profile.subject if item.attribute != attribute or values]
    changed = [replace(item, values=values) if item.attribute == attribute else item for item in kept]
    return replace(profile, subject=tuple(changed))


def with_field(profile: Profile, number: int, text: str) -> Profile:
    """The profile with another text in one national field."""
    changed = [replace(item, values=(text,)) if item.number == number else item for item in profile.country_fields]
    return replace(profile, country_fields=tuple(changed))


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("tls-client", {"subject_key_identifier": False}, "ski_differs"),
        ("time-stamping", {"private_key_days": None}, "private_key_period_differs"),
        ("tls-client", {"private_key_days": 30}, "private_key_period_differs"),
        ("tls-client", {"key_usage": (Usage.KEY_ENCIPHERMENT,)}, "usage_does_not_fit_key"),
        ("tls-client", {"extended_key_usage": ()}, "unreadable"),
        ("tls-client", {"extended_key_usage": (Purpose.CLIENT_AUTH,) * 2}, "purpose_twice"),
        ("ocsp-responder", {"extended_key_usage": (Purpose.OCSP_SIGNING, Purpose.CLIENT_AUTH)}, "purpose_not_alone"),
        ("tls-server-short", {"no_revocation_available": False, "status": "full"}, "no_revocation_differs"),
    ],
)  # fmt: skip
def test_what_another_profile_would_build_is_found(bench: Bench, name: str, change: dict[str, Any], code: str) -> None:
    """RFC 5280 §4.2.1.2, §4.2.1.12; RFC 8813 §3; RFC 9608 §2; EN 319 422 §6."""
    profile = bench.services.profiles.get(name)
    assert code in own_codes(bench, build(bench, replace(profile, **change)), profile)
    assert own_codes(bench, build(bench, profile), profile) == set()


def test_a_usage_that_serves_no_purpose_is_found(bench: Bench) -> None:
    """RFC 5280 §4.2.1.12: keyAgreement signs no code."""
    profile = replace(bench.services.profiles.get("code-signing"), key_usage=(Usage.KEY_AGREEMENT,))
    assert "usage_does_not_fit_purpose" in own_codes(bench, build(bench, profile), profile)


def test_keys_are_held_to_the_profile(bench: Bench) -> None:
    """BR §6.1.5, CSBR §6.1.5.2: the kind that the profile takes, RSA as long as it wants."""
    client, code = bench.services.profiles.get("tls-client"), bench.services.profiles.get("code-signing")
    only_rsa = replace(client, keys=(KeyType.RSA,))
    assert "key_kind_refused" in own_codes(bench, build(bench, client), only_rsa)
    assert "rsa_size" in own_codes(bench, build(bench, code, key=rsa_key(2048).public_key()), code)
    weak = rsa.RSAPublicNumbers(3, rsa_key(2048).public_key().public_numbers().n).public_key()
    assert "rsa_exponent" in own_codes(bench, build(bench, client, key=weak), client)
    assert (
        own_codes(bench, build(bench, client, key=ec.generate_private_key(ec.SECP521R1()).public_key()), client)
        == set()
    )


@pytest.mark.parametrize(
    ("name", "attribute", "values", "code"),
    [
        (NATURAL, "givenName", (), "person_incomplete"),
        (NATURAL, "serialNumber", ("{cedula}",), "person_number_malformed"),
        (NATURAL, "serialNumber", ("IDCEC-1710034066",), "person_number_malformed"),
        (NATURAL, "serialNumber", ("PASE-123456",), "person_number_malformed"),
        (REPRESENTATIVE, "organizationIdentifier", ("{ruc}",), "organization_number_malformed"),
        (REPRESENTATIVE, "organizationIdentifier", ("VATEC-17681525600",), "organization_number_malformed"),
        (REPRESENTATIVE, "organizationName", (), "organization_incomplete"),
        (REPRESENTATIVE, "title", ("Ministra",), "national_field_differs"),
        (NATURAL, "surname", ("Otro",), "national_field_differs"),
        (NATURAL, "serialNumber", ("IDCEC-0926687856",), "national_field_differs"),
    ],
)  # fmt: skip
def test_a_holder_is_named_as_the_standards_say(
    bench: Bench, name: str, attribute: str, values: tuple[str, ...], code: str
) -> None:
    """ETSI EN 319 412-1 §5.1.3, §5.1.4, -2 §4.2.4, -3 §4.2.1; Certificate authority, lines 9 and 10."""
    profile = bench.services.profiles.get(name)
    assert code in own_codes(bench, build(bench, with_subject(profile, attribute, *values)), profile)


@pytest.mark.parametrize(
    ("number", "text"), [(1, "0926687856"), (2, "Juana"), (3, "Paz"), (11, "0990000000001"), (5, "Otro cargo")]
)
def test_national_fields_do_not_contradict_the_subject(bench: Bench, number: int, text: str) -> None:
    """Certificate authority, line 10: both kinds of tools see the same holder."""
    profile = bench.services.profiles.get(REPRESENTATIVE)
    assert "national_field_differs" in own_codes(bench, build(bench, with_field(profile, number, text)), profile)


def test_another_authoritys_arc_is_found(bench: Bench) -> None:
    """Certificate authority, line 10: never another CA's arc, in fields or policies."""
    profile = bench.services.profiles.get(NATURAL)
    assert "foreign_arc" in own_codes(bench, build(bench, profile, private_arc="1.3.6.1.4.1.32474.9"), profile)


def test_the_notice_is_the_profiles(bench: Bench) -> None:
    """Law 67 Art. 22: issuer, domicile, verification, limits of use."""
    profile = bench.services.profiles.get(NATURAL)
    assert profile.policy is not None
    without = replace(profile, policy=replace(profile.policy, notice=""))
    other = replace(profile, policy=replace(profile.policy, notice="Emisor: {issuer}, {domicile}. Uso: cualquiera."))
    assert "notice_missing" in own_codes(bench, build(bench, without), profile)
    assert "notice_differs" in own_codes(bench, build(bench, other), profile)
    assert own_codes(bench, build(bench, profile, domicile="Cuenca, Ecuador"), profile) == set()


def test_text_is_utf8_or_printable(bench: Bench) -> None:
    """RFC 5280 §4.1.2.4: no BMPString, TeletexString or UniversalString; country and number PrintableString."""
    odd = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "EC"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Ministerio de Pruebas", _type=_ASN1Type.BMPString),
    ]
    assert "not_utf8_string" in bench.codes(bench.odd(subject=x509.Name(odd)))
    country = [x509.NameAttribute(NameOID.COUNTRY_NAME, "EC", _type=_ASN1Type.UTF8String, _validate=False)]
    assert "not_printable_string" in bench.codes(bench.odd(subject=x509.Name(country)))
    assert "subject_empty" in bench.codes(bench.odd(subject=x509.Name([])))


def test_bytes_that_parsers_forgive_are_found(bench: Bench) -> None:
    """RFC 5280 §4.1.2.5, §4.1.2.8, §4.2: dates, unique identifiers, repeated extensions, in the octets."""
    good = bench.good(bench.profile)
    parts = list(children(good))

    def found(*changed: bytes) -> set[str]:
        case = LintCase(
            tbs_der=_sequence(changed),
            issuer=bench.authority.certificate,
            profile=bench.profile,
            algorithm=Algorithm.ES256,
            private_arc="1.2.3",
            issuer_origin="https://sau.example",
        )
        return {finding.code for lint in ENCODING_LINTS for finding in lint(case)}

    assert found(*parts) == set()
    assert "unexpected_field" in found(*parts[:7], b"\x81\x02\x00\x01", parts[7])
    extensions = children(children(parts[7])[0])
    twice = b"\xa3" + _length(_sequence((*extensions, extensions[0]))) + _sequence((*extensions, extensions[0]))
    assert "extension_twice" in found(*parts[:7], twice)
    begins, ends = children(parts[4])
    later = b"\x18\x0f20" + content(ends)
    assert "date_malformed" in found(*parts[:4], _sequence((begins, later)), *parts[5:])


@pytest.mark.parametrize(
    ("der", "text"),
    [
        (b"\x0c\x03a\xc3\xb1", "a\xf1"),
        (b"\x0c\x00", None),
        (b"\x0c\x81\x01a", None),
        (b"\x0c\x02a", None),
        (b"\x0c\x01ab", None),
        (b"\x13\x01a", None),
        (b"\x0c\x01\xff", None),
        (b"", None),
    ],
)
def test_a_national_field_is_one_der_string(der: bytes, text: str | None) -> None:
    """X.690 §10.1: the shortest length, nothing after it; UTF-8, and something in it."""
    assert der_text(der) == text


def _sequence(parts: tuple[bytes, ...]) -> bytes:
    joined = b"".join(parts)
    return b"\x30" + _length(joined) + joined


def _length(content_octets: bytes) -> bytes:
    count = len(content_octets)
    return bytes([count]) if count < 128 else b"\x82" + count.to_bytes(2, "big")
