"""Our DER of an OCSP answer against the library's, octet for octet: RFC 6960 §4.2.1."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto.ocsp import OCSPResponse
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from ca.revocation.answer_octets import GOOD, AnswerFrame, encode_revoked
from ca.revocation.cert_id import IssuerId
from ca.revocation.crl_entries import tagged
from ca.revocation.reason import RevocationReason
from kernel.errors import Fault
from keys.signer import Algorithm, PrivateKeySigner, generate_private_key
from tests.ca.hierarchy import Hierarchy

THIS_UPDATE = datetime(2026, 11, 22, 5, 4, 3, tzinfo=UTC)
NEXT_UPDATE = THIS_UPDATE + timedelta(hours=12)
REVOKED_AT = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
HASHES: dict[str, hashes.HashAlgorithm] = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}
CASES = [(None, None), *((REVOKED_AT, reason) for reason in RevocationReason)]


@pytest.fixture
def responder() -> tuple[x509.Certificate, PrivateKeySigner]:
    key = generate_private_key(Algorithm.ES256)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Responder")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .serial_number(7)
        .public_key(key.public_key())
        .not_valid_before(THIS_UPDATE)
        .not_valid_after(NEXT_UPDATE)
        .sign(key, hashes.SHA256())  # type: ignore[arg-type]
    )
    return certificate, PrivateKeySigner("responder", key, Algorithm.ES256)


@pytest.mark.parametrize("hash_name", sorted(HASHES))
@pytest.mark.parametrize("nonce", [None, b"n" * 16, b"n" * 128], ids=["plain", "nonce", "long nonce"])
def test_the_octets_are_those_of_the_library(
    responder: tuple[x509.Certificate, PrivateKeySigner],
    hash_name: str,
    nonce: bytes | None,
) -> None:
    """Every status, both CertIDs, serials with and without a sign octet; only ``producedAt`` and signature differ."""
    for serial in (1, 0x7F, 0x80, 2**159 - 1, 2**159):
        for revoked_at, reason in CASES:
            _compare(responder, hash_name, nonce, revoked_at, reason, serial)


def _compare(
    responder: tuple[x509.Certificate, PrivateKeySigner],
    hash_name: str,
    nonce: bytes | None,
    revoked_at: datetime | None,
    reason: RevocationReason | None,
    serial: int,
) -> None:
    certificate, signer = responder
    length = HASHES[hash_name].digest_size
    name_hash, key_hash = b"a" * length, b"b" * length
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response_by_hash(
            name_hash,
            key_hash,
            serial,
            HASHES[hash_name],
            ocsp.OCSPCertStatus.REVOKED if revoked_at else ocsp.OCSPCertStatus.GOOD,
            THIS_UPDATE,
            NEXT_UPDATE,
            revoked_at,
            reason.flag if reason else None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, certificate)
        .certificates([certificate])
    )
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    theirs = builder.sign(signer.private_key, hashes.SHA256())
    produced_at = theirs.produced_at_utc.strftime("%Y%m%d%H%M%SZ").encode()
    expected = theirs.tbs_response_bytes.replace(
        tagged(0x18, produced_at) + b"\x30", tagged(0x18, b"20261122050403Z") + b"\x30"
    )
    frame = AnswerFrame(certificate, signer)
    status = GOOD if revoked_at is None else encode_revoked(revoked_at, reason)
    cert_id = IssuerId(hash_name, name_hash, key_hash).cert_id(serial)
    assert frame.to_be_signed(cert_id, status, THIS_UPDATE, NEXT_UPDATE, nonce) == expected
    whole = frame.response(theirs.tbs_response_bytes, theirs.signature)
    assert whole == theirs.public_bytes(Encoding.DER)
    assert OCSPResponse.load(whole, strict=True).dump(force=True) == whole


def test_a_key_that_is_not_the_responders_is_never_used(
    hierarchy: Hierarchy, responder: tuple[x509.Certificate, PrivateKeySigner]
) -> None:
    """What it signed would be believed by nobody, and looked at by whoever must find out why."""
    with pytest.raises(Fault):
        AnswerFrame(hierarchy.issuing_certificate, responder[1])
