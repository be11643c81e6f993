"""A log to work with."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from audit.event import Event
from audit.sequencer import Sequencer
from audit.services import AuditServices, ensure_log_key
from audit.vocabulary import EventType
from composition import Composition

Write = Callable[..., list[str]]


@pytest.fixture
def audit(composition: Composition) -> AuditServices:
    """The evidence's services with their key."""
    ensure_log_key(composition.keystore)
    return composition.audit


@pytest.fixture
def sequencer(audit: AuditServices) -> Sequencer:
    """A sequencer."""
    return Sequencer(audit)


@pytest.fixture
def write(audit: AuditServices) -> Write:
    """Writes events about persons p0, p1 …, each in its own transaction, and returns their ids."""

    def write_events(count: int, *, kind: EventType = EventType.PASSWORD_VERIFIED, private: bool = True) -> list[str]:
        ids = []
        for number in range(count):
            with audit.database.transaction() as session:
                event = Event(
                    type=kind,
                    subject=f"p{number % 3}",
                    client_id="portal",
                    details={"number": number},
                    private={"email": f"p{number}@example.test"} if private else {},
                )
                ids.append(audit.journal.record(session, event, now=audit.clock.now()))
        return ids

    return write_events
