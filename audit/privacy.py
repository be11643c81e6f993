"""Personal data in events: a commitment and a ciphertext under the holder's key, which stands outside the log."""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit.model import HolderKey
from kernel.errors import NotFound
from keys.sealing import Sealer, derive_secret


class HolderKeys:
    """Makes, finds and destroys holders' keys.

    :param sealer: seals the keys at rest (purpose ``audit-holder``).
    """

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def obtain(self, session: Session, holder: str, *, now: datetime) -> bytes:
        """Return the holder's 32-octet key, made in the caller's transaction if there is none."""
        sealed = session.scalar(select(HolderKey.sealed_key).where(HolderKey.holder == holder))
        if sealed is None:
            sealed = self._insert(session, holder, now=now)
        return self._sealer.open(sealed, bound_to=holder)

    def find(self, session: Session, holder: str) -> bytes:
        """Return the holder's key. :raises NotFound: (``holder_erased``) if it was destroyed or never made."""
        sealed = session.scalar(select(HolderKey.sealed_key).where(HolderKey.holder == holder))
        if sealed is None:
            raise NotFound("The key of this person was destroyed.", code="holder_erased")
        return self._sealer.open(sealed, bound_to=holder)

    def destroy(self, session: Session, holder: str) -> None:
        """Destroy the holder's key: what it sealed stays in the log and can never be read again."""
        session.execute(delete(HolderKey).where(HolderKey.holder == holder))

    def _insert(self, session: Session, holder: str, *, now: datetime) -> bytes:
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        fresh = self._sealer.seal(os.urandom(32), bound_to=holder)
        # Two transactions may make the same holder's key at once: the second waits here and then takes the first's.
        session.execute(
            insert(HolderKey)
            .values(holder=holder, sealed_key=fresh, created_at=now)
            .on_conflict_do_nothing(index_elements=[HolderKey.holder])
        )
        return session.scalars(select(HolderKey.sealed_key).where(HolderKey.holder == holder)).one()


def conceal(private: Mapping[str, str], *, key: bytes, event_id: str, salt: str) -> dict[str, object]:
    """Return ``private`` as it stands in a leaf: ``{"commitments": {name: hex}, "sealed": hex}``.

    The commitment is HMAC-SHA256 under a sub-key of the holder's key over salt, name and value, so that a holder can
    later prove one value, and nobody without the key can try candidates (a cédula has only 10^10).
    """
    commitment_key = derive_secret(key, "commitment")
    commitments = {name: _commit(commitment_key, salt, name, value) for name, value in private.items()}
    plain = json.dumps(dict(private), sort_keys=True).encode()
    return {"commitments": commitments, "sealed": Sealer(key, "event").seal(plain, bound_to=event_id).hex()}


def reveal(concealed: Mapping[str, object], *, key: bytes, event_id: str) -> dict[str, str]:
    """Return the personal data of a leaf. :raises Fault: if the ciphertext is not this event's."""
    opened: dict[str, str] = json.loads(
        Sealer(key, "event").open(bytes.fromhex(str(concealed["sealed"])), bound_to=event_id)
    )
    return opened


def _commit(key: bytes, salt: str, name: str, value: str) -> str:
    message = json.dumps([salt, name, value]).encode()
    return hmac.digest(key, message, "sha256").hex()
