"""Personal data in events: a commitment and a ciphertext under the holder's key, which stands outside the log."""

from __future__ import annotations

import hmac
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from json.encoder import encode_basestring as _utf8
from json.encoder import encode_basestring_ascii as _text

from sqlalchemy import event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, SessionTransaction

from audit.model import HolderKey
from kernel.errors import NotFound
from keys.sealing import Sealer, derive_secret

KEPT_FOR = timedelta(seconds=60)
KEPT_MOST = 4096

_MADE = "audit_holder_keys"


class HolderSecret(bytes):
    """A holder's key: 32 octets. What is derived from it is kept with it, and goes with it."""

    @cached_property
    def commitment(self) -> hmac.HMAC:
        """What commits, before its message: HMAC-SHA256 under the sub-key of commitments. To be copied."""
        return hmac.new(derive_secret(self, "commitment"), digestmod="sha256")

    @cached_property
    def sealer(self) -> Sealer:
        """Seals personal data of events."""
        return Sealer(self, "event")


class HolderKeys:
    """Makes, finds and destroys holders' keys.

    A key that was read is kept in memory for a minute, to spare a round trip an event. It serves sealing only: another
    process may have destroyed the key meanwhile, and then what is sealed under it is unreadable to everyone, as an
    erased person's data shall be. Reading personal data always asks the database. A key made in a transaction that is
    not yet committed is kept for that transaction alone.

    :param sealer: seals the keys at rest (purpose ``audit-holder``).
    """

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._kept: OrderedDict[str, tuple[HolderSecret, datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def obtain(self, session: Session, holder: str, *, now: datetime) -> HolderSecret:
        """Return the holder's 32-octet key to seal with, made in the caller's transaction if there never was one.

        For a holder whose key was destroyed it is a random key that nobody keeps.
        """
        made = self._made_in(session)
        if (key := made.get(holder)) is not None:
            return key
        with self._lock:
            kept = self._kept.get(holder)
            if kept and timedelta(0) <= now - kept[1] < KEPT_FOR:
                self._kept.move_to_end(holder)
                return kept[0]
        row = session.execute(select(HolderKey.sealed_key).where(HolderKey.holder == holder)).one_or_none()
        if row is None:
            made[holder] = key = self._insert(session, holder, now=now)
            return key
        if row.sealed_key is None:
            return HolderSecret(os.urandom(32))
        key = HolderSecret(self._sealer.open(row.sealed_key, bound_to=holder))
        if holder in made:  # of this transaction, before a savepoint that was rolled back
            made[holder] = key
            return key
        with self._lock:
            self._kept[holder] = (key, now)
            while len(self._kept) > KEPT_MOST:
                self._kept.popitem(last=False)
        return key

    def find(self, session: Session, holder: str) -> bytes:
        """Return the holder's key. :raises NotFound: (``holder_erased``) if it was destroyed or never made."""
        sealed = session.scalar(select(HolderKey.sealed_key).where(HolderKey.holder == holder))
        if sealed is None:
            raise NotFound("The key of this person was destroyed.", code="holder_erased")
        return self._sealer.open(sealed, bound_to=holder)

    def destroy(self, session: Session, holder: str, *, now: datetime) -> None:
        """Destroy the holder's key: what it sealed stays in the log and can never be read again."""
        emptied = {"sealed_key": None, "destroyed_at": now}
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        session.execute(
            insert(HolderKey)
            .values(holder=holder, created_at=now, **emptied)
            .on_conflict_do_update(index_elements=[HolderKey.holder], set_=emptied)
        )
        self._made_in(session).pop(holder, None)
        self._forget(holder)
        # Another thread may have read the row again before this transaction ended.
        event.listen(session, "after_commit", lambda _: self._forget(holder), once=True)

    def _forget(self, holder: str) -> None:
        with self._lock:
            self._kept.pop(holder, None)

    @staticmethod
    def _made_in(session: Session) -> dict[str, HolderSecret | None]:
        """Return the keys that the transaction made; None for one that must be read again."""
        made: dict[str, HolderSecret | None] = session.info.setdefault(_MADE, {})
        return made

    def _insert(self, session: Session, holder: str, *, now: datetime) -> HolderSecret:
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        fresh = self._sealer.seal(os.urandom(32), bound_to=holder)
        # Two transactions may make the same holder's key at once: the second waits here and then takes the first's.
        session.execute(
            insert(HolderKey)
            .values(holder=holder, sealed_key=fresh, created_at=now)
            .on_conflict_do_nothing(index_elements=[HolderKey.holder])
        )
        sealed = session.scalars(select(HolderKey.sealed_key).where(HolderKey.holder == holder)).one()
        return HolderSecret(os.urandom(32) if sealed is None else self._sealer.open(sealed, bound_to=holder))


def conceal(private: Mapping[str, str], *, key: HolderSecret, event_id: str, salt: str) -> dict[str, object]:
    """Return ``private`` as it stands in a leaf: ``{"commitments": {name: hex}, "sealed": hex}``.

    The commitment is HMAC-SHA256 under a sub-key of the holder's key over salt, name and value, so that a holder can
    later prove one value, and nobody without the key can try candidates (a cédula has only 10^10).
    """
    commitments = {name: _commit(key.commitment, salt, name, value) for name, value in private.items()}
    # As ``json.dumps(private, sort_keys=True, ensure_ascii=False)`` writes it, again without an encoder.
    plain = f"{{{', '.join([f'{_utf8(name)}: {_utf8(private[name])}' for name in sorted(private)])}}}".encode()
    return {"commitments": commitments, "sealed": key.sealer.seal(plain, bound_to=event_id).hex()}


def reveal(concealed: Mapping[str, object], *, key: bytes, event_id: str) -> dict[str, str]:
    """Return the personal data of a leaf. :raises Fault: if the ciphertext is not this event's."""
    opened: dict[str, str] = json.loads(
        Sealer(key, "event").open(bytes.fromhex(str(concealed["sealed"])), bound_to=event_id)
    )
    return opened


def _commit(begun: hmac.HMAC, salt: str, name: str, value: str) -> str:
    # The JSON array of the three texts, written directly: an encoder would take as long as the digest.
    message = f"[{_text(salt)}, {_text(name)}, {_text(value)}]".encode()
    digest = begun.copy()
    digest.update(message)
    return digest.hexdigest()


def _read_again(session: Session, _ended: SessionTransaction) -> None:
    # A savepoint that is rolled back takes the rows of keys made in it along.
    made = session.info.get(_MADE)
    if made:
        made.update(dict.fromkeys(made))


event.listen(Session, "after_soft_rollback", _read_again)
