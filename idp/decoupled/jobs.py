"""What the worker does for requests that wait for a person."""

from __future__ import annotations

from datetime import timedelta

from idp.decoupled.request import purge_requests
from idp.services import IdpServices
from kernel.worker import PeriodicJob


def periodic_jobs(services: IdpServices) -> list[PeriodicJob]:
    """Return the cleaning of requests that are over."""

    def clean() -> None:
        with services.database.transaction() as session:
            purge_requests(session, now=services.clock.now())

    return [PeriodicJob("idp.decoupled_requests", timedelta(minutes=10), clean)]
