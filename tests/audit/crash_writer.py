"""Writes and sequences events until killed, telling each id after its commit: the victim of the crash test."""

from __future__ import annotations

import sys
import threading

from audit.event import Event
from audit.sequencer import Sequencer
from audit.vocabulary import EventType
from composition import Composition
from kernel.settings import load_settings


def main() -> None:
    composition = Composition(load_settings())
    services = composition.audit

    def sequence() -> None:
        sequencer = Sequencer(services, batch_limit=20)
        while True:
            sequencer.run()

    threading.Thread(target=sequence, daemon=True).start()
    while True:
        with composition.database.transaction() as session:
            event = Event(type=EventType.TOKEN_ISSUED, subject="p", private={"email": "p@example.test"})
            event_id = composition.journal.record(session, event, now=composition.clock.now())
        sys.stdout.write(f"{event_id}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
