"""How an authority's lists are arranged: over how many shards, and with or without deltas."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from ca.issuance.authority import load_authority
from ca.issuance.model import Authority
from ca.locations import FULL_LIST
from ca.revocation.model import CrlSeries, RevocationList
from ca.services import CaServices
from kernel.errors import Denied, Rejected

MOST_SHARDS = 1024


@dataclass(frozen=True)
class ListSummary:
    """The newest list of one shard.

    :ivar shard: or :data:`ca.locations.FULL_LIST`.
    :ivar delta_base: number of the complete list that the delta beside it goes on from; None: there is no delta.
    """

    authority: str
    shard: int
    number: int
    entries: int
    this_update: datetime
    next_update: datetime
    octets: int
    delta_base: int | None


def arrange_lists(
    session: Session,
    *,
    services: CaServices,
    authority: str,
    shards: int | None,
    delta: bool | None,
    actor: str,
    now: datetime,
) -> tuple[int, bool]:
    """Change how the lists of an issuing authority are arranged; return shards and whether there are deltas.

    Certificates that were issued before stay on the list that they name; new ones are spread over all shards.

    :raises NotFound: ``unknown_authority``. :raises Denied: (``root_has_one_list``). :raises Rejected: ``bad_shards``.
    """
    record = load_authority(session, authority)
    if record.is_root:
        raise Denied("A root has one list.", code="root_has_one_list")
    if shards is not None and not 1 <= shards <= MOST_SHARDS:
        raise Rejected(f"An authority has 1 to {MOST_SHARDS} shards.", code="bad_shards")
    chosen = (record.crl_shards if shards is None else shards, record.delta_lists if delta is None else delta)
    if chosen != (record.crl_shards, record.delta_lists):
        session.execute(
            update(Authority).where(Authority.id == record.id).values(crl_shards=chosen[0], delta_lists=chosen[1])
        )
        services.journal.record(
            session,
            Event(
                type=EventType.AUTHORITY_LISTS_CHANGED,
                actor=actor,
                object_id=record.id,
                details={"authority": record.name, "shards": chosen[0], "delta_lists": chosen[1]},
            ),
            now=now,
        )
    return chosen


def newest_lists(session: Session) -> list[ListSummary]:
    """Return the newest list of each authority and shard, the full ones last, without their content."""
    rows = session.execute(
        select(
            Authority.name,
            RevocationList.shard,
            RevocationList.number,
            RevocationList.entries,
            RevocationList.this_update,
            RevocationList.next_update,
            func.length(RevocationList.der),
            RevocationList.delta_base,
        )
        .join(Authority, Authority.id == RevocationList.authority_id)
        .join(
            CrlSeries,
            (CrlSeries.authority_id == RevocationList.authority_id)
            & (CrlSeries.shard == RevocationList.shard)
            & (CrlSeries.published_number == RevocationList.number),
        )
        .order_by(Authority.name, RevocationList.shard)
    )
    return sorted((ListSummary(*row) for row in rows), key=lambda each: (each.authority, each.shard == FULL_LIST))
