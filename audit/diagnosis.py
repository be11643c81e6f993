"""From "these hashes differ" to what was done: changed, removed, moved, inserted, cut."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from audit.event import canonical_json
from audit.findings import Finding, FindingKind
from audit.journal import COLUMNS
from audit.log_source import Row
from audit.merkle import hash_leaf

MOST = 1000  # findings after which counting serves nobody


@dataclass
class Anomalies:
    """Where records and the true tree differ.

    :ivar expected: place → leaf hash that belongs there and does not stand there.
    :ivar standing: place → the record that stands there instead.
    :ivar extra: records that no place of the tree has.
    """

    expected: dict[int, bytes] = field(default_factory=dict)
    standing: dict[int, Row] = field(default_factory=dict)
    extra: list[Row] = field(default_factory=list)

    def note(self, index: int, expected: bytes, rows: list[Row]) -> Row | None:
        """Compare what stands at ``index`` with what belongs there; return the good record if it does."""
        good = next((row for row in rows if hash_leaf(row.leaf) == expected), None)
        others = [row for row in rows if row is not good]
        if good is None:
            self.expected[index] = expected
            if others:
                self.standing[index] = others.pop(0)
        self.extra.extend(others)
        return good

    @property
    def full(self) -> bool:
        """Whether enough was found."""
        return len(self.expected) + len(self.extra) >= MOST

    def diagnose(self, *, end: int, strays: Iterable[Row]) -> list[Finding]:
        """Say what was done.

        :param end: the number of records that the tree has.
        :param strays: records that stand outside of [0, end) or have no place (the latter may just be waiting).
        """
        unplaced = list(strays)
        misplaced = [*self.standing.values(), *self.extra, *unplaced]
        elsewhere = {hash_leaf(row.leaf): row for row in misplaced}
        cut_from = self._cut_from(end)
        wanted = set(self.expected.values())
        findings = []
        for index, expected in self.expected.items():
            row, found = self.standing.get(index), elsewhere.get(expected)
            if row is not None:
                kind, detail = _explain(row, found, known=hash_leaf(row.leaf) in wanted)
                findings.append(Finding(kind, index, row.event_id, detail))
            elif found is not None:
                findings.append(
                    Finding(FindingKind.REORDERED, index, None, f"the record of this place {_where(found)}")
                )
            elif index == cut_from:
                detail = f"{end - index} records are missing from here to the end"
                findings.append(Finding(FindingKind.TAIL_CUT, index, None, detail))
            elif index < cut_from:
                findings.append(Finding(FindingKind.REMOVED, index, None, "the record is missing"))
        for row in [*self.extra, *(row for row in unplaced if row.index is not None)]:
            if hash_leaf(row.leaf) not in wanted:
                outside = end if row.index is None or row.index < 0 else row.index
                detail = "the record was never put into the log"
                findings.append(Finding(FindingKind.INSERTED, outside, row.event_id, detail))
        return findings

    def _cut_from(self, end: int) -> int:
        index = end
        while index - 1 in self.expected and index - 1 not in self.standing:
            index -= 1
        return index


def _explain(row: Row, found: Row | None, *, known: bool) -> tuple[FindingKind, str]:
    """Say what a wrong record at a place means.

    :param found: the record that belongs here, if it stands elsewhere.
    :param known: whether the record that stands here belongs to another place of the tree.
    """
    if found is not None and known:
        return FindingKind.REORDERED, f"the record that belongs here {_where(found)}"
    if found is not None:
        return FindingKind.INSERTED, f"the record was never put into the log; the one that belongs here {_where(found)}"
    if known:
        return FindingKind.REMOVED, "the record of this place is gone and a later or earlier one stands in it"
    return FindingKind.CHANGED, "the record is not the one that was put into the log"


def _where(row: Row) -> str:
    return f"({row.event_id}) stands " + ("without a place" if row.index is None else f"at {row.index}")


def check_record(index: int, row: Row) -> Finding | None:
    """Check a record whose hash is right: canonical form, and that the search columns say what the leaf says."""
    try:
        leaf = json.loads(row.leaf)
        canonical = isinstance(leaf, dict) and canonical_json(leaf) == row.leaf
    except (ValueError, RecursionError):
        canonical = False
    if not canonical:
        return Finding(FindingKind.NOT_CANONICAL, index, row.event_id, "the record is not canonical JSON")
    if row.columns is None:
        return None
    wrong = [name for name in (*COLUMNS, "id", "occurred_at") if row.columns[name] != leaf.get(name)]
    if not wrong:
        return None
    detail = f"the record is good, its columns {', '.join(wrong)} say something else"
    return Finding(FindingKind.COLUMNS_DISAGREE, index, str(leaf.get("id")), detail)
