"""Tokens whose signature was verified a moment ago: applications show the same one many times in its few minutes.

Only that is remembered, with the claims that were signed: a signature stays what it is. Everything that may change (the
key's own standing, time, revocation, what the token rests on) is asked each time by whoever reads the token.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any

from kernel.identifiers import sha256

LIMIT = 4096


class VerifiedTokens:
    """The tokens that were verified last, by digest: the texts themselves are not kept."""

    def __init__(self) -> None:
        self._claims: OrderedDict[bytes, Mapping[str, Any]] = OrderedDict()
        self._lock = Lock()

    def find(self, token: str) -> Mapping[str, Any] | None:
        """Return the claims of a token that was verified lately. They are shared: nobody may change them."""
        return self._claims.get(sha256(token))

    def remember(self, token: str, claims: Mapping[str, Any]) -> None:
        """Remember that the signature over ``claims`` was found good; the oldest is forgotten for it."""
        with self._lock:
            self._claims[sha256(token)] = claims
            if len(self._claims) > LIMIT:
                self._claims.popitem(last=False)
