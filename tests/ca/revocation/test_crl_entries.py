"""Entries of lists, encoded by hand: held against what ``cryptography`` makes of the same facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ca.revocation.crl import ListFrame, build_list
from ca.revocation.crl_entries import REMOVE_FROM_CRL, encode_entries, tagged
from ca.revocation.reason import RevocationReason
from ca.serial import serial_text
from kernel.errors import Fault
from keys.signer import Algorithm, PrivateKeySigner, generate_private_key

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
SERIALS = (1, 0x7F, 0x80, 0xFFFF, 2**159 - 1)
MOMENTS = (datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC))


def text(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else None


def authority(signer: PrivateKeySigner) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Emisora Ñandú")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .serial_number(1)
        .public_key(signer.public_key)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=4000))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(signer.public_key), critical=False)
        .sign(signer.private_key, signer.algorithm.hash)
    )


def test_an_entry_is_octet_for_octet_what_the_library_makes() -> None:
    """RFC 5280 §5.1.2.6 (UTCTime through 2049), §5.3.1 (no reasonCode for unspecified), §5.3.2 (invalidityDate)."""
    cases = list(product(SERIALS, MOMENTS, RevocationReason, (None, *MOMENTS)))
    ours = encode_entries(
        [(serial_text(serial), text(at) or "", reason.value, text(since)) for serial, at, reason, since in cases]
    )
    signer = PrivateKeySigner("k", generate_private_key(Algorithm.ES256), Algorithm.ES256)
    entries = []
    for serial, at, reason, since in cases:
        builder = x509.RevokedCertificateBuilder(serial, at)
        if reason.flag is not None:
            builder = builder.add_extension(x509.CRLReason(reason.flag), critical=False)
        if since is not None:
            builder = builder.add_extension(x509.InvalidityDate(since), critical=False)
        entries.append(builder.build())
    theirs = (
        x509.CertificateRevocationListBuilder(issuer_name=authority(signer).subject, revoked_certificates=entries)
        .last_update(NOW)
        .next_update(NOW)
        .sign(signer.private_key, signer.algorithm.hash)
    )
    assert ours in theirs.public_bytes(Encoding.DER)


@pytest.mark.parametrize("length", [0, 127, 128, 255, 256, 65_535, 65_536])
def test_a_length_takes_the_fewest_octets(length: int) -> None:
    """X.690 §10.1."""
    der = tagged(0x04, b"x" * length)
    size_of_length = len(der) - length - 1
    assert size_of_length == (1 if length < 128 else 1 + (length.bit_length() + 7) // 8)


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.ES384, Algorithm.EDDSA], ids=str)
def test_a_list_of_a_hundred_thousand_is_a_list(algorithm: Algorithm) -> None:
    """RFC 5280 §5.1: signature, algorithm inside and outside alike, every entry found."""
    signer = PrivateKeySigner("k", generate_private_key(algorithm), algorithm)
    frame = ListFrame(authority=authority(signer), number=7, this_update=NOW, lifetime=timedelta(days=7))
    entries = [(serial_text(2**150 + n), "2026-11-23 04:05:06", "superseded", None) for n in range(100_000)]
    crl = x509.load_der_x509_crl(build_list(frame, entries, signer=signer))
    assert len(crl) == 100_000
    assert crl.is_signature_valid(signer.public_key)  # type: ignore[arg-type]
    assert crl.get_revoked_certificate_by_serial_number(2**150 + 99_999) is not None
    assert crl.issuer == frame.authority.subject
    assert crl.next_update_utc == NOW + timedelta(days=7)


def test_an_empty_list_has_no_list_of_entries() -> None:
    """RFC 5280 §5.1.2.6: revokedCertificates is absent when there is none."""
    signer = PrivateKeySigner("k", generate_private_key(Algorithm.ES256), Algorithm.ES256)
    frame = ListFrame(authority=authority(signer), number=1, this_update=NOW, lifetime=timedelta(days=7))
    crl = x509.load_der_x509_crl(build_list(frame, [], signer=signer))
    assert len(crl) == 0
    assert crl.is_signature_valid(signer.public_key)  # type: ignore[arg-type]


def test_another_key_than_the_authority_s_signs_nothing() -> None:
    """A list that nobody could verify is never published."""
    signer, other = (PrivateKeySigner("k", generate_private_key(Algorithm.ES256), Algorithm.ES256) for _ in range(2))
    frame = ListFrame(authority=authority(signer), number=1, this_update=NOW, lifetime=timedelta(days=7))
    with pytest.raises(Fault, match="bad_own_signature"):
        build_list(frame, [], signer=other)


def test_removal_has_its_own_reason() -> None:
    """RFC 5280 §5.3.1: removeFromCRL (8), on delta lists only."""
    entry = encode_entries([("01", "2026-11-23 04:05:06", REMOVE_FROM_CRL, None)])
    assert entry.endswith(bytes.fromhex("0a0108"))
