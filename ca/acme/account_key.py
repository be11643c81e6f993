"""Public keys of accounts: read from a JWK, checked like a certificate's (RFC 8555 §6.2, RFC 7517)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from ca.acme.problem import AcmeProblem, Kind
from ca.profiles.profile import KeyType
from ca.requests.keys import require_sound_key
from kernel.errors import Rejected
from kernel.identifiers import b64url_decode, sha256_hex

#: Signature algorithms of account keys; a MAC is nobody's signature (§6.2). EdDSA has two names (RFC 9864).
ALGORITHMS = ("ES256", "ES384", "RS256", "EdDSA", "Ed25519")
_KINDS = (KeyType.RSA, KeyType.P256, KeyType.P384, KeyType.ED25519)
_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}  # RFC 7638 §3.2
_CLASSES: Mapping[str, Any] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "k", "oth")
_MAX_MEMBER = 1400  # an RSA modulus of 8,192 bits in base64url
_MALFORMED = (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError)


@dataclass(frozen=True)
class AccountKey:
    """A public key.

    :ivar jwk: its required members and no others.
    :ivar thumbprint: RFC 7638, base64url.
    :ivar spki_sha256: of the DER SubjectPublicKeyInfo, hex: to compare it with certificates' keys.
    """

    jwk: Mapping[str, str]
    key: Key
    thumbprint: str
    spki_sha256: str

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The algorithms that it signs by."""
        return _algorithms(self.key.raw_value)


def read_account_key(jwk: object) -> AccountKey:
    """Return the key that ``jwk`` describes, after every check of form and strength.

    :raises AcmeProblem: ``malformed`` if it is no public JWK; ``badPublicKey`` if it is of another kind, or weak.
    """
    read = read_jwk(jwk)
    try:
        require_sound_key(cast(CertificatePublicKeyTypes, read.key.raw_value), allowed=_KINDS)
    except Rejected as error:
        raise AcmeProblem(Kind.BAD_PUBLIC_KEY, error.public_detail) from error
    return read


def read_jwk(jwk: object) -> AccountKey:
    """Return the key that ``jwk`` describes, whatever its strength: a certificate's own key that asks for revocation.

    :raises AcmeProblem: ``malformed``, ``badPublicKey``.
    """
    if not isinstance(jwk, Mapping) or any(member in jwk for member in _PRIVATE):
        raise AcmeProblem(Kind.MALFORMED, "The member jwk is not a public key; never send a private one.")
    members = _MEMBERS.get(str(jwk.get("kty")))
    if members is None:
        raise AcmeProblem(Kind.BAD_PUBLIC_KEY, "Keys of accounts are of the kinds RSA, EC and OKP (Ed25519).")
    chosen = {name: jwk.get(name) for name in members}
    if not all(isinstance(value, str) and 0 < len(value) <= _MAX_MEMBER for value in chosen.values()):
        raise AcmeProblem(Kind.MALFORMED, "The member jwk lacks a part of its key.")
    return _import(json.dumps(chosen, sort_keys=True))


@lru_cache(maxsize=512)
def _import(members: str) -> AccountKey:
    jwk: dict[str, Any] = json.loads(members)
    try:
        for name in ("n", "e", "x", "y"):
            b64url_decode(jwk.get(name, ""))
        key = _CLASSES[jwk["kty"]].import_key(jwk)
        public = key.raw_value
        spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except _MALFORMED as error:
        raise AcmeProblem(Kind.BAD_PUBLIC_KEY, "The member jwk describes no key that is accepted here.") from error
    if not _algorithms(public):
        raise AcmeProblem(Kind.BAD_PUBLIC_KEY, "Accepted are RSA, P-256, P-384 and Ed25519.")
    return AccountKey(jwk=jwk, key=key, thumbprint=key.thumbprint(), spki_sha256=sha256_hex(spki))


def _algorithms(public: object) -> tuple[str, ...]:
    if isinstance(public, rsa.RSAPublicKey):
        return ("RS256",)
    if isinstance(public, ed25519.Ed25519PublicKey):
        return ("EdDSA", "Ed25519")
    if isinstance(public, ec.EllipticCurvePublicKey):
        return {"secp256r1": ("ES256",), "secp384r1": ("ES384",)}.get(public.curve.name, ())
    return ()
