"""Which kind of key a public key is."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from ca.profiles.profile import KeyType

_CURVES = {"secp256r1": KeyType.P256, "secp384r1": KeyType.P384, "secp521r1": KeyType.P521}
_OTHERS: dict[type, KeyType] = {
    rsa.RSAPublicKey: KeyType.RSA,
    ed25519.Ed25519PublicKey: KeyType.ED25519,
    mldsa.MLDSA44PublicKey: KeyType.ML_DSA_44,
    mldsa.MLDSA65PublicKey: KeyType.ML_DSA_65,
    mldsa.MLDSA87PublicKey: KeyType.ML_DSA_87,
}


def key_type_of(public_key: CertificatePublicKeyTypes) -> KeyType | None:
    """Return the kind, or None if no profile could take it."""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return _CURVES.get(public_key.curve.name)
    return next((kind for type_, kind in _OTHERS.items() if isinstance(public_key, type_)), None)
