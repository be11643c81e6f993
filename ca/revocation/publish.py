"""Publishing lists: a number, what was revoked, a signature, and one newest list that is never served stale."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from ca.issuance.authority import AuthorityRecord, authority_chain
from ca.issuance.model import Authority
from ca.locations import FIRST_SHARD, FULL_LIST, crl_file, crl_url, delta_url
from ca.revocation.crl import DELTA_LIFETIME, LIST_LIFETIME, ROOT_LIST_LIFETIME, ListFrame, build_list
from ca.revocation.crl_entries import ListedCertificate
from ca.revocation.listed import read_gone, read_listed, read_released
from ca.revocation.model import RevocationList
from ca.revocation.series import Turn, claim_publication, take_turn
from ca.services import CaServices
from kernel.errors import NotFound, Unavailable
from kernel.identifiers import sha256_hex
from keys.signer import Signer


@dataclass(frozen=True)
class PublishedList:
    """A list as it is served.

    :ivar shard: or :data:`ca.locations.FULL_LIST`.
    :ivar der: the CertificateList. :ivar sha256: of ``der``, lower-case hex.
    :ivar is_delta: whether it only says what changed since a complete list.
    """

    authority: str
    shard: int
    number: int
    this_update: datetime
    next_update: datetime
    entries: int
    sha256: str
    der: bytes
    is_delta: bool = False


@dataclass(frozen=True)
class _Delta:
    """What a delta says: the changes since a complete list."""

    base_number: int
    entries: list[ListedCertificate]


@dataclass(frozen=True)
class _Contents:
    """What the lists of one turn say."""

    turn: Turn
    listed: list[ListedCertificate]
    expired_since: datetime | None
    delta: _Delta | None


def publish_list(
    services: CaServices, *, authority_id: str, signer: Signer, shard: int = FIRST_SHARD, scheduled: bool
) -> PublishedList:
    """Build, sign and publish the authority's list of one shard; return the newest, which is this one or a later one.

    Two transactions: the first takes the number and reads what is revoked, the second publishes list and event
    together. The signature is made in between, so that nobody waits for a key. A publisher that was overtaken keeps
    its list to itself: the later number read later, and says at least as much.

    :param signer: the authority's key; for a root, from the ceremony's store.
    :param shard: or :data:`ca.locations.FULL_LIST`.
    :param scheduled: a regular list, as against one that a revocation brought about.
    """
    now = services.clock.now()
    with services.database.transaction() as session:
        authority = authority_chain(session, authority_id)[0]
        contents = _take_contents(session, authority, shard=shard, now=now)
    frame = _frame(services, authority, shard=shard, number=contents.turn.number, now=now)
    der = build_list(frame, contents.listed, signer=signer)
    delta_frame, delta_der = None, None
    if contents.delta is not None:
        delta_frame = replace(frame, lifetime=DELTA_LIFETIME, base_number=contents.delta.base_number)
        delta_der = build_list(delta_frame, contents.delta.entries, signer=signer)
    row = RevocationList(
        authority_id=authority_id,
        shard=shard,
        number=contents.turn.number,
        revision=contents.turn.revision,
        scheduled=scheduled,
        this_update=frame.this_update,
        next_update=frame.next_update,
        entries=len(contents.listed),
        sha256=sha256_hex(der),
        der=der,
        expired_since=contents.expired_since,
        delta_base=contents.delta.base_number if contents.delta else None,
        delta_next_update=delta_frame.next_update if delta_frame else None,
        delta_der=delta_der,
    )
    with services.database.transaction() as session:
        if not claim_publication(session, authority_id=authority_id, shard=shard, number=row.number):
            return current_list(session, authority_name=authority.name, shard=shard, now=now)
        session.add(row)
        _record(session, services, authority, row, delta=contents.delta, now=now)
        return _published(authority.name, row)


def current_list(session: Session, *, authority_name: str, shard: int, now: datetime) -> PublishedList:
    """Return the newest list.

    :raises NotFound: (``unknown_list``) if there is none.
    :raises Unavailable: (``list_expired``) if its nextUpdate has passed: a stale list is never served.
    """
    row = _newest(session, authority_name=authority_name, shard=shard)
    if row.next_update <= now:
        raise Unavailable("The revocation list is past its next update; a new one is due.", code="list_expired")
    return _published(authority_name, row)


def current_delta(session: Session, *, authority_name: str, shard: int, now: datetime) -> PublishedList:
    """Return the delta beside the newest list.

    :raises NotFound: (``unknown_list``) if it has none. :raises Unavailable: as :func:`current_list`.
    """
    row = _newest(session, authority_name=authority_name, shard=shard)
    if row.delta_der is None or row.delta_next_update is None:
        raise NotFound("There is no such revocation list.", code="unknown_list")
    if row.delta_next_update <= now:
        raise Unavailable("The revocation list is past its next update; a new one is due.", code="list_expired")
    return replace(
        _published(authority_name, row),
        der=row.delta_der,
        sha256=sha256_hex(row.delta_der),
        next_update=row.delta_next_update,
        is_delta=True,
    )


def last_regular_at(session: Session, *, authority_id: str, shard: int) -> datetime | None:
    """Return thisUpdate of the newest regular list, None before the first."""
    return session.scalar(
        select(RevocationList.this_update)
        .where(
            RevocationList.authority_id == authority_id,
            RevocationList.shard == shard,
            RevocationList.scheduled.is_(True),
        )
        .order_by(RevocationList.number.desc())
        .limit(1)
    )


def _take_contents(session: Session, authority: AuthorityRecord, *, shard: int, now: datetime) -> _Contents:
    turn = take_turn(session, authority_id=authority.id, shard=shard)
    expired_since = last_regular_at(session, authority_id=authority.id, shard=shard)
    listed = read_listed(session, authority_id=authority.id, shard=shard, expired_since=expired_since)
    delta = None
    if authority.delta_lists and shard != FULL_LIST and not authority.is_root:
        delta = _delta_contents(session, authority, shard=shard, expired_since=expired_since, now=now)
    return _Contents(turn, list(listed), expired_since, delta)


def _delta_contents(
    session: Session, authority: AuthorityRecord, *, shard: int, expired_since: datetime | None, now: datetime
) -> _Delta | None:
    """The changes since the oldest regular list that is still valid: whoever has a valid one can go on from it."""
    base = session.execute(
        select(RevocationList.number, RevocationList.revision, RevocationList.expired_since)
        .where(
            RevocationList.authority_id == authority.id,
            RevocationList.shard == shard,
            RevocationList.scheduled.is_(True),
            RevocationList.next_update > now,
        )
        .order_by(RevocationList.number)
        .limit(1)
    ).one_or_none()
    if base is None:
        return None
    changed = read_listed(
        session,
        authority_id=authority.id,
        shard=shard,
        expired_since=expired_since,
        after_revision=base.revision,
    )
    gone = read_gone(
        session, authority_id=authority.id, shard=shard, still_on=base.expired_since, expired_since=expired_since
    )
    released = read_released(session, authority_id=authority.id, shard=shard, after_revision=base.revision)
    return _Delta(base.number, [*changed, *gone, *released])


def _frame(services: CaServices, authority: AuthorityRecord, *, shard: int, number: int, now: datetime) -> ListFrame:
    issuer = services.settings.issuer
    covers_all = authority.is_root or shard == FULL_LIST
    has_delta = authority.delta_lists and not covers_all
    return ListFrame(
        authority=authority.certificate,
        number=number,
        this_update=now.replace(microsecond=0),
        lifetime=ROOT_LIST_LIFETIME if authority.is_root else LIST_LIFETIME,
        distribution_point=None if covers_all else crl_url(issuer, authority.name, shard),
        delta_address=delta_url(issuer, authority.name, shard) if has_delta else None,
    )


def _record(
    session: Session,
    services: CaServices,
    authority: AuthorityRecord,
    row: RevocationList,
    *,
    delta: _Delta | None,
    now: datetime,
) -> None:
    event = Event(
        type=EventType.CRL_PUBLISHED,
        object_id=crl_file(authority.name, row.shard).removesuffix(".crl"),
        details={
            "authority": authority.name,
            "shard": row.shard,
            "number": row.number,
            "entries": row.entries,
            "this_update": row.this_update.isoformat(),
            "next_update": row.next_update.isoformat(),
            "sha256": row.sha256,
            "scheduled": row.scheduled,
            "delta_base": row.delta_base,
            "delta_entries": len(delta.entries) if delta else None,
            "delta_sha256": sha256_hex(row.delta_der) if row.delta_der else None,
        },
    )
    services.journal.record(session, event, now=now)


def _newest(session: Session, *, authority_name: str, shard: int) -> RevocationList:
    row = session.execute(
        select(RevocationList)
        .join(Authority, Authority.id == RevocationList.authority_id)
        .where(Authority.name == authority_name, RevocationList.shard == shard)
        .order_by(RevocationList.number.desc())
        .limit(1)
    ).scalar_one_or_none()
    if row is None:
        raise NotFound("There is no such revocation list.", code="unknown_list")
    return row


def _published(authority_name: str, row: RevocationList) -> PublishedList:
    return PublishedList(
        authority=authority_name,
        shard=row.shard,
        number=row.number,
        this_update=row.this_update,
        next_update=row.next_update,
        entries=row.entries,
        sha256=row.sha256,
        der=row.der,
    )
