"""What was revoked since one looked last: so that what a process remembers of the status is never older than a moment.

Each revocation, hold and release raises the revision of its list's series and writes it into its own row, in one
transaction. So one small query says whether anything happened at all, and another one what. No message has to arrive: a
process that has not been able to look does not answer from memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from time import monotonic

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ca.issuance.model import Certificate
from ca.locations import FULL_LIST
from ca.revocation.model import CertificateHold, CrlSeries
from kernel.database import Database
from kernel.loop_call import require_thread

LOOK_EVERY = 0.25  # seconds
_STILL_CURRENT = 1.0  # seconds; beyond, whoever asks waits for the look that is under way
_MOST_SERIALS = 1000  # more at once, and everything is forgotten


@dataclass(frozen=True)
class Changes:
    """What was revoked, released from a hold, or got another reason.

    :ivar serials: as stored. :ivar too_many: there were more than are worth naming.
    """

    serials: frozenset[str] = frozenset()
    too_many: bool = False

    def __bool__(self) -> bool:
        return self.too_many or bool(self.serials)


class StatusWatch:
    """Looks at most every so often, and only while somebody asks. One a process, safe among threads.

    :param forget: called with what changed before anyone is told that memory is current.
    :param look_every: seconds that a look is good for.
    """

    def __init__(
        self, database: Database, forget: Callable[[Changes], None], *, look_every: float = LOOK_EVERY
    ) -> None:
        self.look_every = look_every
        self._database = database
        self._forget = forget
        self._lock = Lock()
        self._looked_at = float("-inf")
        self._seen: dict[tuple[str, int], int] | None = None
        self._total = -1

    def is_current(self) -> bool:
        """Tell whether what is remembered was held against the database a moment ago."""
        return monotonic() - self._looked_at < self.look_every

    def look(self) -> None:
        """Have forgotten what changed since the last look. While another thread does so, a late look waits for it.

        :raises kernel.errors.Unavailable: if the database does not answer.
        """
        waits = monotonic() - self._looked_at > max(self.look_every, _STILL_CURRENT)
        if not self._lock.acquire(blocking=False):
            if not waits:
                return
            require_thread()
            self._lock.acquire()
        try:
            if self.is_current():
                return
            begun = monotonic()
            with self._database.reading() as session:
                total, seen, changes = self._changes(session)
            if changes:
                self._forget(changes)
            # Last, so that a look that failed half way is made again from where the one before it ended.
            self._total, self._seen, self._looked_at = total, seen, begun
        finally:
            self._lock.release()

    def _changes(self, session: Session) -> tuple[int, dict[tuple[str, int], int], Changes]:
        total = session.scalars(
            select(func.coalesce(func.sum(CrlSeries.revision), 0)).where(CrlSeries.shard != FULL_LIST)
        ).one()
        if total == self._total and self._seen is not None:
            return total, self._seen, Changes()
        rows = session.execute(
            select(CrlSeries.authority_id, CrlSeries.shard, CrlSeries.revision).where(CrlSeries.shard != FULL_LIST)
        ).all()
        # They may be newer than the sum: then the next look finds another sum, and nothing beyond them.
        seen = {(authority_id, shard): revision for authority_id, shard, revision in rows}
        if self._seen is None:
            return total, seen, Changes(too_many=True)
        serials: set[str] = set()
        for (authority_id, shard), revision in seen.items():
            before = self._seen.get((authority_id, shard), 0)
            if revision > before:
                serials.update(self._changed_in(session, authority_id, shard, after=before))
        return total, seen, Changes(frozenset(serials), too_many=len(serials) > _MOST_SERIALS)

    def _changed_in(self, session: Session, authority_id: str, shard: int, *, after: int) -> list[str]:
        revoked = select(Certificate.serial).where(
            Certificate.authority_id == authority_id,
            Certificate.crl_shard == shard,
            Certificate.revoked_at.is_not(None),
            Certificate.crl_revision > after,
        )
        released = select(CertificateHold.serial).where(
            CertificateHold.authority_id == authority_id,
            CertificateHold.crl_shard == shard,
            CertificateHold.release_revision > after,
        )
        return list(session.scalars(revoked.union_all(released).limit(_MOST_SERIALS + 1)))
