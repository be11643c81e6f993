"""Recomputes the whole log from what is stored and compares it with everything that was ever signed.

Nothing stored is believed but signatures. Between two signed tree heads, records and stored leaf hashes are each hashed
up to the second head: the side that leads to its root is right, and tells what is wrong with the other. When neither
does, someone changed both; then the signed heads bound the place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from audit.checkpoint import CheckpointError, LogKey, verify_checkpoint
from audit.diagnosis import Anomalies, check_record
from audit.findings import Finding, FindingKind, LogTamperedError, VerificationReport
from audit.log_source import LogSource, Row, StoredHead
from audit.merkle import CompactRange, hash_leaf, tree_root
from audit.missing_numbers import Numbers
from audit.tiles import WIDTH, split_hashes
from kernel.errors import Fault

_PAGE = 16 * WIDTH

Progress = Callable[[int, int], None]
# Judges a record whose hash is right, at its place.
RecordCheck = Callable[[int, Row], Finding | None]


@dataclass
class _Signed:
    """Tree heads that a signature stands for, and what is wrong with the others."""

    roots: dict[int, bytes] = field(default_factory=dict)
    checkpoints: int = 0
    anchors: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def end(self) -> int:
        return max(self.roots, default=0)


def verify_log(
    source: LogSource,
    *,
    log_key: Callable[[str], LogKey],
    since: int = 0,
    waiting: int = 0,
    progress: Progress | None = None,
    check: RecordCheck = check_record,
) -> VerificationReport:
    """Verify the log that ``source`` holds.

    :param log_key: gives the public key under which a log of the given origin signs; it must not come from ``source``.
    :param since: rest on the last signed head at or before this place instead of beginning at 0.
    :param progress: called with records done and records in all.
    :param check: judges each record whose hash is right.
    :returns: the report of an intact log.
    :raises LogTamperedError: with the report, the first bad record first.
    """
    head = source.head()
    signed = _gather_signed(source, head, log_key(head.origin))
    start, edge = _base(source, signed, since)
    walk = _Walk(source, signed, start, edge, progress, check)
    walk.run()
    findings = signed.findings + walk.findings
    if not walk.lost:
        findings += _check_head(source, head, walk.edge, walk.anomalies)
        findings += _check_upper_tiles(source, walk.level_one) if start == 0 else []
    strays = list(source.strays(max(signed.end, head.size)))
    findings += walk.anomalies.diagnose(end=signed.end, strays=strays)
    findings.sort(key=lambda finding: finding.index)
    report = VerificationReport(
        origin=head.origin,
        first_index=start,
        size=signed.end,
        checkpoints=signed.checkpoints,
        anchors=signed.anchors,
        waiting=waiting,
        missing_numbers=walk.numbers.missing(row.leaf for row in strays),
        findings=tuple(findings),
    )
    if findings:
        raise LogTamperedError(report)
    return report


def _gather_signed(source: LogSource, head: StoredHead, key: LogKey) -> _Signed:
    signed = _Signed()

    def bad(kind: FindingKind, size: int, detail: str) -> None:
        signed.findings.append(Finding(kind, size, None, detail))

    for stored in source.checkpoints():
        try:
            checkpoint = verify_checkpoint(stored.note, expected_key=key)
        except CheckpointError as error:
            bad(FindingKind.CHECKPOINT_FORGED, stored.size, error.public_detail)
            continue
        signed.checkpoints += 1
        if (checkpoint.size, checkpoint.root) != (stored.size, stored.root):
            bad(FindingKind.CHECKPOINT_FORGED, stored.size, "its columns do not repeat what is signed")
        if signed.roots.setdefault(checkpoint.size, checkpoint.root) != checkpoint.root:
            bad(FindingKind.CHECKPOINT_FORGED, checkpoint.size, "two trees of this size were signed")
    stored_sizes = set(signed.roots)
    for anchor in source.anchors():
        if not anchor.readable:
            continue  # the line that a crash cut
        signed.anchors += 1
        if signed.roots.get(anchor.size) == anchor.root:
            continue
        try:
            anchor.verify(origin=head.origin, expected_key=key)
        except CheckpointError as error:
            bad(FindingKind.ANCHOR_DAMAGED, anchor.size, f"{anchor.source}: {error.public_detail}")
            continue
        if anchor.size in signed.roots:
            bad(FindingKind.CHECKPOINT_FORGED, anchor.size, f"{anchor.source}: another tree of this size was signed")
        signed.roots.setdefault(anchor.size, anchor.root)
    for size in sorted(set(signed.roots) - stored_sizes):
        if size <= head.size:
            bad(FindingKind.CHECKPOINT_REMOVED, size, "an anchor has it and the database does not")
    if head.size > signed.end:
        detail = f"the head states {head.size} records, and no signature covers those from here on"
        bad(FindingKind.CHECKPOINT_REMOVED, signed.end, detail)
    return signed


def _base(source: LogSource, signed: _Signed, since: int) -> tuple[int, CompactRange]:
    start = max((size for size in signed.roots if size <= since), default=0)
    try:
        edge = source.edge(start)
    except (Fault, TypeError):  # a tile that is cut, or on SQLite no octets at all
        return 0, CompactRange()
    return (start, edge) if edge.root() == signed.roots.get(start) else (0, CompactRange())


class _Walk:
    """One pass over records and stored leaf hashes, from signed head to signed head."""

    def __init__(
        self,
        source: LogSource,
        signed: _Signed,
        start: int,
        edge: CompactRange,
        progress: Progress | None,
        check: RecordCheck,
    ) -> None:
        self._source = source
        self._signed = signed
        self._progress = progress
        self._check_record = check
        self.edge = edge
        self.lost = False
        self.level_one: list[bytes] = []
        self.anomalies = Anomalies()
        self.numbers = Numbers(from_the_beginning=start == 0)
        self.findings: list[Finding] = []
        self._unfolded: list[bytes] = []

    def run(self) -> None:
        rows: list[list[Row]] = []
        hashes: list[bytes | None] = []
        ends = iter(sorted(size for size in self._signed.roots if size > self.edge.size))
        end = next(ends, None)
        for page_rows, page_hashes in self._pages(self.edge.size, self._signed.end):
            rows += page_rows
            hashes += page_hashes
            done = 0
            while end is not None and not self.lost and end - self.edge.size <= len(rows) - done:
                count = end - self.edge.size
                self._check(rows[done : done + count], hashes[done : done + count], self._signed.roots[end])
                done, end = done + count, next(ends, None)
            del rows[:done], hashes[:done]
            if self._progress:
                self._progress(self.edge.size, self._signed.end)
            if self.lost or self.anomalies.full:
                self.lost = True
                return

    def _pages(self, start: int, end: int) -> Iterator[tuple[list[list[Row]], list[bytes | None]]]:
        while start < end:
            stop = min(end, (start // _PAGE + 1) * _PAGE)
            rows: list[list[Row]] = [[] for _ in range(start, stop)]
            for row in self._source.rows(start, stop):
                if row.index is not None:  # no number: nothing stands at that place
                    rows[row.index - start].append(row)
            hashes: list[bytes | None] = list(self._source.leaf_hashes(start, stop))
            yield rows, hashes + [None] * (stop - start - len(hashes))
            start = stop

    def _check(self, rows: list[list[Row]], hashes: Sequence[bytes | None], root: bytes) -> None:
        """Check one interval between signed heads."""
        stored = [each for each in hashes if each is not None]
        present = [hash_leaf(each[0].leaf) for each in rows if each]
        start = self.edge.size
        if len(stored) == len(rows) and self._leads_to(stored, root):
            self._accept(stored, rows)
        elif len(present) == len(rows) and self._leads_to(present, root):
            differing = next(at for at in range(len(rows)) if hashes[at] != present[at])
            detail = "the record is good, the stored hash of it is not"
            self.findings.append(
                Finding(FindingKind.TREE_CHANGED, start + differing, rows[differing][0].event_id, detail)
            )
            self._accept(present, rows)
        else:
            self.findings.append(self._bound(rows, hashes))
            self.lost = True

    def _leads_to(self, leaf_hashes: list[bytes], root: bytes) -> bool:
        grown = self.edge.copy()
        grown.extend(leaf_hashes)
        return grown.root() == root

    def _accept(self, leaf_hashes: list[bytes], rows: list[list[Row]]) -> None:
        for at, (expected, standing) in enumerate(zip(leaf_hashes, rows, strict=True)):
            index = self.edge.size + at
            good = self.anomalies.note(index, expected, standing)
            finding = self._check_record(index, good) if good else None
            if good:
                self.numbers.note(good.leaf)
            if finding and len(self.findings) < 1000:
                self.findings.append(finding)
        self.edge.extend(leaf_hashes)
        self._unfolded += leaf_hashes
        while len(self._unfolded) >= WIDTH:
            self.level_one.append(tree_root(self._unfolded[:WIDTH]))
            del self._unfolded[:WIDTH]

    def _bound(self, rows: list[list[Row]], hashes: Sequence[bytes | None]) -> Finding:
        """Name the place as well as it can be named when records and stored hashes were both changed."""
        start, stop = self.edge.size, self.edge.size + len(rows)
        for at, (standing, stored) in enumerate(zip(rows, hashes, strict=True)):
            if not standing and not self._source.rows(start + at, self._signed.end):
                missing = self._signed.end - start - at
                detail = f"{missing} records are missing from here to the end, and their hashes with them"
                return Finding(FindingKind.TAIL_CUT, start + at, None, detail)
            if not standing:
                return Finding(
                    FindingKind.REMOVED, start + at, None, "the record is missing, the stored tree was changed"
                )
            if hash_leaf(standing[0].leaf) != stored:
                detail = (
                    f"the first visible difference; records and stored tree were both changed in {start}..{stop - 1}"
                )
                return Finding(FindingKind.CHANGED, start + at, standing[0].event_id, detail)
        name = rows[0][0].event_id if len(rows) == 1 else None
        detail = f"a record of {start}..{stop - 1} was changed and the stored tree made to fit; no signature fits"
        return Finding(FindingKind.CHANGED, start, name, detail)


def _check_head(source: LogSource, head: StoredHead, edge: CompactRange, anomalies: Anomalies) -> list[Finding]:
    findings = []
    if head.size < edge.size and edge.size - 1 not in anomalies.expected:
        detail = f"the head states {head.size} records, {edge.size} were signed"
        findings.append(Finding(FindingKind.TREE_CHANGED, max(head.size, 0), None, detail))
    elif head.size == edge.size and head.root != edge.root():
        findings.append(Finding(FindingKind.TREE_CHANGED, edge.size, None, "the stored root is not the signed one"))
    if head.size <= edge.size and source.leaf_hashes(edge.size, edge.size + 1):
        findings.append(
            Finding(FindingKind.TREE_CHANGED, edge.size, None, "the stored tree has more hashes than records")
        )
    return findings


def _check_upper_tiles(source: LogSource, level_one: list[bytes]) -> list[Finding]:
    """Compare tiles above the leaves, which others read, with those that follow from the leaves."""
    stored = source.upper_tiles()
    if stored is None:
        return []
    expected: dict[tuple[int, int], list[bytes]] = {}
    level, hashes = 1, level_one
    while hashes:
        for at in range(0, len(hashes), WIDTH):
            expected[level, at // WIDTH] = hashes[at : at + WIDTH]
        hashes = [tree_root(hashes[at : at + WIDTH]) for at in range(0, len(hashes) - WIDTH + 1, WIDTH)]
        level += 1
    findings = []
    for tile, octets in stored:
        wanted = expected.pop((tile.level or 0, tile.number), [])
        if len(octets) % 32 or split_hashes(octets) != wanted:
            expected[tile.level or 0, tile.number] = wanted
    for level, number in expected:
        index = number * WIDTH ** (level + 1) if 0 < level <= 7 and number > 0 else 0
        findings.append(Finding(FindingKind.TREE_CHANGED, index, None, f"stored tile {level}/{number} is wrong"))
    return findings
