"""The sequencer: gives a log's committed entries their place in the tree and signs the head, one process at a time.

Events are found by having no place, never by ``id > last``: a transaction that commits late has an old id. Whoever
holds the lease numbers the events, grows the tiles, moves the head and stores the signed checkpoint in one transaction.
The head's row is locked first and changed under its size and fence, so that two processes which both believe to hold
the lease cannot both succeed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, cast

from sqlalchemy import ARRAY, BigInteger, Integer, String, Table, bindparam, func, literal_column, select, update
from sqlalchemy import cast as cast_to
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from audit.anchor import Anchor
from audit.checkpoint import Checkpoint, sign_checkpoint
from audit.merkle import EMPTY_ROOT, hash_leaf
from audit.model import AUDIT_TABLES, LogTables
from audit.signed_log import SignedLog
from audit.tiles import ReadTile, grow, right_edge
from audit.tree_store import HEAD, overlaid, store_tiles, tile_reader
from kernel.clock import MOST_SKEW
from kernel.errors import Conflict, Fault
from kernel.identifiers import new_id
from kernel.late_rows import insert_later, write_rows
from kernel.prefetch import dialect_of
from kernel.prepared import Prepared

LEASE_LIFETIME = timedelta(seconds=5)
BATCH_LIMIT = 1000


class LeaseLostError(Conflict):
    """Another process has taken over sequencing; nothing was changed."""

    default_code = "lease_lost"


class LogDamagedError(Fault):
    """The stored tree is not the one that was signed: nothing is added to it or signed until someone has looked."""

    default_code = "log_damaged"


@dataclass(frozen=True)
class Lease:
    """The right to sequence. ``until`` is a hint, ``fence`` is what the database checks."""

    fence: int
    until: datetime


class Sequencer:
    """One process's sequencer. Any number may run; one works, the others look once a pass and wait.

    :param services: the log; its key must exist (:func:`audit.services.ensure_log_key`).
    """

    def __init__(self, services: SignedLog, *, batch_limit: int = BATCH_LIMIT) -> None:
        self._services = services
        self._holder = new_id()
        self._lease: Lease | None = None
        self._batch_limit = batch_limit

    def run(self) -> int:
        """Sequence what waits, a batch a transaction, and return how many events; 0 also without the lease.

        :raises LogDamagedError: if the stored tree is not what was signed last.
        """
        total = 0
        while True:
            now = self._services.clock.now()
            if not self._hold_lease(now):
                return total
            done = self._run_batch(now)
            total += done
            if done < self._batch_limit:
                return total

    def release(self) -> None:
        """Give the lease up, so that another need not wait for its end."""
        if self._lease is None:
            return
        head = self._services.tables.head
        with self._services.database.transaction() as session:
            session.execute(
                update(head)
                .where(head.id == HEAD, head.fence == self._lease.fence)
                .values(leased_until=None, holder=None)
            )
        self._lease = None

    def _run_batch(self, now: datetime) -> int:
        assert self._lease is not None
        services = self._services
        with services.database.reading() as session:  # an idle pass writes nothing
            if not _waiting(session, services.tables, 1):
                return 0
        try:
            with services.database.transaction() as session:
                done, note = sequence_batch(
                    session, services=services, fence=self._lease.fence, limit=self._batch_limit, now=now
                )
        except LeaseLostError:
            self._lease = None
            return 0
        if note is not None:
            anchor_note(services, note, now=now)
        return done

    def _hold_lease(self, now: datetime) -> bool:
        if self._lease and LEASE_LIFETIME / 2 < self._lease.until - now <= LEASE_LIFETIME:
            return True
        database = self._services.database
        head = self._services.tables.head
        with database.reading() as session:
            row = session.execute(
                select(head.fence, head.holder, head.leased_until).where(head.id == HEAD)
            ).one_or_none()
        if row and row.holder not in (None, self._holder) and _is_held(row.leased_until, now):
            self._lease = None
            return False
        with database.transaction() as session:
            if row is None:
                begin_log(session, log=self._services, now=now)
            self._lease = take_lease(session, tables=self._services.tables, holder=self._holder, now=now)
        return self._lease is not None


def _is_held(leased_until: datetime | None, now: datetime) -> bool:
    return leased_until is not None and now < leased_until <= now + LEASE_LIFETIME + MOST_SKEW


def begin_log(session: Session, *, log: SignedLog, now: datetime) -> None:
    """Make the head of an empty log if there is none."""
    head = log.tables.head
    upsert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    session.execute(
        upsert(head)
        .values(id=HEAD, origin=log.origin, size=0, root=EMPTY_ROOT, fence=0, began_at=now)
        .on_conflict_do_nothing(index_elements=[head.id])
    )


def take_lease(session: Session, *, holder: str, now: datetime, tables: LogTables = AUDIT_TABLES) -> Lease | None:
    """Renew the holder's lease, or take a free or ended one under the next fence; None if another holds it."""
    until, head = now + LEASE_LIFETIME, tables.head
    renewed = session.scalar(
        update(head).where(head.id == HEAD, head.holder == holder).values(leased_until=until).returning(head.fence)
    )
    if renewed is not None:
        return Lease(renewed, until)
    # A lease that lasts longer than any was given by a clock that led: whoever holds it is stopped by the fence.
    ended = (head.leased_until <= now) | (head.leased_until > now + LEASE_LIFETIME + MOST_SKEW)
    free = head.holder.is_(None) | head.leased_until.is_(None) | ended
    taken = session.scalar(
        update(head)
        .where(head.id == HEAD, free)
        .values(holder=holder, leased_until=until, fence=head.fence + 1)
        .returning(head.fence)
    )
    return None if taken is None else Lease(taken, until)


def sequence_batch(
    session: Session, *, services: SignedLog, fence: int | None, limit: int, now: datetime
) -> tuple[int, str | None]:
    """Give up to ``limit`` entries their places, in the caller's transaction.

    :param fence: of the caller's lease. None: without one, for a caller who cannot wait for the lease's holder; the
        head's row is locked all the same, and whoever holds the lease goes on after.
    :returns: how many, and the signed checkpoint of the new head (None if there was nothing to do): hand it to
        :func:`anchor_note` after the commit.
    :raises LeaseLostError: if ``fence`` is not the current one. :raises LogDamagedError: if the tree is not what was
        signed last.
    """
    tables = services.tables
    write_rows(session)  # what is asked below sees what the caller has written
    known = [_Head(*row) for row in _locked_head(tables).fetch(session, {"head": HEAD})]
    if not known or fence not in (None, known[0].fence):
        raise LeaseLostError("Another process has taken over.")
    head, rows = known[0], _waiting(session, tables, limit)
    if not rows:
        return 0, None
    read = tile_reader(session, tables)
    signed = next(iter(_newest_checkpoint(tables).fetch(session, {"most": 1})), None)
    _require_undamaged(read, head.size, head.root, _Signed(*signed) if signed else None, services.anchors.last())
    _place_entries(session, tables, [entry_id for entry_id, _ in rows], first=head.size)
    changed = grow(head.size, [hash_leaf(leaf) for _, leaf in rows], read)
    store_tiles(session, changed, tables)
    size = head.size + len(rows)
    root = right_edge(size, overlaid(read, changed)).root()
    was = {"head": HEAD, "held_fence": head.fence, "held_size": head.size}
    new_root = root.hex() if dialect_of(session) == "postgresql" else root
    if not _moved_head(tables).fetch(session, was | {"new_size": size, "new_root": new_root, "moment": now}):
        raise LeaseLostError("Another process has taken over.")
    note = sign_checkpoint(Checkpoint(head.origin, size, root), services.log_signer)
    signed_head = {"size": size, "root": root, "note": note, "signed_at": now}
    insert_later(session, cast(Table, cast(Any, tables.checkpoint).__table__), signed_head)
    services.placed(session, rows, first=head.size)
    return len(rows), note


def anchor_note(log: SignedLog, note: str, *, now: datetime) -> None:
    """Write the signed checkpoint outside the database, once its transaction is committed."""
    log.anchors.append(note, key=log.log_key(note.split("\n", 1)[0]), now=now)


def _place_entries(session: Session, tables: LogTables, entry_ids: Sequence[str], *, first: int) -> None:
    """Give the entries the places from ``first`` on."""
    entry = tables.entry
    places = range(first, first + len(entry_ids))
    if dialect_of(session) == "postgresql":
        given = json.dumps(dict(zip(entry_ids, places, strict=True)))
        _placing(tables).write(session, {"entry_ids": entry_ids, "places": given})
        return
    session.execute(
        update(entry.__table__)  # type: ignore[attr-defined]
        .where(entry.id == bindparam("entry_id"), entry.log_index.is_(None))
        .values(log_index=bindparam("place")),
        [{"entry_id": entry_id, "place": place} for entry_id, place in zip(entry_ids, places, strict=True)],
    )


def _waiting(session: Session, tables: LogTables, limit: int) -> Sequence[tuple[str, bytes]]:
    found = _waiting_entries(tables).fetch(session, {"most": limit})
    return [(entry_id, leaf) for entry_id, leaf in found]


class _Head(NamedTuple):
    origin: str
    size: int
    root: bytes
    fence: int


class _Signed(NamedTuple):
    size: int
    root: bytes


@lru_cache(maxsize=8)
def _waiting_entries(tables: LogTables) -> Prepared:
    entry = tables.entry
    return Prepared(
        lambda _: (
            select(entry.id, entry.leaf)
            .where(entry.log_index.is_(None))
            .order_by(entry.occurred_at, entry.id)
            .limit(bindparam("most", type_=Integer))
        )
    )


@lru_cache(maxsize=8)
def _locked_head(tables: LogTables) -> Prepared:
    head = tables.head
    return Prepared(
        lambda _: (
            select(head.origin, head.size, head.root, head.fence).where(head.id == bindparam("head")).with_for_update()
        )
    )


@lru_cache(maxsize=8)
def _placing(tables: LogTables) -> Prepared:
    """Return what gives entries their places, by their keys, whatever the server takes the table to hold.

    Joined to a list, and with a condition that an index has, it was planned to go through all that waits for each of
    them: a thousand took a second.
    """
    entry = tables.entry
    places: Any = bindparam("places", type_=JSONB)
    return Prepared(
        lambda _: (
            update(entry)
            .where(
                entry.id == func.any(bindparam("entry_ids", type_=ARRAY(String))),
                func.coalesce(entry.log_index, literal_column("-1")) < literal_column("0"),
            )
            .values(log_index=cast_to(places[entry.id].astext, BigInteger))
        )
    )


@lru_cache(maxsize=8)
def _moved_head(tables: LogTables) -> Prepared:
    """Return what moves the head from where it was seen; it gives a row if it was still there."""
    head = tables.head

    def build(dialect: str) -> Any:
        given: Any = bindparam("new_root")  # octets: what goes to PostgreSQL prepared is text
        octets = func.decode(given, literal_column("'hex'")) if dialect == "postgresql" else given
        return (
            update(head)
            .where(
                head.id == bindparam("head"),
                head.fence == bindparam("held_fence"),
                head.size == bindparam("held_size"),
            )
            .values(size=bindparam("new_size"), root=octets, sequenced_at=bindparam("moment"))
            .returning(head.id)
            .execution_options(synchronize_session=False)
        )

    return Prepared(build)


@lru_cache(maxsize=8)
def _newest_checkpoint(tables: LogTables) -> Prepared:
    checkpoint = tables.checkpoint
    return Prepared(
        lambda _: (
            select(checkpoint.size, checkpoint.root)
            .order_by(checkpoint.size.desc())
            .limit(bindparam("most", type_=Integer))
        )
    )


def _require_undamaged(read: ReadTile, size: int, root: bytes, signed: _Signed | None, anchor: Anchor | None) -> None:
    """A log signs nothing that contradicts what it signed before (C2SP tlog-checkpoint, "Signatures")."""
    edges = {size: right_edge(size, read).root()}
    claims = [(size, root)]
    claims += [(signed.size, signed.root)] if signed else []
    claims += [(anchor.size, anchor.root)] if anchor else []
    for claimed_size, claimed_root in claims:
        if claimed_size > size:
            raise LogDamagedError(f"A tree of {claimed_size} was signed and the database has one of {size}.")
        if claimed_size not in edges:
            edges[claimed_size] = right_edge(claimed_size, read).root()
        if edges[claimed_size] != claimed_root:
            raise LogDamagedError(f"The stored tree is not the one of {claimed_size} entries that was signed.")
