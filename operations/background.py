"""The background worker of the whole service."""

from __future__ import annotations

from datetime import timedelta

import admin.jobs
import audit.jobs
import ca.jobs
import idp.jobs
from composition import Composition
from idp.notices.sms import SMS_TASK
from kernel.worker import Worker
from operations.tracing import traced, tracing_of

# Its jobs may send statements that take a while; none takes as long.
_DATABASE_SILENCE = timedelta(minutes=2)


def background_worker(composition: Composition) -> Worker:
    """Return the worker that does every house's tasks and periodic jobs."""
    composition.database.bound_silence(_DATABASE_SILENCE)
    tracing = tracing_of(composition.settings)
    if tracing:
        tracing.around_engine(composition.database.engine)
    jobs = [
        *audit.jobs.periodic_jobs(composition.audit),
        *audit.jobs.witness_jobs(composition.audit, (composition.audit, composition.ca.certificate_log)),
        *idp.jobs.periodic_jobs(composition.idp),
        *ca.jobs.periodic_jobs(composition.ca),
        *admin.jobs.periodic_jobs(composition.admin),
    ]
    letters = idp.jobs.letters(composition.idp)
    return Worker(
        database=composition.database,
        clock=composition.clock,
        deliveries=traced(
            tracing,
            {
                **idp.jobs.deliveries(composition.idp),
                **idp.jobs.lookups(composition.idp),
                **ca.jobs.deliveries(composition.ca),
            },
        ),
        letters=traced(tracing, {kind: letters[kind] for kind in letters.keys() - {SMS_TASK}}),
        messages=traced(tracing, {SMS_TASK: letters[SMS_TASK]}),
        handlers=traced(tracing, {**idp.jobs.handlers(composition.idp), **ca.jobs.handlers(composition.ca)}),
        jobs=[tracing.around_job(job) for job in jobs] if tracing else jobs,
    )
