"""Asking the witnesses to co-sign a log's newest checkpoint (C2SP tlog-witness, the log's side)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit.checkpoint import CheckpointError
from audit.cosignature import Cosignature, read_cosignatures
from audit.cosigned import ACCUSATIONS, store_cosignature
from audit.event import Event
from audit.journal import Journal
from audit.merkle import ProofError, consistency_proof
from audit.model import AuditWitness
from audit.signed_log import SignedLog, key_in_use
from audit.tiles import subtree_from
from audit.tree_store import latest_checkpoint, tile_reader
from audit.vocabulary import EventType, Outcome
from audit.witness.request import add_checkpoint_body
from audit.witnesses import Answered, Outgoing, Witness
from kernel.errors import Unavailable

_PROBLEMS = {400: "bad_request", 403: "log_key_unknown", 404: "log_unknown", 422: "witness_saw_another_tree"}


@dataclass(frozen=True)
class _Newest:
    """The newest checkpoint and what the witness saw last."""

    origin: str
    size: int
    note: str
    seen: int
    problem: str | None


class _NotCosignedError(Exception):
    """:ivar problem: its name in the table of witnesses."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def ask_witnesses(log: SignedLog, *, outgoing: Outgoing, journal: Journal, now: datetime) -> int:
    """Ask each witness that does not know the newest checkpoint yet; return how many co-signed.

    A refusal is put on record when it begins and when it ends, not every time: otherwise the record of it would be the
    next checkpoint that is refused.
    """
    return sum(_ask(log, witness, outgoing, journal, now) for witness in log.policy.witnesses)


def _ask(log: SignedLog, witness: Witness, outgoing: Outgoing, journal: Journal, now: datetime) -> bool:
    newest = _newest(log, witness)
    if newest is None or (newest.seen == newest.size and newest.problem is None):
        return False
    try:
        cosignature = _obtain(log, witness, outgoing, newest)
    except _NotCosignedError as error:
        _note_problem(log, journal, witness, newest, error.problem, now=now)
        return False
    if cosignature is None:
        return False
    with log.database.transaction() as session:
        store_cosignature(
            session,
            origin=newest.origin,
            size=newest.size,
            signer=witness.key.name,
            line=cosignature.line,
            now=now,
        )
        values = {"size": newest.size, "cosigned_at": now, "problem": None, "problem_since": None}
        _store(session, newest.origin, witness.key.name, values)
        if newest.problem is not None:
            _record(session, journal, EventType.WITNESS_COSIGNED, newest, witness, None, now=now)
    return True


def _newest(log: SignedLog, witness: Witness) -> _Newest | None:
    with log.database.reading() as session:
        checkpoint = latest_checkpoint(session, log.tables)
        if checkpoint is None:
            return None
        origin = key_in_use(session, log).name
        row = session.get(AuditWitness, (origin, witness.key.name))
        seen, problem = (row.size, row.problem) if row else (0, None)
        return _Newest(origin, checkpoint.size, checkpoint.note, seen, problem)


def _obtain(log: SignedLog, witness: Witness, outgoing: Outgoing, newest: _Newest) -> Cosignature | None:
    """Return the cosignature; None if another process of ours was quicker with a larger checkpoint.

    :raises _NotCosignedError: saying why there is none.
    """
    old_size = min(newest.seen, newest.size)
    answer = _send(log, witness, outgoing, newest, old_size)
    if answer.status == 409:
        known = _size_in(answer)
        if known > newest.size:
            again = _newest(log, witness)
            if again is not None and again.size >= known:
                return None
            raise _NotCosignedError("witness_is_ahead")
        if known == old_size:  # the same size, and it saw another tree
            raise _NotCosignedError("witness_saw_another_tree")
        answer = _send(log, witness, outgoing, newest, known)
        if answer.status == 409:
            raise _NotCosignedError("witness_saw_another_tree" if _size_in(answer) == known else "witness_is_busy")
    if answer.status != 200:
        raise _NotCosignedError(_PROBLEMS.get(answer.status, "bad_answer"))
    try:
        cosignatures = read_cosignatures(newest.note + answer.body.decode("utf-8"), witnesses=[witness.key])
    except (CheckpointError, UnicodeDecodeError) as error:
        raise _NotCosignedError("bad_answer") from error
    if not cosignatures:
        raise _NotCosignedError("bad_answer")
    return cosignatures[0]


def _send(log: SignedLog, witness: Witness, outgoing: Outgoing, newest: _Newest, old_size: int) -> Answered:
    with log.database.reading() as session:
        try:
            subtree = subtree_from(tile_reader(session, log.tables))
            proof = consistency_proof(old_size, newest.size, subtree)
        except ProofError as error:  # pragma: no cover - sizes are compared before
            raise _NotCosignedError("witness_is_ahead") from error
    body = add_checkpoint_body(old_size, proof, newest.note)
    try:
        return outgoing.send(f"{witness.url}/add-checkpoint", body=body, media_type="text/plain; charset=utf-8")
    except Unavailable as error:
        raise _NotCosignedError(error.code) from error


def _size_in(answer: Answered) -> int:
    text = answer.body.decode("ascii", "replace").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise _NotCosignedError("bad_answer")
    return int(text)


def _note_problem(
    log: SignedLog, journal: Journal, witness: Witness, newest: _Newest, problem: str, *, now: datetime
) -> None:
    if problem == newest.problem:
        return
    with log.database.transaction() as session:
        _store(session, newest.origin, witness.key.name, {"problem": problem, "problem_since": now})
        kind = EventType.WITNESS_ACCUSED if problem in ACCUSATIONS else EventType.WITNESS_MISSING
        _record(session, journal, kind, newest, witness, problem, now=now)


def _store(session: Session, origin: str, witness: str, values: dict[str, object]) -> None:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    session.execute(
        insert(AuditWitness)
        .values(**{"origin": origin, "witness": witness, "size": 0, **values})
        .on_conflict_do_update(index_elements=[AuditWitness.origin, AuditWitness.witness], set_=values)
    )


def _record(
    session: Session,
    journal: Journal,
    kind: EventType,
    newest: _Newest,
    witness: Witness,
    problem: str | None,
    *,
    now: datetime,
) -> None:
    outcome = Outcome.SUCCESS if problem is None else Outcome.FAILURE
    details: dict[str, str | int] = {"witness": witness.key.name, "log": newest.origin, "size": newest.size}
    journal.record(session, Event(type=kind, outcome=outcome, reason=problem, details=details), now=now)


class CosigningThread:
    """Asks on a thread of its own, one round at a time: a witness that does not answer holds up nothing else."""

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Begin a round, unless the last one still runs."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._ask, name="cosigning", daemon=True)
            self._thread.start()

    def finish(self) -> None:
        """Wait for the round in progress."""
        if self._thread is not None:
            self._thread.join(timeout=10)
