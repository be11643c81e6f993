"""Going on after a restore: signed records are gone, a person says so on record, and the log continues.

The log itself cannot tell a restored backup from an attack, and stops at both. What was signed and is not there any
more stays as evidence: its head in the event, every line of the lost time in a folder of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from audit.anchor import Anchor
from audit.checkpoint import CheckpointError
from audit.event import Details, Event
from audit.journal import Journal
from audit.signed_log import SignedLog
from audit.tree_store import find_head
from audit.vocabulary import EventType
from kernel.errors import NotFound

SUPERSEDED = "superseded"


@dataclass(frozen=True)
class Loss:
    """What is gone.

    :ivar size: records that the database has. :ivar signed_size: of the greatest tree that was signed.
    """

    origin: str
    size: int
    signed_size: int
    root: bytes

    @property
    def missing(self) -> int:
        """How many records."""
        return self.signed_size - self.size


def find_loss(log: SignedLog) -> Loss:
    """Return what anchors say that is not in the database.

    :raises NotFound: (``nothing_lost``) if they say nothing more. Lines without a signature that holds say nothing.
    """
    anchors = list(log.anchors)  # before the head: each is written after its commit
    with log.database.reading() as session:
        head = find_head(session, log.tables)
    size, origin = (head.size, head.origin) if head else (0, log.origin)
    signed = max(_signed(log, origin, anchors), key=lambda anchor: anchor.size, default=None)
    if signed is None or signed.size <= size:
        raise NotFound("Nothing that was signed is missing.", code="nothing_lost")
    return Loss(origin, size, signed.size, signed.root)


def kept_anchors(log: SignedLog, loss: Loss) -> list[Anchor]:
    """Return the anchors that the database still answers for: what is left is verified against them first."""
    return [anchor for anchor in log.anchors if anchor.readable and anchor.size <= loss.size]


def accept_loss(log: SignedLog, loss: Loss, *, journal: Journal, reason: str, now: datetime) -> Path:
    """Put the loss on record and the anchors of the lost time aside; return the folder that they are in now.

    A crash in between leaves the event and a log that still stops: to be repeated. Verify what is left before.
    """
    with log.database.transaction() as session:
        details: Details = {
            "origin": loss.origin,
            "size": loss.size,
            "lost_size": loss.signed_size,
            "lost_root": loss.root.hex(),
            "said": reason,
        }
        journal.record(session, Event(type=EventType.LOG_LOSS_ACCEPTED, details=details), now=now)
    return log.anchors.set_aside(above=loss.size, into=f"{SUPERSEDED}/{now:%Y-%m-%dT%H%M%S}")


def _signed(log: SignedLog, origin: str, anchors: Iterable[Anchor]) -> Iterator[Anchor]:
    key = log.log_key(origin)
    for anchor in anchors:
        try:
            if anchor.readable:
                anchor.verify(origin=origin, expected_key=key)
                yield anchor
        except CheckpointError:
            continue
