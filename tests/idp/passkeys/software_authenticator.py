"""An authenticator in software, honest or not: it makes keys and answers, with any part made wrong."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from kernel.identifiers import b64url, sha256

UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40
_RSA: list[rsa.RSAPrivateKey] = []  # made once: it takes long


@dataclass
class SoftwareAuthenticator:
    """One key. ``algorithm``: -7, -8 or -257 (COSE)."""

    origin: str = "http://localhost:8000"
    rp_id: str = "localhost"
    algorithm: int = -7
    flags: int = UP | UV
    count: int = 0
    aaguid: bytes = bytes(16)
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    handle: str = ""
    key: Any = None

    def __post_init__(self) -> None:
        if self.key is None:
            self.key = self._make_key()

    def register(self, options: dict[str, Any], **wrong: Any) -> str:
        """Answer creation options."""
        self.handle = options["user"]["id"]
        octets = self._data(wrong) + self.aaguid + len(self.credential).to_bytes(2, "big")
        octets += self.credential + wrong.get("public_key", cbor2.dumps(self._cose()))
        attestation = {"fmt": wrong.get("fmt", "none"), "attStmt": wrong.get("statement", {}), "authData": octets}
        response = {
            "clientDataJSON": b64url(self._client_data("webauthn.create", options, wrong)),
            "attestationObject": b64url(wrong.get("attestation", cbor2.dumps(attestation))),
            "transports": ["internal", "hybrid"],
        }
        return self._closed(response)

    def answer(self, options: dict[str, Any], **wrong: Any) -> str:
        """Answer request options."""
        client_data = self._client_data("webauthn.get", options, wrong)
        octets = self._data(wrong, attested=False)
        response = {
            "clientDataJSON": b64url(client_data),
            "authenticatorData": b64url(octets),
            "signature": b64url(self._sign(octets + sha256(client_data))),
            "userHandle": wrong.get("handle", self.handle),
        }
        if response["userHandle"] is None:
            del response["userHandle"]
        return self._closed(response)

    def _closed(self, response: dict[str, Any]) -> str:
        name = b64url(self.credential)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})

    def _data(self, wrong: dict[str, Any], *, attested: bool = True) -> bytes:
        flags = wrong.get("flags", self.flags) | (AT if attested else 0)
        count = wrong.get("count", self.count)
        return sha256(wrong.get("rp_id", self.rp_id)) + bytes([flags]) + count.to_bytes(4, "big")

    def _client_data(self, kind: str, options: dict[str, Any], wrong: dict[str, Any]) -> bytes:
        said = {
            "type": wrong.get("type", kind),
            "challenge": wrong.get("challenge", options["challenge"]),
            "origin": wrong.get("origin", self.origin),
            "crossOrigin": wrong.get("cross_origin", False),
        }
        return json.dumps(said).encode()

    def _make_key(self) -> Any:
        if self.algorithm == -8:
            return ed25519.Ed25519PrivateKey.generate()
        if self.algorithm == -257:
            if not _RSA:
                _RSA.append(rsa.generate_private_key(65537, 2048))
            return _RSA[0]
        return ec.generate_private_key(ec.SECP256R1())

    def _cose(self) -> dict[int, Any]:
        public = self.key.public_key()
        if self.algorithm == -8:
            return {1: 1, 3: -8, -1: 6, -2: public.public_bytes_raw()}
        numbers = public.public_numbers()
        if self.algorithm == -257:
            return {1: 3, 3: -257, -1: _octets(numbers.n), -2: _octets(numbers.e)}
        return {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}

    def _sign(self, message: bytes) -> bytes:
        if self.algorithm == -8:
            return bytes(self.key.sign(message))
        if self.algorithm == -257:
            return bytes(self.key.sign(message, padding.PKCS1v15(), hashes.SHA256()))
        return bytes(self.key.sign(message, ec.ECDSA(hashes.SHA256())))


def _octets(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
