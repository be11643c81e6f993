"""Keeping lists current: which are due, and which may go."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, aliased

from ca.issuance.model import Authority
from ca.revocation.model import CrlSeries, RevocationList
from ca.revocation.publish import FULL_LIST_SHARD, PublishedList, last_regular_at, publish_list
from ca.revocation.series import is_behind
from ca.services import CaServices
from kernel.errors import Denied

REFRESH_INTERVAL = timedelta(days=1)
KEPT_AFTER_EXPIRY = timedelta(days=30)


def publish_overdue_lists(services: CaServices) -> list[PublishedList]:
    """Publish every issuing authority's list that is missing, behind, or a day old, and return the new ones.

    The root's is left alone: its key is not here.
    """
    now = services.clock.now()
    with services.database.reading() as session:
        authorities = session.execute(
            select(Authority.id, Authority.key_name).where(Authority.issuer_id.is_not(None), Authority.not_after > now)
        ).all()
        due = [
            (authority_id, key_name, shard)
            for authority_id, key_name in authorities
            for shard in _shards(session, authority_id)
            if _is_overdue(session, authority_id, shard, now=now)
        ]
    return [
        publish_list(
            services,
            authority_id=authority_id,
            shard=shard,
            signer=services.keystore.open(key_name),
            scheduled=True,
        )
        for authority_id, key_name, shard in due
    ]


def publish_if_behind(services: CaServices, *, authority_id: str, shard: int) -> PublishedList | None:
    """Publish an issuing authority's list if a revocation is not on it yet; many revocations make one list.

    :raises Denied: (``root_signs_by_command``) for a root.
    """
    with services.database.reading() as session:
        authority = session.get_one(Authority, authority_id)
        if authority.issuer_id is None:
            raise Denied("The root signs from the command line only.", code="root_signs_by_command")
        if not is_behind(session, authority_id=authority_id, shard=shard):
            return None
        key_name = authority.key_name
    signer = services.keystore.open(key_name)
    return publish_list(services, authority_id=authority_id, shard=shard, signer=signer, scheduled=False)


def drop_old_lists(services: CaServices) -> int:
    """Delete lists a month past their nextUpdate, never an authority's newest regular one; return how many.

    Their events, with number and digest, stay in the log.
    """
    newest = aliased(RevocationList)
    newest_regular = (
        select(func.max(newest.number))
        .where(
            newest.authority_id == RevocationList.authority_id,
            newest.shard == RevocationList.shard,
            newest.scheduled.is_(True),
        )
        .scalar_subquery()
    )
    with services.database.transaction() as session:
        dropped = session.execute(
            delete(RevocationList)
            .where(
                RevocationList.next_update < services.clock.now() - KEPT_AFTER_EXPIRY,
                RevocationList.number < newest_regular,
            )
            .returning(RevocationList.number)
            .execution_options(synchronize_session=False)
        ).all()
    return len(dropped)


def _shards(session: Session, authority_id: str) -> list[int]:
    known = session.scalars(select(CrlSeries.shard).where(CrlSeries.authority_id == authority_id))
    return sorted({FULL_LIST_SHARD, *known})


def _is_overdue(session: Session, authority_id: str, shard: int, *, now: datetime) -> bool:
    last = last_regular_at(session, authority_id=authority_id, shard=shard)
    return last is None or last + REFRESH_INTERVAL <= now or is_behind(session, authority_id=authority_id, shard=shard)
