"""What the worker does for requests that wait for a person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from idp.decoupled.ping import PING_TASK, ping
from idp.decoupled.request import purge_requests
from idp.deliveries.delivery import deliver
from idp.services import IdpServices
from kernel.outbox import Handler
from kernel.worker import PeriodicJob


def deliveries(services: IdpServices) -> Mapping[str, Handler]:
    """Return what does this room's deliveries, by kind."""
    return {PING_TASK: deliver(services, ping(services))}


def periodic_jobs(services: IdpServices) -> list[PeriodicJob]:
    """Return the cleaning of requests that are over."""

    def clean() -> None:
        with services.database.transaction() as session:
            purge_requests(session, now=services.clock.now())

    return [PeriodicJob("idp.decoupled_requests", timedelta(minutes=10), clean)]
