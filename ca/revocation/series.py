"""The order of an authority's lists: numbers that only rise, and how many revocations each list covers."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Update, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ca.locations import FULL_LIST
from ca.revocation.model import CrlSeries, RevocationList


@dataclass(frozen=True)
class Turn:
    """A place in the series: the list's number, and the revision that it will cover."""

    number: int
    revision: int


def advance_revision(session: Session, *, authority_id: str, shard: int) -> int:
    """Note, in the transaction of a revocation, that the newest list no longer says everything; return the revision.

    Until that transaction ends no other revocation of the shard gets further than here: revisions become visible in
    their order, so who has seen one has seen all below it.
    """
    _ensure(session, authority_id, shard)
    return session.execute(
        _of(authority_id, shard).values(revision=CrlSeries.revision + 1).returning(CrlSeries.revision)
    ).scalar_one()


def take_turn(session: Session, *, authority_id: str, shard: int) -> Turn:
    """Return the next number. Until the caller's transaction ends nobody else takes one and no revocation commits.

    So what the caller reads in this transaction covers at least what any lower number read (RFC 5280 §5.2.3). The
    number is spent even if no list follows. Revocations go on beside a full list's turn, and may be on it or not: the
    revision that it claims was read before its entries.
    """
    _ensure(session, authority_id, shard)
    row = session.execute(
        _of(authority_id, shard)
        .values(last_number=CrlSeries.last_number + 1)
        .returning(CrlSeries.last_number, CrlSeries.revision)
    ).one()
    revision = revision_of_all(session, authority_id) if shard == FULL_LIST else row.revision
    return Turn(number=row.last_number, revision=revision)


def revision_of_all(session: Session, authority_id: str) -> int:
    """Return the sum of the revisions of an authority's shards."""
    query = select(func.coalesce(func.sum(CrlSeries.revision), 0)).where(
        CrlSeries.authority_id == authority_id, CrlSeries.shard != FULL_LIST
    )
    return session.scalars(query).one()


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
    if series is None:
        return True
    reached = revision_of_all(session, authority_id) if shard == FULL_LIST else series[0]
    return reached > series[1]


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
