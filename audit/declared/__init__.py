"""Who writes which event: every address, command and background job says it here, and the tests hold them to it.

A new one is added here with the events that it writes, or named among the quiet ones if it authenticates nobody and
changes nothing (``tests/audit/test_declared.py``). While the tests run, an event that its writer has not declared, and
a transaction that changes state without an event, fail the test that saw it (``tests/recorded.py``).
"""

from __future__ import annotations

from audit.declared import account, authority, console, console_api, everyone, people, provider
from audit.declared.commands import COMMANDS, QUIET_COMMANDS
from audit.declared.form import Declared
from audit.declared.jobs import JOBS, QUIET_JOBS
from audit.vocabulary import EventType

ENDPOINTS: Declared = {
    **provider.ENDPOINTS,
    **account.ENDPOINTS,
    **people.ENDPOINTS,
    **authority.ENDPOINTS,
    **console.ENDPOINTS,
    **console_api.ENDPOINTS,
}
QUIET_ENDPOINTS = provider.QUIET | authority.QUIET | console.QUIET | console_api.QUIET | everyone.QUIET
#: Any address: refused before its house saw it.
EVERYWHERE = (EventType.REQUEST_REFUSED,)


def declared_events(who: str) -> frozenset[EventType] | None:
    """Return what ``endpoint:NAME``, ``command:NAME`` or ``job:NAME`` may write, None for one that is not declared."""
    kind, _, name = who.partition(":")
    if kind == "endpoint":
        if name not in ENDPOINTS and name not in QUIET_ENDPOINTS:
            return None
        more = console.EVERYWHERE if name.startswith("admin_") else ()
        return frozenset((*ENDPOINTS.get(name, ()), *EVERYWHERE, *more))
    told, quiet = (COMMANDS, QUIET_COMMANDS) if kind == "command" else (JOBS, QUIET_JOBS)
    return frozenset(told.get(name, ())) if name in told or name in quiet else None
