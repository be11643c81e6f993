"""The room's background work."""

from __future__ import annotations

from datetime import timedelta

from idp.levels.evidence import lower_expired_levels
from idp.services import IdpServices
from kernel.worker import PeriodicJob


def periodic_jobs(services: IdpServices) -> list[PeriodicJob]:
    """Return the jobs of this room."""
    return [PeriodicJob("idp.levels", timedelta(minutes=10), lambda: lower_levels(services))]


def lower_levels(services: IdpServices) -> None:
    """Lower people whose level rested on a certificate that has expired."""
    with services.database.transaction() as session:
        lower_expired_levels(session, services=services, now=services.clock.now())
