"""The provider's background work, gathered from its rooms."""

from __future__ import annotations

from collections.abc import Mapping

import idp.accounts.data_copy
import idp.accounts.deletion
import idp.authentication.jobs
import idp.broker.jobs
import idp.decoupled.jobs
import idp.deliveries.jobs
import idp.desk.jobs
import idp.directories.jobs
import idp.events.jobs
import idp.leaving.jobs
import idp.levels.jobs
import idp.notices.jobs
import idp.rights.groups.jobs
import idp.tokens.jobs
from idp.services import IdpServices
from kernel.outbox import Handler
from kernel.worker import PeriodicJob


def letters(services: IdpServices) -> Mapping[str, Handler]:
    """Return what does the outbox tasks that wait for the mail server, by kind."""
    return {**idp.notices.jobs.handlers(services)}


def handlers(services: IdpServices) -> Mapping[str, Handler]:
    """Return what does the outbox tasks that wait for nobody, by kind."""
    return {**idp.accounts.data_copy.handlers(services)}


def deliveries(services: IdpServices) -> Mapping[str, Handler]:
    """Return what does the outbox tasks that wait for applications' servers, by kind.

    Each kind has its words in ``admin/web/deliveries.py``; a test points there.
    """
    return {
        **idp.decoupled.jobs.deliveries(services),
        **idp.events.jobs.deliveries(services),
        **idp.leaving.jobs.deliveries(services),
    }


def lookups(services: IdpServices) -> Mapping[str, Handler]:
    """Return what does the outbox tasks that wait for servers of institutions, by kind."""
    return {**idp.broker.jobs.lookups(services), **idp.directories.jobs.lookups(services)}


def periodic_jobs(services: IdpServices) -> list[PeriodicJob]:
    """Return the provider's periodic jobs."""
    return [
        *idp.accounts.deletion.periodic_jobs(services),
        *idp.authentication.jobs.periodic_jobs(services),
        *idp.broker.jobs.periodic_jobs(services),
        *idp.decoupled.jobs.periodic_jobs(services),
        *idp.desk.jobs.periodic_jobs(services),
        *idp.directories.jobs.periodic_jobs(services),
        *idp.deliveries.jobs.periodic_jobs(services, kinds=tuple(deliveries(services))),
        *idp.levels.jobs.periodic_jobs(services),
        *idp.rights.groups.jobs.periodic_jobs(services),
        *idp.tokens.jobs.periodic_jobs(services),
    ]
