"""What applications encrypt to us (RFC 9101 §6.1): opened by the key that they found in our key set."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from joserfc.jwk import ECKey, Key, RSAKey
from sqlalchemy.orm import Session

from idp.protocol.jwe import decrypt
from idp.services import IdpServices
from keys.decrypter import EncryptionKind

PARTS_OF_JWE = 5  # RFC 7516 §3.1; a signed token has three


def is_encrypted(token: str) -> bool:
    """Tell whether ``token`` has the form of a compact JWE."""
    return token.count(".") == PARTS_OF_JWE - 1


def open_encrypted_request(session: Session, services: IdpServices, *, token: str) -> str:
    """Return what ``token`` holds: a signed request object, still to be verified.

    :raises JwtError: whatever is wrong with it.
    """

    def find_key(alg: str, kid: str | None) -> Key | None:
        kind = EncryptionKind.RSA_OAEP_256 if alg == EncryptionKind.RSA_OAEP_256 else EncryptionKind.ECDH_ES
        found = services.token_keys.decrypter(session, kind=kind, kid=kid)
        if found is None:
            return None
        private_key = found.private_key
        if isinstance(private_key, RSAPrivateKey):
            return RSAKey.import_key(private_key)
        return ECKey.import_key(private_key)

    return decrypt(token, find_key=find_key)
