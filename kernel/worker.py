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
_DELIVERIES_AT_ONCE = 8
_PATIENCE = 10.0  # seconds that deliveries in progress are waited for at the end; a lease lets others repeat the rest


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

    :param handlers: what does each kind of outbox task, one after the other.
    :param deliveries: the same for kinds that wait for others' servers: a few at a time, and on a thread of their own,
        so that a slow host holds up neither mails nor periodic jobs.
    :param letters: the same for mails, on another thread: a mail server that hangs, or a name server that says nothing,
        holds up neither. ``messages``: the same for short messages and their gateway, on one more.
    """

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        handlers: Mapping[str, Handler],
        jobs: Sequence[PeriodicJob],
        deliveries: Mapping[str, Handler] | None = None,
        letters: Mapping[str, Handler] | None = None,
        messages: Mapping[str, Handler] | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._handlers = handlers
        self._apart = {"deliveries": deliveries or {}, "letters": letters or {}, "messages": messages or {}}
        self._jobs = jobs
        self._next = {job.name: 0.0 for job in jobs}
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Ask the loop to end after the step in progress."""
        self._stopped.set()

    def run_forever(self) -> None:
        """Work until :meth:`stop`. A job that fails is logged and tried again when it is next due."""
        threads = [
            threading.Thread(target=self._go_on_apart, args=[handlers], name=name, daemon=True)
            for name, handlers in self._apart.items()
            if handlers
        ]
        for thread in threads:
            thread.start()
        while not self._stopped.is_set():
            self._run_jobs()
            if not self._run_tasks(self._handlers):
                self._stopped.wait(_IDLE)
        deadline = monotonic() + _PATIENCE
        for thread in threads:
            thread.join(max(0.0, deadline - monotonic()))
        for job in self._jobs:
            if job.close is not None:
                self._do(job, job.close)

    def run_once(self) -> bool:
        """Run each job that is due, then the outbox with its deliveries; return whether the outbox had work."""
        self._run_jobs()
        busy = self._run_tasks(self._handlers)
        for handlers in self._apart.values():
            busy = self._run_tasks(handlers, at_once=_DELIVERIES_AT_ONCE) or busy
        return busy

    def _go_on_apart(self, handlers: Mapping[str, Handler]) -> None:
        while not self._stopped.is_set():
            if not self._run_tasks(handlers, at_once=_DELIVERIES_AT_ONCE):
                self._stopped.wait(_IDLE)

    def _run_jobs(self) -> None:
        for job in self._jobs:
            if monotonic() >= self._next[job.name]:
                self._do(job, job.run)
                self._next[job.name] = monotonic() + job.every.total_seconds()

    def _run_tasks(self, handlers: Mapping[str, Handler], *, at_once: int = 1) -> bool:
        if not handlers:
            return False
        try:
            with working_for(Origin(request_id=new_id(), channel="worker")):
                return run_due(self._database, handlers, now=self._clock.now(), at_once=at_once) > 0
        except Unavailable:
            _log.warning("outbox_unavailable")
        except Exception:
            _log.exception("outbox_failed")
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
