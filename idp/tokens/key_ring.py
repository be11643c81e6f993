"""The keys that sign and verify tokens, held as objects and found anew in the database each time they are needed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from threading import Lock
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.jwk import ECKey, KeySet, RSAKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.tokens.model import SigningKeyRow
from kernel.errors import Fault
from keys.signer import Signer
from keys.store import KeyStore

ACTIVE, NEXT, RETIRED = "active", "next", "retired"
TOKEN_ALGORITHMS = ("ES256", "RS256")


@dataclass(frozen=True)
class PublishedKeys:
    """The public halves of all keys: as objects to verify with, and as the document to serve (RFC 7517 §5)."""

    key_set: KeySet
    jwks_json: str


class KeyRing:
    """Opens each key of the store once in this process. Which one signs is always asked of the database.

    :param keystore: holds the private halves, by ``kid``.
    """

    def __init__(self, keystore: KeyStore) -> None:
        self._keystore = keystore
        self._signers: dict[str, Signer] = {}
        self._published: dict[tuple[str, ...], PublishedKeys] = {}
        self._lock = Lock()

    def active_signer(self, session: Session, algorithm: str) -> Signer:
        """Return the one key that signs by ``algorithm`` now.

        :raises Fault: (``no_signing_key``) before ``sau init``.
        """
        kid = session.scalar(
            select(SigningKeyRow.kid).where(SigningKeyRow.algorithm == algorithm, SigningKeyRow.state == ACTIVE)
        )
        if kid is None:
            raise Fault(f"There is no active signing key for {algorithm}: run `sau init`.", code="no_signing_key")
        return self._signer(kid)

    def published(self, session: Session) -> PublishedKeys:
        """Return all public keys: next, active and retired."""
        kids = tuple(session.scalars(select(SigningKeyRow.kid).order_by(SigningKeyRow.created_at, SigningKeyRow.kid)))
        found = self._published.get(kids)
        if found is None:
            keys = [_public_key(self._signer(kid)) for kid in kids]
            # A KeySet finds the key by the token's kid; none is ever picked at random, for it signs nothing.
            found = PublishedKeys(
                KeySet(list(keys)), json.dumps({"keys": [key.as_dict(private=False) for key in keys]})
            )
            self._published = {kids: found}
        return found

    def open_all(self, session: Session) -> None:
        """Open every key now, so that no request waits for it: an encrypted RSA key takes a tenth of a second.

        :raises ServiceError: as the key store does.
        """
        self.published(session)

    def _signer(self, kid: str) -> Signer:
        with self._lock:
            if kid not in self._signers:
                self._signers[kid] = self._keystore.open(kid)
            return self._signers[kid]


def _public_key(signer: Signer) -> ECKey | RSAKey:
    parameters: Any = {"kid": signer.key_id, "use": "sig", "alg": signer.algorithm.value}
    match signer.public_key:
        case EllipticCurvePublicKey() as public_key:
            return ECKey.import_key(public_key, parameters)
        case RSAPublicKey() as public_key:
            return RSAKey.import_key(public_key, parameters)
    raise Fault(f"Key {signer.key_id} is of a kind that signs no tokens.", code="wrong_key_type")
