"""What the code records while the tests run, held against what is declared (:mod:`audit.declared`).

Every test of this process is watched: an event that an address, a command or a background job writes without having
declared it, and a transaction of theirs that changes state without any event, fail the test that saw it.
"""

from __future__ import annotations

import contextvars
import functools
import re
from collections.abc import Callable
from typing import Any

import click
from flask import has_request_context
from sqlalchemy import Connection, Engine, event

from audit.declared import declared_events
from audit.declared.bookkeeping import is_bookkeeping
from audit.declared.commands import COMMANDS, QUIET_COMMANDS
from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from kernel import outbox
from kernel.worker import PeriodicJob
from web import in_progress

_working: contextvars.ContextVar[str] = contextvars.ContextVar("recorded_doer", default="")
_WRITES = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+\"?([a-z_0-9]+)", re.I)
_TABLES = "recorded_tables"
_LATE = "recorded_doer"

_wrong: set[str] = set()


def take_wrong() -> list[str]:
    """Return what was not as declared since this was last asked."""
    found = sorted(_wrong)
    _wrong.clear()
    return found


def doer() -> str:
    """Return ``endpoint:NAME``, ``command:NAME`` or ``job:NAME`` for the work in progress, empty outside of any."""
    if in_progress.on_short_way() or has_request_context():
        endpoint, _ = in_progress.endpoint_and_method()
        return f"endpoint:{endpoint}"
    if _working.get():
        return _working.get()
    context = click.get_current_context(silent=True)
    if context is not None:
        names = []
        while context is not None:
            names.append(context.info_name or "")
            context = context.parent  # type: ignore[assignment]
        names = [name for name in reversed(names) if name not in ("main", "sau", "root")]
        return f"command:{' '.join(names)}"
    return ""


def install() -> None:
    """Watch this process from now on."""
    record: Callable[..., str] = Journal.record

    @functools.wraps(record)
    def watched_record(self: Journal, session: Any, told: Event, **keywords: Any) -> str:
        who = doer()
        declared = _declared(who) if who else None
        if declared is not None and told.type not in declared:
            _wrong.add(f"{who} writes {told.type.value}, which audit/declared does not say")
        return record(self, session, told, **keywords)

    Journal.record = watched_record  # type: ignore[method-assign]
    make_job: Callable[..., None] = PeriodicJob.__init__

    def watched_job(self: PeriodicJob, name: str, every: Any, run: Callable[[], None], *rest: Any, **more: Any) -> None:
        make_job(self, name, every, _under(f"job:{name}", run), *rest, **more)

    PeriodicJob.__init__ = watched_job  # type: ignore[method-assign]
    start = outbox._Run.__init__

    def watched_start(self: Any, database: Any, handlers: Any, now: Any) -> None:
        start(self, database, {kind: _under(f"job:{kind}", handler) for kind, handler in handlers.items()}, now)

    outbox._Run.__init__ = watched_start  # type: ignore[method-assign]
    event.listen(Engine, "before_cursor_execute", _see)
    event.listen(Engine, "commit", _weigh)
    event.listen(Engine, "rollback", _forget)


def _declared(who: str) -> frozenset[EventType] | None:
    """Return what was declared; a command that a test runs without those above it goes by the end of its name."""
    declared = declared_events(who)
    kind, _, name = who.partition(":")
    if declared is not None or kind != "command":
        return declared
    fitting = [each for each in (*COMMANDS, *QUIET_COMMANDS) if each.endswith(f" {name}")]
    told = [declared_events(f"command:{each}") or frozenset() for each in fitting]
    return frozenset().union(*told) if told else None


def _under(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(work)
    def named(*arguments: Any, **keywords: Any) -> Any:
        token = _working.set(name)
        try:
            return work(*arguments, **keywords)
        finally:
            _working.reset(token)

    return named


def _see(connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
    written = _WRITES.match(statement)
    if written:
        connection.info.setdefault(_TABLES, set()).add(written[1].lower())
        connection.info[_LATE] = doer() or connection.info.get(_LATE, "")


def _weigh(connection: Connection) -> None:
    tables, who = connection.info.pop(_TABLES, set()), connection.info.pop(_LATE, "")
    # On PostgreSQL the busiest statements go past the toolkit, and with them events that this would miss.
    if not who or connection.dialect.name != "sqlite" or "audit_event" in tables or _declared(who) is None:
        return
    changed = sorted(each for each in tables if not is_bookkeeping(each))
    if changed:
        _wrong.add(f"{who} changes {', '.join(changed)} without an event")


def _forget(connection: Connection) -> None:
    if connection.invalidated:
        return  # nothing was kept with one that is lost
    connection.info.pop(_TABLES, None)
    connection.info.pop(_LATE, None)
