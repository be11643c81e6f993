"""What a verification found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from audit.missing_numbers import MissingNumbers
from kernel.errors import Fault


class FindingKind(StrEnum):
    """What was done to the log."""

    CHANGED = "changed"  # the record is not the one that was put into the tree
    REMOVED = "removed"
    REORDERED = "reordered"  # the record stands in another place than its own
    INSERTED = "inserted"  # a record that the tree does not have
    TAIL_CUT = "tail_cut"  # records are missing from here to the end
    COLUMNS_DISAGREE = "columns_disagree"  # what is searched by is not what the record says
    NOT_CANONICAL = "not_canonical"
    TREE_CHANGED = "tree_changed"  # records are good, the stored hashes are not
    CHECKPOINT_FORGED = "checkpoint_forged"
    CHECKPOINT_REMOVED = "checkpoint_removed"
    ANCHOR_DAMAGED = "anchor_damaged"
    COSIGNATURE_FORGED = "cosignature_forged"  # a witness's word does not fit the checkpoint: another was co-signed
    NOT_WITNESSED = "not_witnessed"  # fewer witnesses than the settings demand know the log as it is
    WITNESS_ACCUSES = "witness_accuses"  # a witness knows another history of the log
    UNRECORDED = "unrecorded"  # something that must be in the log has no record there


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    :ivar index: place in the log, from 0; the tree's size for a checkpoint.
    :ivar event_id: the record that stands there, None if none does.
    :ivar detail: a sentence for the reader.
    """

    kind: FindingKind
    index: int
    event_id: str | None
    detail: str

    def __str__(self) -> str:
        name = f" ({self.event_id})" if self.event_id else ""
        return f"{self.kind.value} at {self.index}{name}: {self.detail}"


@dataclass(frozen=True)
class VerificationReport:
    """The outcome.

    :ivar first_index: where verification began; all before rests on the checkpoint there.
    :ivar size: records under a signature, which are all that have a place.
    :ivar checkpoints: signed checkpoints that were compared; ``anchors`` likewise.
    :ivar cosignatures: of witnesses, that hold; ``witnessed``: records that a quorum of them stands for, None where
        the settings name no witness.
    :ivar archived: records before ``first_index`` that were archived and deleted, on record.
    :ivar waiting: events that are committed and not yet in the log.
    :ivar missing_numbers: of events that no record stands for: no proof of a deed, but a reason to ask.
    :ivar findings: in order of place, the first bad record first.
    """

    origin: str
    first_index: int
    size: int
    checkpoints: int
    anchors: int
    waiting: int
    cosignatures: int = 0
    witnessed: int | None = None
    archived: int = 0
    missing_numbers: tuple[MissingNumbers, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def first(self) -> Finding | None:
        """The first bad record."""
        return self.findings[0] if self.findings else None


class LogTamperedError(Fault):
    """The log is not what was signed.

    :ivar report: what was found; it has at least one finding.
    """

    default_code = "log_tampered"

    def __init__(self, report: VerificationReport) -> None:
        super().__init__(str(report.first))
        self.report = report
