"""The worker's part: directories are looked at every few minutes, their people twice a day.

A directory may take its seconds, so it is asked by tasks of the outbox, on the threads of deliveries; the periodic job
only writes those down.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import select

from idp.directories.departure import check_people
from idp.directories.health import look_at_directory
from idp.directories.model import DirectoryRow
from idp.services import IdpServices
from kernel.outbox import Handler, OutboxTask, Task, enqueue
from kernel.worker import PeriodicJob

TASK = "idp.directory_look"
# In one task, whose lease is two minutes: the next look goes on.
_BATCHES = 4
_EVERY = timedelta(minutes=5)


def lookups(services: IdpServices) -> Mapping[str, Handler]:
    """Return what does this room's tasks, by kind."""

    def look(task: Task) -> None:
        directory_id, now = str(task.payload["directory"]), services.clock.now()
        reports = look_at_directory(services, directory_id=directory_id, now=now)
        if any(report.reason is None for report in reports):
            every = timedelta(hours=services.settings.ldap_check_hours)
            for _ in range(_BATCHES):
                if not check_people(services, directory_id=directory_id, every=every, now=services.clock.now()):
                    break

    return {TASK: look}


def periodic_jobs(services: IdpServices) -> list[PeriodicJob]:
    """Return the job that has every open directory looked at; one that still waits for its look gets no second."""

    def ask_for_looks() -> None:
        now = services.clock.now()
        with services.database.transaction() as session:
            waiting = {
                str(task.payload.get("directory"))
                for task in session.scalars(
                    select(OutboxTask).where(OutboxTask.kind == TASK, OutboxTask.given_up_at.is_(None))
                )
            }
            for directory_id in session.scalars(select(DirectoryRow.id).where(DirectoryRow.active)):
                if directory_id not in waiting:
                    enqueue(session, TASK, {"directory": directory_id}, now=now, destination=directory_id)

    return [PeriodicJob(name="idp.directories", every=_EVERY, run=ask_for_looks)]
