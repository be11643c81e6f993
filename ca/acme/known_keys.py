"""Keys of accounts that this process has met: a signature is checked by one before the database is asked anything.

A key may have changed since, at another process. So a signature that it does not fit is checked by the account's row,
and whoever acts for an account holds the key against the row again, in the transaction (:func:`require_current_key`).
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from ca.acme.account_key import AccountKey
from ca.acme.model import Account
from ca.acme.problem import AcmeProblem, Kind

_MOST = 4096


class KnownKeys:
    """The keys of one process, those used last."""

    def __init__(self) -> None:
        self._keys: OrderedDict[str, AccountKey] = OrderedDict()
        self._lock = Lock()

    def find(self, account_id: str) -> AccountKey | None:
        """Return the key that the account had when it was met."""
        with self._lock:
            key = self._keys.get(account_id)
            if key is not None:
                self._keys.move_to_end(account_id)
            return key

    def note(self, account_id: str, key: AccountKey) -> None:
        """Keep a key."""
        with self._lock:
            self._keys[account_id] = key
            self._keys.move_to_end(account_id)
            while len(self._keys) > _MOST:
                self._keys.popitem(last=False)

    def forget(self, account_id: str) -> None:
        """Ask for the account's key anew: it was changed here."""
        with self._lock:
            self._keys.pop(account_id, None)


def require_current_key(account: Account, key: AccountKey) -> None:
    """Check that ``key`` is the account's still. :raises AcmeProblem: ``unauthorized``."""
    if account.thumbprint != key.thumbprint:
        raise AcmeProblem(Kind.UNAUTHORIZED, "The signature is not good.", code="acme_bad_signature")
