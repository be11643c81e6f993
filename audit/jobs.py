"""What the worker does for the evidence."""

from __future__ import annotations

from datetime import timedelta

from audit.sequencer import Sequencer
from audit.services import AuditServices
from kernel.worker import PeriodicJob

SEQUENCE_EVERY = timedelta(seconds=0.5)


def periodic_jobs(services: AuditServices) -> list[PeriodicJob]:
    """Return the sequencing of new events, twice a second; any number of workers may run it."""
    sequencer = Sequencer(services)

    def sequence() -> None:
        sequencer.run()

    return [PeriodicJob("audit.sequence", SEQUENCE_EVERY, sequence, close=sequencer.release)]
