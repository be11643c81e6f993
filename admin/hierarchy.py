"""The authorities as a tree, with what is left of each one's life and the state of its lists and answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from admin.by_time import filtered
from admin.certificate_counts import counted_certificates, counted_until
from admin.certificate_view import common_name, describe_key
from ca.issuance.authority import AuthorityRecord, list_authorities
from ca.issuance.model import Certificate
from ca.locations import FULL_LIST
from ca.revocation.model import OcspSigner, RevocationList


@dataclass(frozen=True)
class ListState:
    """The newest revocation list of an authority."""

    number: int
    entries: int
    this_update: datetime
    next_update: datetime


@dataclass(frozen=True)
class AuthorityNode:
    """An authority in the tree.

    :ivar live: certificates that it issued and that count now.
    :ivar revocation_list: None: none was published.
    :ivar ocsp_until: the end of its OCSP responder's certificate; None: it has none.
    """

    name: str
    title: str
    key: str
    is_root: bool
    not_before: datetime
    not_after: datetime
    live: int
    revocation_list: ListState | None
    ocsp_until: datetime | None
    children: tuple[AuthorityNode, ...]


def authority_tree(session: Session, *, now: datetime) -> list[AuthorityNode]:
    """Return the roots, each with the authorities below it."""
    records = list_authorities(session)
    live, lists = _live(session, now=now), newest_lists(session)
    return [_node(session, record, records, live, lists) for record in records if record.issuer_id is None]


def _live(session: Session, *, now: datetime) -> Counter[str]:
    """Return how many certificates of each authority count now: those that were counted, without the revoked ones of
    them, and the register for what was issued since: the register as a whole is not read for a page."""
    until = counted_until(session)
    live = Counter[str]()
    for each in counted_certificates(session, now=now) if until is not None else ():
        live[each.authority_id] += each.in_force
    listed = select(Certificate.authority_id, func.count()).where(
        Certificate.revoked_at.is_not(None), Certificate.not_after >= now
    )
    for authority_id, number in session.execute(listed.group_by(Certificate.authority_id)):
        live[authority_id] -= number
    # Not the column itself: grouped by it, the whole register is read in the order of its index.
    named = func.lower(Certificate.authority_id)
    newer = select(named, func.count()).where(filtered(Certificate.not_after >= now))
    if until is not None:
        newer = newer.where(Certificate.issued_at >= until)
    for authority_id, number in session.execute(newer.group_by(named)):
        live[authority_id] += number
    return live


def newest_lists(session: Session) -> dict[str, ListState]:
    """Return, by authority id, the newest list of the shard whose list ends first, with the entries of all shards."""
    newest = (
        select(RevocationList.authority_id, RevocationList.shard, func.max(RevocationList.number).label("number"))
        .where(RevocationList.shard != FULL_LIST)
        .group_by(RevocationList.authority_id, RevocationList.shard)
        .subquery()
    )
    rows = session.execute(
        select(
            RevocationList.authority_id,
            RevocationList.number,
            RevocationList.entries,
            RevocationList.this_update,
            RevocationList.next_update,
        )
        .join(
            newest,
            (newest.c.authority_id == RevocationList.authority_id)
            & (newest.c.shard == RevocationList.shard)
            & (newest.c.number == RevocationList.number),
        )
        .order_by(RevocationList.next_update.desc())
    ).all()
    entries = Counter[str]()
    for row in rows:
        entries[row.authority_id] += row.entries
    return {
        row.authority_id: ListState(
            number=row.number,
            entries=entries[row.authority_id],
            this_update=row.this_update,
            next_update=row.next_update,
        )
        for row in rows
    }


def _node(
    session: Session,
    record: AuthorityRecord,
    records: list[AuthorityRecord],
    live: Counter[str],
    lists: dict[str, ListState],
) -> AuthorityNode:
    certificate = record.certificate
    return AuthorityNode(
        name=record.name,
        title=common_name(certificate.subject),
        key=describe_key(certificate.public_key()),
        is_root=record.is_root,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        live=max(0, live[record.id]),
        revocation_list=lists.get(record.id),
        ocsp_until=session.scalar(
            select(func.max(OcspSigner.not_after)).where(
                OcspSigner.authority_id == record.id, OcspSigner.certificate_der.is_not(None)
            )
        ),
        children=tuple(
            _node(session, child, records, live, lists) for child in records if child.issuer_id == record.id
        ),
    )
