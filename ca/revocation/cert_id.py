"""How OCSP names a certificate: its authority by two hashes, and its serial number. RFC 6960 §4.1.1."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from asn1crypto.x509 import Certificate as ParsedCertificate

from ca.revocation.crl_entries import tagged

_SEQUENCE, _INTEGER, _OCTET_STRING = 0x30, 0x02, 0x04
# AlgorithmIdentifiers with their NULL, as all software writes them in a CertID.
_HASHES = {
    "sha1": bytes.fromhex("300906052b0e03021a0500"),
    "sha256": bytes.fromhex("300d06096086480165030402010500"),
}


@dataclass(frozen=True)
class IssuerId:
    """An authority as a CertID names it (RFC 6960 §4.1.1).

    :ivar hash_name: ``sha1`` or ``sha256``.
    :ivar name_hash: of the authority's DER name. :ivar key_hash: of its public key bits.
    """

    hash_name: str
    name_hash: bytes
    key_hash: bytes

    @classmethod
    def of(cls, certificate_der: bytes, hash_name: str) -> Self:
        """Return the name of the authority whose certificate this is."""
        parsed = ParsedCertificate.load(certificate_der)
        name, key = parsed.subject, parsed.public_key
        return cls(hash_name, *((name.sha1, key.sha1) if hash_name == "sha1" else (name.sha256, key.sha256)))

    def cert_id(self, serial: int) -> bytes:
        """Return the CertID (DER) of one of its certificates."""
        number = serial.to_bytes(serial.bit_length() // 8 + 1, "big")  # with a sign octet where the first bit is set
        return tagged(_SEQUENCE, _encode_issuer(self) + tagged(_INTEGER, number))


@lru_cache(maxsize=256)
def _encode_issuer(issuer: IssuerId) -> bytes:
    hashes = tagged(_OCTET_STRING, issuer.name_hash) + tagged(_OCTET_STRING, issuer.key_hash)
    return _HASHES[issuer.hash_name] + hashes
