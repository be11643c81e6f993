"""How many accounts have which level of identity, counted once a day: no page goes through the register of people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from admin.hour_counts import hour_of
from admin.model import HourCount
from idp.accounts.model import PersonRow
from kernel.database import Database

LEVEL = "level:"
_AGAIN = timedelta(hours=24)


@dataclass(frozen=True)
class LevelFigures:
    """Accounts by level, without closed ones and test citizens. :ivar counted_at: in which hour; None: never yet."""

    counted_at: datetime | None
    accounts: Mapping[int, int]


def count_levels(database: Database, *, now: datetime) -> bool:
    """Count anew if the last count is a day old; return whether it was. Reading and writing are apart."""
    with database.reading() as session:
        last = session.scalar(select(func.max(HourCount.hour)).where(HourCount.name.startswith(LEVEL)))
        if last is not None and last > now - _AGAIN:
            return False
        rows = session.execute(
            select(PersonRow.level, func.count())
            .where(PersonRow.status == "active", PersonRow.is_test.is_(False))
            .group_by(PersonRow.level)
        ).all()
    with database.transaction() as session:
        session.execute(delete(HourCount).where(HourCount.name.startswith(LEVEL)))
        session.add_all(
            HourCount(hour=hour_of(now), name=f"{LEVEL}{level}", amount=amount) for level, amount in sorted(rows)
        )
    return True


def level_figures(session: Session) -> LevelFigures:
    """Return what was counted last."""
    rows = session.execute(
        select(HourCount.hour, HourCount.name, HourCount.amount)
        .where(HourCount.name.startswith(LEVEL))
        .order_by(HourCount.name)
    ).all()
    return LevelFigures(
        counted_at=max((hour for hour, _, _ in rows), default=None),
        accounts={int(name.removeprefix(LEVEL)): amount for _, name, amount in rows},
    )
