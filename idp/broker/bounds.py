"""How much of this process a provider may keep busy: one that hangs must not take the threads of everybody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from idp.broker.unavailable import UpstreamUnavailableError
from idp.levels.circuit import Circuit
from kernel.errors import Unavailable
from kernel.turns import Turns

AT_ONCE = 4
WAITING = 4
PATIENCE = timedelta(seconds=1)
# It answered. That it refuses a code which some browser brought says nothing about how it is.
_ANSWERS = frozenset({"code_refused", "not_json", "busy"})


@dataclass
class _State:
    turns: Turns = field(default_factory=lambda: Turns(at_once=AT_ONCE, waiting=WAITING, patience=PATIENCE))
    circuit: Circuit = field(default_factory=Circuit)


class UpstreamBounds:
    """Turns and a circuit for each provider, in this process. Safe among threads."""

    def __init__(self) -> None:
        self._states: dict[str, _State] = {}
        self._lock = threading.Lock()

    @contextmanager
    def asking(self, provider_id: str, *, now: datetime) -> Iterator[None]:
        """Ask the provider while the block runs.

        :raises UpstreamUnavailableError: ``busy`` if many are waiting for it already, ``resting`` if it failed three
            times in a row, for half a minute; then one may try.
        :raises Unavailable: what the block raises: something of ours that is away.
        """
        with self._lock:
            state = self._states.setdefault(provider_id, _State())
        with ExitStack() as turn:
            try:
                turn.enter_context(state.turns.turn())
            except Unavailable as error:
                raise UpstreamUnavailableError("busy") from error
            if not state.circuit.lets_through(now):
                raise UpstreamUnavailableError("resting")
            try:
                yield
            except UpstreamUnavailableError as error:
                state.circuit.succeeded() if error.reason in _ANSWERS else state.circuit.failed(now)
                raise
            except Unavailable:  # ours, the database say: nothing was learned about the provider
                raise
            except BaseException:  # its answer is wrong, but there is one
                state.circuit.succeeded()
                raise
            state.circuit.succeeded()
