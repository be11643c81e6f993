"""The promise: no certificate is handed over that is not in a signed tree of the log.

Whoever signed certificates puts them into the tree at once instead of waiting for the worker, which is there for what
a crash leaves behind. Many at once share one pass: who had to wait for the head's row finds his work done.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit.sequencer import BATCH_LIMIT, LeaseLostError, anchor_note, begin_log, sequence_batch
from ca.transparency.log import CertificateLog
from ca.transparency.model import CertificateLogEntry
from kernel.errors import Unavailable
from kernel.prefetch import UNKNOWN, Reading, Want, among, keep, kept
from kernel.prepared import Ask, Prepared

_AT_ONCE = 500  # serials in one query


def ensure_logged(log: CertificateLog, serials: Sequence[str], *, now: datetime) -> None:
    """Return when all of these certificates have their place under a signed checkpoint.

    Call it outside of any transaction, after the one that stored the signatures.

    :raises Unavailable: (``not_logged``) if one has no entry at all.
    :raises audit.sequencer.LogDamagedError: if the log cannot be continued; nothing may be handed over then.
    """
    with log.database.reading() as session:
        if _are_placed(session, serials):
            return
    place_waiting(log, now=now)
    with log.database.reading() as session:
        if not _are_placed(session, serials):
            raise Unavailable("The certificate is not in the certificate log.", code="not_logged")


def place_waiting(log: CertificateLog, *, now: datetime) -> None:
    """Return when every entry that was committed before has its place. Who asks at the same moment shares one pass.

    :raises audit.sequencer.LogDamagedError: if the log cannot be continued.
    """
    log.passes.join(lambda: sequence_waiting(log, now=now))


def begin_placing(log: CertificateLog, *, now: datetime) -> Future[None] | None:
    """Have every entry that was committed before given its place, and return what is done then.

    None where nobody but threads waits: there whoever needs the places waits by :func:`place_waiting`.
    """
    return log.passes.begin(lambda: sequence_waiting(log, now=now))


def sequence_waiting(log: CertificateLog, *, now: datetime) -> None:
    """Give every entry that waits its place, beside whoever holds the sequencer's lease; outside of any transaction.

    :raises audit.sequencer.LogDamagedError: if the log cannot be continued.
    """
    log.open_signer()  # before the database's write lock is held
    done = BATCH_LIMIT
    while done == BATCH_LIMIT:
        with log.database.transaction() as session:
            done, note = sequence_now(session, log=log, now=now)
        if note is not None:
            anchor_note(log, note, now=now)


def sequence_now(session: Session, *, log: CertificateLog, now: datetime) -> tuple[int, str | None]:
    """Give waiting entries their places in the caller's transaction, beside whoever holds the sequencer's lease.

    :returns: as :func:`audit.sequencer.sequence_batch`.
    """
    try:
        return sequence_batch(session, services=log, fence=None, limit=BATCH_LIMIT, now=now)
    except LeaseLostError:  # there is no head: nobody was first yet
        begin_log(session, log=log, now=now)
        return sequence_batch(session, services=log, fence=None, limit=BATCH_LIMIT, now=now)


def require_logged(session: Session, serial: str) -> None:
    """Check that a certificate has its place in the log: who hands one over asks this first.

    :raises Unavailable: (``not_logged_yet``) if it has not.
    """
    known = kept(session, CertificateLogEntry, serial)
    if not (_are_placed(session, [serial]) if known is UNKNOWN else known):
        raise Unavailable("The certificate is on its way into the certificate log.", code="not_logged_yet")


def wants_placed(serial: str) -> Want:
    """Return the wish to know what :func:`require_logged` asks."""
    return Want(_read_placed, serial)


def _read_placed(session: Session, serials: Sequence[str]) -> Reading:
    placed = {row[0] for row in (yield Ask(_PLACED_OF, {"keys": serials}))}
    for serial in serials:
        keep(session, CertificateLogEntry, serial, serial in placed)


_PLACED_OF = Prepared(
    lambda dialect: select(CertificateLogEntry.id).where(
        among(dialect, CertificateLogEntry.id), CertificateLogEntry.log_index.is_not(None)
    )
)


def _are_placed(session: Session, serials: Sequence[str]) -> bool:
    wanted = sorted(set(serials))
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        if _PLACED.fetch(session, {"keys": part})[0][0] != len(part):
            return False
    return True


_PLACED = Prepared(
    lambda dialect: (
        select(func.count())
        .select_from(CertificateLogEntry)
        .where(among(dialect, CertificateLogEntry.id), CertificateLogEntry.log_index.is_not(None))
    )
)
