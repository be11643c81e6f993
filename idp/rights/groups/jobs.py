"""Who has not come through an institution's provider for long works there no longer: all that it gave ends."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from idp.rights.belonging import Source
from idp.rights.groups.source import WORKER
from idp.rights.leaving import leave_institution
from idp.rights.model import BelongingRow
from idp.services import IdpServices
from kernel.errors import Conflict
from kernel.worker import PeriodicJob

_BATCH = 100
_EVERY = timedelta(hours=1)


def end_what_is_over(services: IdpServices) -> int:
    """End belongings whose time is over that a provider's logins held; return how many. Nothing counted since then."""
    now = services.clock.now()
    with services.database.reading() as session:
        over = session.execute(
            select(BelongingRow.id, BelongingRow.institution_id)
            .where(
                BelongingRow.source == Source.PROVIDER.value,
                BelongingRow.ended_at.is_(None),
                BelongingRow.until <= now,
            )
            .order_by(BelongingRow.until, BelongingRow.id)
            .limit(_BATCH)
        ).all()
    ended = 0
    for row in over:
        try:
            with services.database.transaction() as session:
                held = session.get(BelongingRow, row.id, with_for_update=True, populate_existing=True)
                if held is None or held.until is None or held.until > now:
                    continue  # she came meanwhile
                leave_institution(
                    session,
                    services=services,
                    belonging_id=row.id,
                    institution_id=row.institution_id,
                    actor=WORKER,
                    now=now,
                )
                ended += 1
        except Conflict:
            continue  # somebody else was first
    return ended


def periodic_jobs(services: IdpServices) -> list[PeriodicJob]:
    """Return the job that ends them."""

    def run() -> None:
        end_what_is_over(services)

    return [PeriodicJob(name="idp.belongings", every=_EVERY, run=run)]
