"""Whatever is asked for: refused for a reason that we know, or a certificate that says what its profile says."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import ca.issuance
import ca.requests
from ca.lints.finding import blocking
from ca.profiles.registry import packaged_profiles
from ca.requests.prepare import Preview, preview_request
from ca.services import CaServices
from kernel.errors import ServiceError
from tests.ca.csr import SERVER, ec_key, key_usage, make_csr
from tests.ca.ground import RUC
from tests.ca.issued import INPUTS
from tests.made_once import rsa_key

pytestmark = pytest.mark.usefixtures("hierarchy")
ASKED = [profile.name for profile in packaged_profiles().list() if profile.requestable]
BITS = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign")  # fmt: skip
PURPOSES = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.CODE_SIGNING,
            ExtendedKeyUsageOID.OCSP_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)  # fmt: skip
_TEXT = st.text(min_size=1, max_size=70).filter(lambda text: "\x00" not in text)
_NAMES = st.sampled_from(
    [SERVER, f"www.{SERVER}", "*.pruebas.gob.ec", "pruebas.gob.ec", "PRUEBAS.gob.ec", "www.rentas.gob.ec", "gob.ec",
     "*.gob.ec", "intranet", "a_b.pruebas.gob.ec", "xn--pypal-4ve.pruebas.gob.ec", "10.0.0.1", "srv.local"]
) | st.from_regex(r"[ -~]{1,40}", fullmatch=True)  # fmt: skip


@lru_cache(maxsize=1)
def keys() -> tuple[Any, ...]:
    """One key of each kind, good and bad; the first ones are what people bring."""
    return (
        ec_key(),
        ec.generate_private_key(ec.SECP384R1()),
        rsa_key(3072),
        rsa_key(2048),
        ed25519.Ed25519PrivateKey.generate(),
        mldsa.MLDSA65PrivateKey.generate(),
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(65537, 1024),
    )


def known_codes() -> set[str]:
    """Every code that the rules on requests can refuse with, read from their source."""
    found: set[str] = set()
    for package in (ca.requests, ca.issuance):
        for module in Path(package.__path__[0]).glob("*.py"):
            found |= set(re.findall(r'code="([a-z_0-9]+)"', module.read_text("utf-8")))
    return found | {"input_missing", "too_many_inputs"}


def rarely(draw: st.DrawFn) -> bool:
    """One time in eight: most requests are odd in few places, or all would be refused for the first."""
    return draw(st.integers(0, 7)) == 7


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str]:
    """A request for a profile, signed by its own key, that asks for anything at all."""
    profile = draw(st.sampled_from(ASKED))
    extensions: list[tuple[x509.ExtensionType, bool]] = []
    if draw(st.booleans()):
        asked = draw(st.sets(st.sampled_from(BITS), max_size=3)) if rarely(draw) else {"digital_signature"}
        extensions.append((key_usage(**dict.fromkeys(asked, True)), True))
    if rarely(draw):
        chosen = draw(st.lists(st.sampled_from(PURPOSES), min_size=1, max_size=2, unique=True))
        extensions.append((x509.ExtendedKeyUsage(chosen), False))
    if draw(st.booleans()):
        extensions.append((x509.BasicConstraints(rarely(draw), None), True))
    if draw(st.booleans()):
        oid = x509.ObjectIdentifier(f"1.3.6.1.4.1.{draw(st.integers(1, 99999))}.3.1")
        extensions.append((x509.UnrecognizedExtension(oid, draw(st.binary(max_size=40))), False))
    usual = (SERVER,) if profile.startswith("tls-server") else ()
    return profile, make_csr(
        draw(st.sampled_from(keys())) if draw(st.booleans()) else keys()[0],
        common_name=draw(_NAMES) if rarely(draw) else draw(st.sampled_from([None, *usual])),
        organization=draw(st.none() | _TEXT.filter(lambda text: len(text) <= 64)),
        dns=draw(st.lists(_NAMES, max_size=3)) if rarely(draw) else usual,
        addresses=("8.8.8.8",) if rarely(draw) else (),
        other_names=[x509.RFC822Name("a@b.ec")] if rarely(draw) else [],
        extensions=extensions,
    )


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=requests())
@example(asked=("tls-server", make_csr()))
@example(asked=("natural-person-signature", make_csr(common_name=None, dns=())))
def test_any_request_is_refused_for_a_known_reason_or_becomes_what_its_profile_says(
    services: CaServices, now: datetime, asked: tuple[str, str]
) -> None:
    """Certificate authority, lines 8 and 14: no third thing happens, and no lint finds anything to block."""
    profile, csr = asked
    try:
        preview = look(services, now, csr, profile)
    except ServiceError as error:
        assert error.code in known_codes(), error.code
        return
    assert blocking(preview.findings) == ()
    require_of_profile(preview)


def look(services: CaServices, now: datetime, csr: str, profile: str) -> Preview:
    """What the request would become."""
    with services.database.reading() as session:
        return preview_request(
            session,
            services=services,
            profile=profile,
            csr=csr,
            institution_ruc=RUC if services.profiles.get(profile).needs_institution else None,
            inputs=INPUTS.get(profile),
            proved_names=[SERVER],
            now=now,
        )


def require_of_profile(preview: Preview) -> None:
    """The certificate's usages, purposes, kinds of names and extensions are the profile's and not the request's."""
    granted, profile = preview.certificate, preview.profile
    usage = granted.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and not usage.key_cert_sign and not usage.crl_sign
    assert not usage.key_encipherment
    purposes = granted.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [item.dotted_string for item in purposes] == [item.oid for item in profile.extended_key_usage]
    oids = [item.oid.dotted_string for item in granted.extensions]
    assert len(set(oids)) == len(oids)
    assert not any(oid.startswith("1.3.6.1.4.1.") and not oid.startswith("1.3.6.1.4.1.32473.1.") for oid in oids)
    assert granted.public_key() == preview.parsed.public_key


# Requests that were made to trick an authority.


def der_of(csr: str) -> bytes:
    """The request's octets."""
    return x509.load_pem_x509_csr(csr.encode()).public_bytes(Encoding.DER)


def one_bit_of_the_signature(position: int) -> bytes:
    """A request in which one bit of the signature is flipped."""
    der = bytearray(der_of(make_csr()))
    der[position] ^= 1
    return bytes(der)


CA_TRUE = x509.BasicConstraints(ca=True, path_length=0)
NULL_IN_NAME = f"{SERVER}\x00.evil.example"
TRICKS: dict[str, tuple[Any, str]] = {
    "CA:TRUE": (make_csr(extensions=[(CA_TRUE, True)]), "authority_refused"),
    "keyCertSign": (make_csr(extensions=[(key_usage(key_cert_sign=True), True)]), "authority_refused"),
    "cRLSign": (make_csr(extensions=[(key_usage(digital_signature=True, crl_sign=True), True)]), "authority_refused"),
    "anyExtendedKeyUsage": (
        make_csr(extensions=[(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), False)]),
        "purpose_refused",
    ),
    "OCSPSigning": (
        make_csr(extensions=[(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False)]),
        "purpose_refused",
    ),
    "another institution's name": (make_csr(dns=(SERVER, "www.rentas.gob.ec")), "name_not_registered"),
    "a public suffix": (make_csr(dns=(SERVER, "*.gob.ec")), "name_public_suffix"),
    "NUL in a name": (make_csr(common_name=None, dns=(NULL_IN_NAME,)), "name_control_character"),
    "look-alike": (make_csr(common_name=None, dns=("xn--pypal-4ve.pruebas.gob.ec",)), "name_look_alike"),
    "internal name": (make_csr(common_name=None, dns=("servidor.pruebas.local",)), "name_internal"),
    "an e-mail address": (make_csr(other_names=[x509.RFC822Name("root@pruebas.gob.ec")]), "name_kind_refused"),
    "a URI": (make_csr(other_names=[x509.UniformResourceIdentifier("https://x.ec")]), "name_kind_refused"),
    "another subject": (
        make_csr(other_names=[x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "SAU CA")]))]),
        "name_kind_refused",
    ),
    "a hundred and one names": (
        make_csr(common_name=None, dns=[f"s{number}.pruebas.gob.ec" for number in range(101)]),
        "too_many_names",
    ),
    "a huge extension": (
        make_csr(
            extensions=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x04" + b"x" * 70_000), False)]
        ),
        "csr_too_large",
    ),
    "one bit of the signature": (one_bit_of_the_signature(-1), "csr_bad_signature"),
}


@pytest.mark.parametrize("trick", sorted(TRICKS))
def test_a_malicious_request_is_refused_with_its_reason(services: CaServices, now: datetime, trick: str) -> None:
    """Certificate authority, lines 7, 8, 11: what a request may not propose is refused, never trimmed in silence."""
    csr, code = TRICKS[trick]
    with pytest.raises(ServiceError) as caught:
        look(services, now, csr, "tls-server")
    assert caught.value.code == code


def test_extensions_that_the_profile_does_not_ask_for_are_never_copied(services: CaServices, now: datetime) -> None:
    """Certificate authority, line 8: a request may carry anything; what is not the profile's is left out, and shown."""
    foreign = x509.ObjectIdentifier("1.3.6.1.4.1.99999.3.1")  # another authority's field
    csr = make_csr(
        extensions=[
            (x509.UnrecognizedExtension(foreign, b"\x0c\x0a1710034065"), False),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (x509.SubjectKeyIdentifier(b"x" * 20), False),
            (x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("2.23.140.1.1"), None)]), False),
        ]
    )
    preview = look(services, now, csr, "tls-server")
    oids = {item.oid.dotted_string for item in preview.certificate.extensions}
    assert not oids & {foreign.dotted_string, "2.5.29.19", "2.5.29.14"}
    policies = preview.certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
    assert "2.23.140.1.1" not in {item.policy_identifier.dotted_string for item in policies}
    (row,) = [item for item in preview.differences if item.field == "Otras extensiones"]
    assert foreign.dotted_string in row.requested and row.granted == ()
