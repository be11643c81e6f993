"""The clean-up of deliveries that nobody repeated."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from idp.deliveries.queue import drop_old_deliveries
from idp.services import IdpServices
from kernel.worker import PeriodicJob

KEPT = timedelta(days=30)


def periodic_jobs(services: IdpServices, *, kinds: Sequence[str]) -> list[PeriodicJob]:
    """Return the job that deletes deliveries of ``kinds`` a month after they were given up."""

    def drop() -> None:
        with services.database.transaction() as session:
            drop_old_deliveries(session, kinds=kinds, before=services.clock.now() - KEPT)

    return [PeriodicJob(name="deliveries", every=timedelta(hours=1), run=drop)]
