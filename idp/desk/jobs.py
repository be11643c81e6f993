"""Background work of this room: recoveries that ran out end, on record."""

from __future__ import annotations

from datetime import timedelta

from idp.desk.recovery_end import close_expired
from idp.services import IdpServices
from kernel.worker import PeriodicJob


def periodic_jobs(services: IdpServices) -> list[PeriodicJob]:
    """Return the periodic jobs of this room."""

    def run() -> None:
        now = services.clock.now()
        with services.database.transaction() as session:
            close_expired(session, services=services, now=now)

    return [PeriodicJob("idp.desk_recoveries", timedelta(minutes=10), run)]
