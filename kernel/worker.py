"""The worker: periodic jobs and the outbox, in one loop that a second worker may run beside without harm."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

import structlog

from kernel.clock import Clock
from kernel.database import Database
from kernel.errors import Unavailable
from kernel.identifiers import new_id
from kernel.origin import Origin, working_for
from kernel.outbox import Handler, run_due

_log = structlog.get_logger("sau.worker")
_IDLE = 0.2  # seconds between looks at the outbox
_BACK_OFF = 2.0  # seconds after the database did not answer


@dataclass(frozen=True)
class PeriodicJob:
    """Work that is due again and again.

    :ivar run: must be safe when two processes run it at once: it takes its own lease or writes conditionally.
    :ivar close: called when the worker stops, to give a lease up so that the next worker need not wait for its end.
    """

    name: str
    every: timedelta
    run: Callable[[], None]
    close: Callable[[], None] | None = None


class Worker:
    """Runs jobs and outbox tasks until told to stop.

    :param handlers: what does each kind of outbox task.
    """

    def __init__(
        self, *, database: Database, clock: Clock, handlers: Mapping[str, Handler], jobs: Sequence[PeriodicJob]
    ) -> None:
        self._database = database
        self._clock = clock
        self._handlers = handlers
        self._jobs = jobs
        self._next = {job.name: 0.0 for job in jobs}
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Ask the loop to end after the step in progress."""
        self._stopped.set()

    def run_forever(self) -> None:
        """Work until :meth:`stop`. A job that fails is logged and tried again when it is next due."""
        while not self._stopped.is_set():
            busy = self.run_once()
            if not busy:
                self._stopped.wait(_IDLE)
        for job in self._jobs:
            if job.close is not None:
                self._do(job, job.close)

    def run_once(self) -> bool:
        """Run each job that is due, then the outbox; return whether the outbox had work."""
        for job in self._jobs:
            if monotonic() >= self._next[job.name]:
                self._do(job, job.run)
                self._next[job.name] = monotonic() + job.every.total_seconds()
        try:
            with working_for(Origin(request_id=new_id(), channel="worker")):
                return run_due(self._database, self._handlers, now=self._clock.now()) > 0
        except Unavailable:
            _log.warning("outbox_unavailable")
            self._stopped.wait(_BACK_OFF)
            return False

    def _do(self, job: PeriodicJob, work: Callable[[], None]) -> None:
        with working_for(Origin(request_id=new_id(), channel="worker")):
            try:
                work()
            except Unavailable as error:
                _log.warning("job_unavailable", job=job.name, code=error.code)
            except Exception:
                _log.exception("job_failed", job=job.name)
