"""Reading requests: bounded, well-formed, and with proof of possession on every path."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from ca.requests.csr import LIMIT, parse_csr
from kernel.errors import Rejected
from tests.ca.csr import SERVER, ec_key, make_csr


def der_of(pem: str) -> bytes:
    """The request's octets."""
    return x509.load_pem_x509_csr(pem.encode()).public_bytes(Encoding.DER)


def code_of(data: bytes | str) -> str:
    """The code that refuses ``data``."""
    with pytest.raises(Rejected) as caught:
        parse_csr(data)
    return caught.value.code


def test_pem_and_der_say_the_same() -> None:
    """RFC 7468 §7: text and octets are one request."""
    pem = make_csr()
    from_pem, from_der = parse_csr(pem), parse_csr(der_of(pem))
    assert (from_pem.der, from_pem.spki_sha256) == (from_der.der, from_der.spki_sha256)
    assert from_pem.dns_names == (SERVER,) and from_pem.common_names == (SERVER,)


def test_text_around_the_block_and_windows_lines_are_read() -> None:
    """`openssl req -text` puts words before the block, editors change line ends."""
    pem = make_csr()
    assert parse_csr("Certificate Request:\n    Data:\n" + pem.replace("\n", "\r\n")).der == der_of(pem)
    assert parse_csr(pem.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")).der == der_of(pem)


@pytest.mark.parametrize("key", [ec_key(), ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)])
def test_one_flipped_bit_anywhere_is_refused(key: ec.EllipticCurvePrivateKey) -> None:
    """Proof of possession (BR §3.2.1, RFC 2986 §4.2): no changed request is taken, whichever octet changed."""
    der = der_of(make_csr(key))
    for position in range(len(der)):
        for bit in (0, 1, 5):
            changed = bytearray(der)
            changed[position] ^= 1 << bit
            assert code_of(bytes(changed)).startswith("csr_"), position


def test_a_signature_by_another_key_is_refused() -> None:
    """Proof of possession: someone else's public key in a request of one's own."""
    mine, theirs = der_of(make_csr(ec_key())), der_of(make_csr(ec_key()))
    spki = x509.load_der_x509_csr(mine).public_key().public_bytes(*_spki())
    other = x509.load_der_x509_csr(theirs).public_key().public_bytes(*_spki())
    assert code_of(mine.replace(spki, other)) == "csr_bad_signature"


@pytest.mark.server
def test_sha1_is_refused(tmp_path: Path) -> None:
    """BR §7.1.3.2: no SHA-1 where anything is signed. Made with OpenSSL: our library signs no such thing."""
    out = tmp_path / "old.csr"
    command = "openssl req -new -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=x -sha1 -out"
    subprocess.run([*command.split(), str(out)], check=True, capture_output=True)
    assert code_of(out.read_text()) == "csr_weak_signature"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "csr_empty"),
        ("  \n", "csr_empty"),
        (b"0" * (LIMIT + 1), "csr_too_large"),
        ("hola", "csr_bad_pem"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nMIIB", "csr_bad_pem"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nñandú\n-----END CERTIFICATE REQUEST-----", "csr_bad_pem"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----", "csr_malformed"),
        ("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----", "csr_wrong_pem"),
        (b"\x30\x82\xff\xff\x00", "csr_malformed"),
        (b"\x30\x80\x00\x00", "csr_malformed"),
    ],
)
def test_what_is_no_request_is_explained(data: bytes | str, code: str) -> None:
    """Each mistake that people make has a code of its own, and a sentence that says what to do."""
    assert code_of(data) == code


def test_two_requests_in_one_file_are_refused() -> None:
    """Which of the two would be meant?"""
    assert code_of(make_csr() + make_csr()) == "csr_wrong_pem"


def test_octets_after_the_request_are_refused() -> None:
    """DER ends where it ends."""
    assert code_of(der_of(make_csr()) + b"\x00") == "csr_malformed"


def test_a_private_key_is_refused_with_a_warning_and_not_repeated() -> None:
    """A key that was sent is a key that is exposed: say so, and do not quote it."""
    key = ec_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(Rejected) as caught:
        parse_csr(key + make_csr())
    assert caught.value.code == "csr_private_key"
    assert key.splitlines()[1] not in caught.value.public_detail
    assert code_of(key[: len(key) - 30]) == "csr_private_key"


def test_a_duplicate_extension_is_refused() -> None:
    """RFC 5280 §4.2: a certificate holds no extension twice, and a request that does is a trick."""
    pem = make_csr(extensions=[(x509.BasicConstraints(ca=False, path_length=None), False)])
    der = der_of(pem)
    constraints, alternative = bytes.fromhex("0603551d13"), bytes.fromhex("0603551d11")
    assert der.count(constraints) == 1 and der.count(alternative) == 1
    assert code_of(der.replace(constraints, alternative)) in ("csr_malformed", "csr_bad_signature")


def test_a_point_off_the_curve_is_refused() -> None:
    """NIST SP 800-56A §5.6.2.3.3 by BR §6.1.6: the parser takes no such key."""
    der = der_of(make_csr())
    point = x509.load_der_x509_csr(der).public_key().public_bytes(*_spki())[-64:]
    assert code_of(der.replace(point, point[:-1] + bytes([point[-1] ^ 1]))).startswith("csr_")


def _spki() -> tuple[Encoding, PublicFormat]:
    return Encoding.DER, PublicFormat.SubjectPublicKeyInfo
