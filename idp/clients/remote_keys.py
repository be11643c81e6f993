"""Key sets that applications publish at an address (``jwks_uri``), kept for a while in this process.

Fetching never happens while a transaction is open: a stranger's server must not hold our database. What is needed
inside one and is not here raises :class:`KeysNotFetchedError`; the transaction is rolled back, the keys are fetched,
and the request begins anew (:meth:`RemoteKeys.retrying`). The usual request finds the keys here and costs nothing.
"""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog

from idp.clients.jwks import SIZE_LIMIT, readable_public_jwks
from kernel.clock import Clock
from kernel.database import in_transaction
from kernel.errors import Rejected, ServiceError, Unavailable
from outgoing.client import OutgoingClient
from outgoing.errors import OutgoingError

# How long a set is taken for current: as its host says, within these bounds.
LEAST_LIFETIME = timedelta(minutes=1)
USUAL_LIFETIME = timedelta(minutes=10)
LONGEST_LIFETIME = timedelta(hours=1)
# A host that does not answer does not close its application at once.
STALE_LIFETIME = timedelta(hours=24)
# Nobody makes us ask a host more often than this, whatever he signs with.
LEAST_INTERVAL = timedelta(seconds=5)
LEAST_INTERVAL_AFTER_FAILURE = timedelta(seconds=30)
_SETS_LIMIT = 1024
_ATTEMPTS = 2

_log = structlog.get_logger("idp.clients")
_Result = TypeVar("_Result")


class KeysNotFetchedError(Unavailable):
    """The keys at an address are needed and are not here. Raised inside a transaction only.

    :ivar address: the ``jwks_uri``.
    """

    default_code = "client_keys_not_fetched"

    def __init__(self, address: str) -> None:
        super().__init__("The application's keys must be fetched first.")
        self.address = address


@dataclass(frozen=True)
class Looked:
    """What stands at an address.

    :ivar jwks: the set that is used; None: none can be. :ivar failed: why it could not be had the last time, as a code.
    :ivar asked_at: when its host was asked last: a moment ago, it is not asked again.
    """

    jwks: dict[str, Any] | None
    failed: str | None
    asked_at: datetime | None


@dataclass
class _Held:
    jwks: dict[str, Any] | None = None
    fresh_until: datetime | None = None
    usable_until: datetime | None = None
    asked_at: datetime | None = None
    not_before: datetime | None = None
    failed: str | None = None
    asking: threading.Lock = field(default_factory=threading.Lock)


class RemoteKeys:
    """The sets of this process. One instance serves all threads."""

    def __init__(self, outgoing: OutgoingClient, clock: Clock) -> None:
        self._outgoing = outgoing
        self._clock = clock
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, address: str) -> dict[str, Any] | None:
        """Return the set at ``address``, fetched if it must be; None if it cannot be had.

        :raises KeysNotFetchedError: it must be fetched and a transaction is open.
        """
        held, now = self._entry(address), self._clock.now()
        if held.fresh_until is None or held.fresh_until <= now:
            self._renew(address, held)
        return held.jwks if held.usable_until and now < held.usable_until else None

    def renew(self, address: str) -> bool:
        """Fetch again, for a signature that fits no key here: the application may have changed its keys.

        :return: whether there is a newer copy; False if the last one is too recent.
        :raises KeysNotFetchedError: as :meth:`get`.
        """
        held = self._entry(address)
        before = held.fresh_until
        self._renew(address, held)
        return held.fresh_until != before

    def look(self, address: str) -> Looked:
        """Fetch anew, if the last time is not too recent, and tell what was found. Outside of transactions only.

        :raises KeysNotFetchedError: as :meth:`get`.
        """
        held = self._entry(address)
        self._renew(address, held)
        usable = held.usable_until is not None and self._clock.now() < held.usable_until
        return Looked(held.jwks if usable else None, held.failed, held.asked_at)

    def retrying(self, action: Callable[[], _Result]) -> _Result:
        """Return what ``action`` returns. It opens its own transaction, and runs again once its keys are fetched."""
        for _ in range(_ATTEMPTS):
            try:
                return action()
            except KeysNotFetchedError as missing:
                self._fetch(missing.address, self._entry(missing.address))
        return action()

    def _renew(self, address: str, held: _Held) -> None:
        if held.not_before is not None and self._clock.now() < held.not_before:
            return
        if in_transaction():
            raise KeysNotFetchedError(address)
        self._fetch(address, held)

    def _fetch(self, address: str, held: _Held) -> None:
        asked_before = held.asked_at
        with held.asking:
            if held.asked_at != asked_before:
                return  # another thread asked while this one waited
            now, interval = self._clock.now(), LEAST_INTERVAL
            try:
                answer = self._outgoing.fetch(address, most_octets=SIZE_LIMIT)
                held.jwks = readable_public_jwks(json.loads(answer.body))
                held.fresh_until = now + _lifetime(answer.headers)
                held.usable_until = held.fresh_until + STALE_LIFETIME
                held.failed = None
            except (OutgoingError, Rejected, ValueError, RecursionError) as error:
                _log.warning("client_keys_not_fetched", address=address, reason=_reason(error))
                interval, held.failed = LEAST_INTERVAL_AFTER_FAILURE, _reason(error)
            held.asked_at, held.not_before = now, now + interval

    def _entry(self, address: str) -> _Held:
        with self._lock:
            held = self._held.setdefault(address, _Held())
            self._held.move_to_end(address)
            if len(self._held) > _SETS_LIMIT:
                self._held.popitem(last=False)
            return held


def _lifetime(headers: Mapping[str, str]) -> timedelta:
    """RFC 9111 §5.2.2.1, within our bounds."""
    said = re.search(r"(?:^|[\s,])max-age=(\d{1,9})", headers.get("cache-control", "").lower())
    wanted = timedelta(seconds=int(said[1])) if said else USUAL_LIFETIME
    return min(max(wanted, LEAST_LIFETIME), LONGEST_LIFETIME)


def _reason(error: Exception) -> str:
    return error.code if isinstance(error, ServiceError) else "not_json"
