"""The background worker of the whole service."""

from __future__ import annotations

import admin.jobs
import audit.jobs
import ca.jobs
import idp.jobs
from composition import Composition
from kernel.worker import Worker


def background_worker(composition: Composition) -> Worker:
    """Return the worker that does every house's tasks and periodic jobs."""
    return Worker(
        database=composition.database,
        clock=composition.clock,
        deliveries={**idp.jobs.deliveries(composition.idp), **ca.jobs.deliveries(composition.ca)},
        handlers={**idp.jobs.handlers(composition.idp), **ca.jobs.handlers(composition.ca)},
        jobs=[
            *audit.jobs.periodic_jobs(composition.audit),
            *idp.jobs.periodic_jobs(composition.idp),
            *ca.jobs.periodic_jobs(composition.ca),
            *admin.jobs.periodic_jobs(composition.admin),
        ],
    )
