"""The provider's keys, opened once in a process, and which of them sign, verify and decrypt at the moment.

Which key does what is read from the database and believed for :data:`CACHE_LIFETIME`. That is safe because every
planned change is announced: a key is published an hour before it signs, stays published for a month after it last
signed, and opens what was encrypted to it for a day after it was published last. A revocation is not announced: it
reaches the other processes with that delay.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.protocol.algorithms import ACCESS_TOKEN_ALGORITHMS
from idp.tokens.jws import AccessTokenKey, header_segment
from idp.tokens.model import EncryptionKeyRow, SigningKeyRow
from idp.tokens.verified import VerifiedTokens
from kernel.clock import Clock
from kernel.errors import Fault
from keys.decrypter import Decrypter, EncryptionKind
from keys.signer import Signer
from keys.store import KeyStore

ACTIVE, NEXT, RETIRED, REVOKED = "active", "next", "retired", "revoked"
ACCESS_TOKEN_TYPE = "at+jwt"  # RFC 9068 §2.1
CACHE_LIFETIME = timedelta(seconds=5)


@dataclass(frozen=True)
class PublishedKeys:
    """The public halves: of signing keys as objects to verify with, of all as the document to serve (RFC 7517 §5).

    :ivar verified: tokens of ours whose signature one of these keys was found to have made.
    """

    key_set: KeySet
    jwks_json: str
    access_token_keys: Mapping[str, AccessTokenKey] = field(default_factory=dict)
    verified: VerifiedTokens = field(default_factory=VerifiedTokens)


@dataclass(frozen=True)
class _Standing:
    """Which key does what, as read at one moment.

    :ivar active: algorithm → kid of the key that signs.
    :ivar signing: kids of all published signing keys, oldest first.
    :ivar encryption: kid → state of the keys that open what was encrypted to them, the newest first.
    :ivar open_to_others: kids of those that are published.
    :ivar published: kids of all published keys.
    """

    read_at: datetime
    active: Mapping[str, str]
    signing: tuple[str, ...]
    encryption: Mapping[str, str]
    open_to_others: tuple[str, ...]
    published: tuple[str, ...]


class KeyRing:
    """Opens each key of the store once in this process.

    :param keystore: holds the private halves, by ``kid``.
    :param clock: tells when what is known of the keys must be read anew.
    """

    def __init__(self, keystore: KeyStore, clock: Clock) -> None:
        self._keystore = keystore
        self._clock = clock
        self._signers: dict[str, Signer] = {}
        self._decrypters: dict[str, Decrypter] = {}
        self._standing: _Standing | None = None
        self._published: dict[tuple[str, ...], PublishedKeys] = {}
        self._lock = Lock()

    def active_signer(self, session: Session, algorithm: str) -> Signer:
        """Return the one key that signs by ``algorithm`` now.

        :raises Fault: (``no_signing_key``) before ``sau init``.
        """
        kid = self._stand(session).active.get(algorithm)
        if kid is None:
            raise Fault(f"There is no active signing key for {algorithm}: run `sau init`.", code="no_signing_key")
        return self._signer(kid)

    def published_lately(self) -> PublishedKeys | None:
        """Return what :meth:`published` would, if no database needs to be asked for it."""
        return self.published_before(within=CACHE_LIFETIME)

    def published_before(self, *, within: timedelta) -> PublishedKeys | None:
        """Return what :meth:`published` returned last, if that was no longer ago: for when no database answers."""
        standing, now = self._standing, self._clock.now()
        if standing is None or not standing.read_at <= now < standing.read_at + within:
            return None
        return self._published.get(standing.published)

    def published(self, session: Session) -> PublishedKeys:
        """Return all public keys: next, active and retired ones that sign, active ones to encrypt to."""
        standing = self._stand(session)
        found = self._published.get(standing.published)
        if found is None:
            keys = [_verification_key(self._signer(kid)) for kid in standing.signing]
            others = [_encryption_key(self._decrypter(kid)) for kid in standing.open_to_others]
            documents = [key.as_dict(private=False) for key in (*keys, *others)]
            # A KeySet finds the key by the token's kid; none is ever picked at random, for it signs nothing.
            found = PublishedKeys(
                KeySet(list(keys)), json.dumps({"keys": documents}), self._access_token_keys(standing)
            )
            self._published = {standing.published: found}
        return found

    def decrypter(self, session: Session, *, kind: EncryptionKind, kid: str | None) -> Decrypter | None:
        """Return the key that opens what names ``kid``, or what names none: then the published one of the kind."""
        standing = self._stand(session)
        if kid is not None and kid not in standing.encryption:
            # A key that another process published a moment ago is used at once.
            self.forget()
            standing = self._stand(session)
        wanted = [kid] if kid is not None else standing.open_to_others
        for name in wanted:
            if name in standing.encryption and (found := self._decrypter(name)).kind is kind:
                return found
        return None

    def open_all(self, session: Session) -> None:
        """Open every key now, so that no request waits for it: an encrypted RSA key takes a tenth of a second.

        :raises ServiceError: as the key store does.
        """
        self.published(session)
        for kid in self._stand(session).encryption:
            self._decrypter(kid)

    def forget(self) -> None:
        """Read anew which key does what: called by whoever changed it."""
        self._standing = None

    def _stand(self, session: Session) -> _Standing:
        known, now = self._standing, self._clock.now()
        # The clock may have been set back: what was read in the future is not believed.
        if known is not None and known.read_at <= now < known.read_at + CACHE_LIFETIME:
            return known
        rows = session.execute(
            select(SigningKeyRow.kid, SigningKeyRow.algorithm, SigningKeyRow.state)
            .where(SigningKeyRow.state != REVOKED)
            .order_by(SigningKeyRow.created_at, SigningKeyRow.kid)
        ).all()
        pairs = session.execute(
            select(EncryptionKeyRow.kid, EncryptionKeyRow.state)
            .where(EncryptionKeyRow.state != REVOKED)
            .order_by(EncryptionKeyRow.created_at.desc(), EncryptionKeyRow.kid)
        ).all()
        signing = tuple(row.kid for row in rows)
        open_to_others = tuple(pair.kid for pair in pairs if pair.state == ACTIVE)
        read = _Standing(
            read_at=now,
            active={row.algorithm: row.kid for row in rows if row.state == ACTIVE},
            signing=signing,
            encryption={pair.kid: pair.state for pair in pairs},
            open_to_others=open_to_others,
            published=signing + open_to_others,
        )
        # Before `sau init` there is nothing to remember.
        self._standing = read if read.active else None
        return read

    def _access_token_keys(self, standing: _Standing) -> dict[str, AccessTokenKey]:
        """Return the keys of our own access tokens by how those tokens begin."""
        signers = [self._signer(kid) for kid in standing.signing]
        return {
            header_segment(signer, ACCESS_TOKEN_TYPE): signer.public_key
            for signer in signers
            if signer.algorithm.value in ACCESS_TOKEN_ALGORITHMS
            and isinstance(signer.public_key, EllipticCurvePublicKey | RSAPublicKey)
        }

    def _signer(self, kid: str) -> Signer:
        with self._lock:
            if kid not in self._signers:
                self._signers[kid] = self._keystore.open(kid)
            return self._signers[kid]

    def _decrypter(self, kid: str) -> Decrypter:
        with self._lock:
            if kid not in self._decrypters:
                self._decrypters[kid] = self._keystore.open_decrypter(kid)
            return self._decrypters[kid]


def _verification_key(signer: Signer) -> ECKey | RSAKey | OKPKey:
    parameters: Any = {"kid": signer.key_id, "use": "sig", "alg": signer.algorithm.value}
    match signer.public_key:
        case EllipticCurvePublicKey() as public_key:
            return ECKey.import_key(public_key, parameters)
        case RSAPublicKey() as public_key:
            return RSAKey.import_key(public_key, parameters)
        case Ed25519PublicKey() as public_key:
            return OKPKey.import_key(public_key, parameters)
    raise Fault(f"Key {signer.key_id} is of a kind that signs no tokens.", code="wrong_key_type")


def _encryption_key(decrypter: Decrypter) -> ECKey | RSAKey:
    parameters: Any = {"kid": decrypter.key_id, "use": "enc"}
    match decrypter.public_key:
        case RSAPublicKey() as public_key:
            parameters["alg"] = decrypter.kind.value
            return RSAKey.import_key(public_key, parameters)
        case EllipticCurvePublicKey() as public_key:
            # No `alg`: the key serves ECDH-ES with and without key wrapping.
            return ECKey.import_key(public_key, parameters)
