"""The order of an authority's lists: numbers that only rise, and how many revocations each list covers."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Update, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ca.revocation.model import CrlSeries, RevocationList


@dataclass(frozen=True)
class Turn:
    """A place in the series: the list's number, and the revision that it will cover."""

    number: int
    revision: int


def advance_revision(session: Session, *, authority_id: str, shard: int) -> None:
    """Note, in the transaction of a revocation, that the newest list no longer says everything."""
    _ensure(session, authority_id, shard)
    session.execute(_of(authority_id, shard).values(revision=CrlSeries.revision + 1))


def take_turn(session: Session, *, authority_id: str, shard: int) -> Turn:
    """Return the next number. Until the caller's transaction ends nobody else takes one and no revocation commits.

    So what the caller reads in this transaction covers at least what any lower number read (RFC 5280 §5.2.3). The
    number is spent even if no list follows.
    """
    _ensure(session, authority_id, shard)
    row = session.execute(
        _of(authority_id, shard)
        .values(last_number=CrlSeries.last_number + 1)
        .returning(CrlSeries.last_number, CrlSeries.revision)
    ).one()
    return Turn(number=row.last_number, revision=row.revision)


def claim_publication(session: Session, *, authority_id: str, shard: int, number: int) -> bool:
    """Make ``number`` the newest public list; False if a higher one is public already."""
    return (
        session.execute(
            _of(authority_id, shard)
            .where(CrlSeries.published_number < number)
            .values(published_number=number)
            .returning(CrlSeries.published_number)
        ).scalar_one_or_none()
        is not None
    )


def is_behind(session: Session, *, authority_id: str, shard: int) -> bool:
    """Tell whether a revocation happened since the newest list, or there is none."""
    series = session.execute(
        select(CrlSeries.revision, RevocationList.revision)
        .join(
            RevocationList,
            (RevocationList.authority_id == CrlSeries.authority_id)
            & (RevocationList.shard == CrlSeries.shard)
            & (RevocationList.number == CrlSeries.published_number),
        )
        .where(CrlSeries.authority_id == authority_id, CrlSeries.shard == shard)
    ).one_or_none()
    return series is None or series[0] > series[1]


def _of(authority_id: str, shard: int) -> Update:
    return (
        update(CrlSeries)
        .where(CrlSeries.authority_id == authority_id, CrlSeries.shard == shard)
        .execution_options(synchronize_session=False)
    )


def _ensure(session: Session, authority_id: str, shard: int) -> None:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    session.execute(
        insert(CrlSeries)
        .values(authority_id=authority_id, shard=shard, revision=0, last_number=0, published_number=0)
        .on_conflict_do_nothing()
    )
