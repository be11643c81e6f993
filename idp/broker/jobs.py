"""The worker's part: other providers are looked at every few minutes, by tasks of the outbox; each takes its time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import select

from idp.broker.health import look_at_provider
from idp.broker.model import UpstreamProviderRow
from idp.services import IdpServices
from kernel.outbox import Handler, OutboxTask, Task, enqueue
from kernel.worker import PeriodicJob

TASK = "idp.provider_look"
_EVERY = timedelta(minutes=5)


def lookups(services: IdpServices) -> Mapping[str, Handler]:
    """Return what does this room's tasks, by kind."""

    def look(task: Task) -> None:
        look_at_provider(services, provider_id=str(task.payload["provider"]), now=services.clock.now())

    return {TASK: look}


def periodic_jobs(services: IdpServices) -> list[PeriodicJob]:
    """Return the job that has every open provider looked at; one that still waits for its look gets no second."""

    def ask_for_looks() -> None:
        now = services.clock.now()
        with services.database.transaction() as session:
            waiting = {
                str(task.payload.get("provider"))
                for task in session.scalars(
                    select(OutboxTask).where(OutboxTask.kind == TASK, OutboxTask.given_up_at.is_(None))
                )
            }
            for provider_id in session.scalars(select(UpstreamProviderRow.id).where(UpstreamProviderRow.active)):
                if provider_id not in waiting:
                    enqueue(session, TASK, {"provider": provider_id}, now=now, destination=provider_id)

    return [PeriodicJob(name="idp.providers", every=_EVERY, run=ask_for_looks)]
