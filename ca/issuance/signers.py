"""Signers of authorities, opened once in a few seconds: reading and decrypting a key file takes longer than signing."""

from __future__ import annotations

import os
import time
from threading import Lock

from keys.signer import Signer
from keys.store import KeyStore

_KEPT_SECONDS = 5.0


class Signers:
    """The signers of one process. A token's session does not outlive a fork, so another process opens its own."""

    def __init__(self, keystore: KeyStore) -> None:
        self._keystore = keystore
        self._held: dict[str, tuple[Signer, float]] = {}
        self._process = os.getpid()
        self._lock = Lock()

    def open(self, name: str) -> Signer:
        """Return a key. :raises kernel.errors.NotFound: if there is none of that name."""
        now = time.monotonic()
        with self._lock:
            if self._process != os.getpid():
                self._process = os.getpid()
                self._held.clear()
            held = self._held.get(name)
        if held is not None and held[1] > now:
            return held[0]
        signer = self._keystore.open(name)
        with self._lock:
            self._held[name] = signer, now + _KEPT_SECONDS
        return signer
