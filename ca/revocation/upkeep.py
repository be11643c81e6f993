"""Keeping lists current: which are due, and which may go."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session, aliased

from ca.issuance.model import Authority
from ca.locations import FIRST_SHARD, FULL_LIST
from ca.revocation.model import CrlSeries, RevocationList
from ca.revocation.publish import PublishedList, last_regular_at, publish_list
from ca.revocation.series import is_behind
from ca.services import CaServices
from kernel.clock import MOST_SKEW
from kernel.errors import Denied

REFRESH_INTERVAL = timedelta(days=1)
FULL_LIST_INTERVAL = timedelta(hours=1)  # at the soonest, when shards changed
KEPT_AFTER_EXPIRY = timedelta(days=30)


def publish_overdue_lists(services: CaServices) -> list[PublishedList]:
    """Publish every issuing authority's list that is missing, behind, or a day old, and return the new ones.

    Only what changed is signed again: a shard without a new revocation waits for its day. The full list beside the
    shards follows them within the hour, for it may be large. The root's list is left alone: its key is not here.
    """
    now = services.clock.now()
    with services.database.reading() as session:
        authorities = session.execute(
            select(Authority.id, Authority.key_name, Authority.crl_shards).where(
                Authority.issuer_id.is_not(None), Authority.not_after > now
            )
        ).all()
        due = [
            (authority_id, key_name, shard)
            for authority_id, key_name, shards in authorities
            for shard in list_shards(session, authority_id=authority_id, shards=shards)
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


def behind_lists(session: Session, *, now: datetime) -> list[tuple[str, int]]:
    """Return authority and shard of every list of the issuing authorities that a revocation is not on yet.

    The full list beside shards is left to its own time.
    """
    authorities = session.execute(
        select(Authority.id, Authority.crl_shards).where(Authority.issuer_id.is_not(None), Authority.not_after > now)
    ).all()
    return [
        (authority_id, shard)
        for authority_id, shards in authorities
        for shard in list_shards(session, authority_id=authority_id, shards=shards)
        if shard != FULL_LIST and is_behind(session, authority_id=authority_id, shard=shard)
    ]


def list_shards(session: Session, *, authority_id: str, shards: int) -> list[int]:
    """Return the lists of an issuing authority, the full one last.

    Shards that it had once stay: certificates may still name them.

    :param shards: how many it has now.
    """
    known = session.scalars(
        select(CrlSeries.shard).where(CrlSeries.authority_id == authority_id, CrlSeries.shard != FULL_LIST)
    )
    return [*sorted({FIRST_SHARD, *range(shards), *known}), FULL_LIST]


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
    now = services.clock.now()
    with services.database.transaction() as session:
        dropped = session.execute(
            delete(RevocationList)
            .where(
                or_(
                    RevocationList.next_update < now - KEPT_AFTER_EXPIRY,
                    # Large, and said again by the shards: a day is enough for who reads one now.
                    (RevocationList.shard == FULL_LIST) & (RevocationList.this_update < now - REFRESH_INTERVAL),
                ),
                RevocationList.number < newest_regular,
            )
            .returning(RevocationList.number)
            .execution_options(synchronize_session=False)
        ).all()
    return len(dropped)


def _is_overdue(session: Session, authority_id: str, shard: int, *, now: datetime) -> bool:
    last = last_regular_at(session, authority_id=authority_id, shard=shard)
    if last is None or last + REFRESH_INTERVAL <= now:
        return True
    if last > now + MOST_SKEW:
        return True  # a clock that led: nobody believes a list that begins in the future (RFC 5280 §6.3.3)
    if shard == FULL_LIST and now < last + FULL_LIST_INTERVAL:
        return False
    return is_behind(session, authority_id=authority_id, shard=shard)
