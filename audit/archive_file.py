"""An archive of a year's records, read back and held against the tree that stayed in the database."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.bundle import LEAVES, UNREADABLE
from audit.checkpoint import CheckpointError, verify_checkpoint
from audit.cosigned import published_checkpoint
from audit.findings import Finding, FindingKind
from audit.log_source import DatabaseLog
from audit.merkle import hash_leaf, inclusion_proof
from audit.proofs import EntryProof
from audit.signed_log import SignedLog, key_in_use
from audit.tiles import ENTRY_LIMIT, right_edge, subtree_from
from audit.tree_store import tile_reader
from kernel.errors import Fault, NotFound, Rejected

ARCHIVE, FORMAT = "archive.json", "sau-audit-archive/1"
_PAGE = 4096


@dataclass(frozen=True)
class Archive:
    """A file of the records from ``first`` up to ``stop``, the latter not included."""

    path: Path
    origin: str
    first: int
    stop: int

    @classmethod
    def open(cls, path: Path) -> Archive:
        """Read what an archive says of itself. :raises Rejected: (``bad_archive``) if it is none."""
        try:
            with zipfile.ZipFile(path) as bundle:
                head = json.loads(bundle.read(ARCHIVE))
            if head["format"] != FORMAT:
                raise ValueError
            return cls(path, str(head["origin"]), int(head["first"]), int(head["stop"]))
        except UNREADABLE as error:
            raise Rejected(f"{path} is no archive of this service.", code="bad_archive") from error

    def records(self) -> Iterator[tuple[int, bytes]]:
        """Yield place and leaf of each record."""
        with zipfile.ZipFile(self.path) as bundle, bundle.open(LEAVES) as lines:
            index = self.first
            while line := lines.readline(ENTRY_LIMIT + 2):
                yield index, line.removesuffix(b"\n")
                index += 1

    def first_bad(self, session: Session, log: SignedLog) -> Finding | None:
        """Return the first record that is not the one which was logged, None if all are.

        The hashes that stayed in the database say which record; the signed heads at both ends say that they are right.
        """
        place = self.path.name
        try:
            edge = right_edge(self.first, tile_reader(session, log.tables))
            if self.first and edge.root() != _signed_root(session, log, self.first):
                return _tree_changed(self.first, place)
            expected = _stored_hashes(session, log, self.first, self.stop)
            for (index, leaf), wanted in zip_longest(self.records(), expected, fillvalue=(None, None)):
                if index is None:
                    at = edge.size
                    return Finding(FindingKind.REMOVED, at, None, f"the archive {place} ends before its last record")
                if not isinstance(wanted, bytes):
                    return Finding(FindingKind.INSERTED, index, None, f"the archive {place} has more than was logged")
                if leaf is None or hash_leaf(leaf) != wanted:
                    detail = f"the record in the archive {place} is not the one that was logged"
                    return Finding(FindingKind.CHANGED, index, _name(leaf), detail)
                edge.append(wanted)
        except UNREADABLE as error:
            detail = f"the archive {place} cannot be read further ({type(error).__name__})"
            return Finding(FindingKind.CHANGED, self.first, None, detail)
        except Fault:
            return _tree_changed(self.first, place)
        if edge.size != self.stop or edge.root() != _signed_root(session, log, self.stop):
            return _tree_changed(self.stop, place)
        return None

    def prove(self, session: Session, log: SignedLog, event_id: str) -> EntryProof:
        """Return the proof of an archived event. :raises NotFound: (``event_not_found``) if it is not in here."""
        wanted = f'"id":"{event_id}"'.encode()
        for index, leaf in self.records():
            if wanted in leaf and _name(leaf) == event_id:
                key = key_in_use(session, log)
                head = published_checkpoint(session, origin=key.name, tables=log.tables, above=index)
                hashes = inclusion_proof(index, head.size, subtree_from(tile_reader(session, log.tables)))
                return EntryProof(leaf, index, tuple(hashes), head.note, str(key))
        raise NotFound(f"There is no such event in {self.path.name}.", code="event_not_found")


def _stored_hashes(session: Session, log: SignedLog, first: int, stop: int) -> Iterator[bytes]:
    source = DatabaseLog(session, anchors=(), default_origin=log.origin, tables=log.tables, columns=())
    for start in range(first, stop, _PAGE):
        yield from source.leaf_hashes(start, min(stop, start + _PAGE))


def _signed_root(session: Session, log: SignedLog, size: int) -> bytes | None:
    """Return the root that the log's key signed for ``size``, None if there is none."""
    note = session.scalar(select(log.tables.checkpoint.note).where(log.tables.checkpoint.size == size))
    try:
        return None if note is None else verify_checkpoint(note, expected_key=key_in_use(session, log)).root
    except CheckpointError:
        return None


def _tree_changed(index: int, place: str) -> Finding:
    detail = f"the stored tree does not lead to the signed heads around the archive {place}"
    return Finding(FindingKind.TREE_CHANGED, index, None, detail)


def _name(leaf: bytes | None) -> str | None:
    try:
        return str(json.loads(leaf or b"")["id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
