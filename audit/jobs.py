"""What the worker does for the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog

from audit.cosigned import thin_cosignatures
from audit.cosigning import CosigningThread, ask_witnesses
from audit.retention import destroy_past_service_keys
from audit.sequencer import Sequencer
from audit.services import AuditServices
from audit.signed_log import SignedLog
from kernel.worker import PeriodicJob

SEQUENCE_EVERY = timedelta(seconds=0.5)
COSIGN_EVERY = timedelta(seconds=5)

_log = structlog.get_logger("audit.jobs")


def periodic_jobs(services: AuditServices) -> list[PeriodicJob]:
    """Return the sequencing of new events, twice a second, and the end of what nobody may read any longer."""
    sequencer = Sequencer(services)

    def sequence() -> None:
        sequencer.run()

    def forget() -> None:
        kept_for = timedelta(days=services.settings.unattributed_days)
        with services.database.transaction() as session:
            destroy_past_service_keys(session, journal=services.journal, kept_for=kept_for, now=services.clock.now())
            thin_cosignatures(session, now=services.clock.now())

    return [
        PeriodicJob("audit.sequence", SEQUENCE_EVERY, sequence, close=sequencer.release),
        PeriodicJob("audit.retention", timedelta(hours=6), forget),
    ]


def witness_jobs(services: AuditServices, logs: Sequence[SignedLog]) -> list[PeriodicJob]:
    """Return the asking of the witnesses of ``logs``; nothing is done where the settings name none."""

    def ask() -> None:
        for log in logs:
            try:
                ask_witnesses(log, outgoing=services.outgoing, journal=services.journal, now=services.clock.now())
            except Exception:
                _log.exception("cosigning_failed", log=log.origin)

    thread = CosigningThread(ask)

    def begin() -> None:
        if services.policy.witnesses:
            thread.begin()

    return [PeriodicJob("audit.cosign", COSIGN_EVERY, begin, close=thread.finish)]
