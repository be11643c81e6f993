"""The witnesses that the operator chose, and how many of them must have co-signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from audit.cosignature import WitnessKey
from kernel.settings import Settings


class Answered(Protocol):
    """What a host answered."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def body(self) -> bytes:
        """The body."""
        ...


class Outgoing(Protocol):
    """The guarded client for others' servers, as this house asks for it."""

    def send(
        self, url: str, *, body: bytes, media_type: str, headers: Mapping[str, str] | None = None, seconds: float = 5.0
    ) -> Answered:
        """POST ``body``. :raises Unavailable: if there is no answer."""
        ...


@dataclass(frozen=True)
class Witness:
    """A witness as the log knows it. ``url``: what ``/add-checkpoint`` is put behind."""

    key: WitnessKey
    url: str


@dataclass(frozen=True)
class WitnessPolicy:
    """Who witnesses the logs. :ivar quorum: how many must have co-signed a checkpoint; 0 where nobody is asked."""

    witnesses: tuple[Witness, ...] = ()
    quorum: int = 0

    @classmethod
    def from_settings(cls, settings: Settings) -> WitnessPolicy:
        """Return the policy of ``SAU_AUDIT_WITNESSES``. :raises CheckpointError: if a key is none."""
        pairs = [entry.split() for entry in settings.audit_witnesses]
        witnesses = tuple(Witness(WitnessKey.parse(key), url.rstrip("/")) for key, url in pairs)
        return cls(witnesses, settings.audit_witness_quorum or (len(witnesses) // 2 + 1 if witnesses else 0))

    @cached_property
    def keys(self) -> tuple[WitnessKey, ...]:
        """Their public keys."""
        return tuple(witness.key for witness in self.witnesses)
