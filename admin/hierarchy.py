"""The authorities as a tree, with what is left of each one's life and the state of its lists and answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

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
    rows = session.execute(
        select(Certificate.authority_id, func.count())
        .where(Certificate.revoked_at.is_(None), Certificate.not_after >= now)
        .group_by(Certificate.authority_id)
    )
    live = {row[0]: int(row[1]) for row in rows}
    return [_node(session, record, records, live) for record in records if record.issuer_id is None]


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
    session: Session, record: AuthorityRecord, records: list[AuthorityRecord], live: dict[str, int]
) -> AuthorityNode:
    certificate = record.certificate
    return AuthorityNode(
        name=record.name,
        title=common_name(certificate.subject),
        key=describe_key(certificate.public_key()),
        is_root=record.is_root,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        live=live.get(record.id, 0),
        revocation_list=newest_lists(session).get(record.id),
        ocsp_until=session.scalar(
            select(func.max(OcspSigner.not_after)).where(
                OcspSigner.authority_id == record.id, OcspSigner.certificate_der.is_not(None)
            )
        ),
        children=tuple(_node(session, child, records, live) for child in records if child.issuer_id == record.id),
    )
