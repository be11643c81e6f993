"""Running a batch: its chunks one after the other, or by processes side by side."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice

from ca.bulk.batch import chunk_numbers, complete_batch, propose_batch
from ca.bulk.chunks import ChunkOutcome, ChunkWorker, rehearse
from ca.bulk.judge import Judge
from ca.bulk.table_file import InputRow, TableFile, read_rows
from ca.bulk.view import CHUNK_ROWS, BatchStatus, BatchView, find_batch
from ca.issuance.authority import authority_chain, issuing_authority
from ca.lints.gate import outside_lint
from ca.profiles.profile import Profile
from ca.services import CaServices
from kernel.database import Database
from kernel.origin import Origin, current_origin, working_for
from kernel.process import end_with_parent

MAX_PROCESSES = 16
_LOG_PAGES = 8000  # 32 MB: a chunk alone fills the usual thousand
_AHEAD = 2  # chunks that wait for each process: bounds the memory

Report = Callable[[ChunkOutcome], None]


@dataclass(frozen=True)
class _Task:
    """A step of one chunk. :ivar rows: None: issue what was agreed to."""

    number: int
    rows: tuple[InputRow, ...] | None


def run_table(
    services: CaServices,
    table: TableFile,
    batch: BatchView,
    *,
    processes: int = 1,
    makes_keys: bool = False,
    report: Report = lambda _outcome: None,
) -> BatchView:
    """Judge and store what is missing of a batch, and issue what may be issued; return how it stands then.

    Safe to repeat after any interruption, and to run twice at once.

    :param makes_keys: whether people who bring no key get one, where the profile lets keys be made here: that takes
        seconds a chunk.
    :param report: told of each chunk after its step is durable.
    :raises ServiceError: what stops the whole batch: the profile changed, the key or the database does not answer.
    """
    with services.database.reading() as session:
        stored = chunk_numbers(session, batch_id=batch.id)
    rows = read_rows(table, institution_ruc=batch.institution_ruc)
    tasks = (_Task(number, chunk) for number, chunk in _chunks(rows) if number not in stored)
    if batch.status in (BatchStatus.PREPARING, BatchStatus.APPROVED):
        _run(services, batch, tasks, processes=processes, makes_keys=makes_keys, report=report)
    return run_batch(services, batch.id, processes=processes, report=report)


def run_batch(
    services: CaServices,
    batch_id: str,
    *,
    processes: int = 1,
    grace: timedelta = timedelta(0),
    report: Report = lambda _outcome: None,
) -> BatchView:
    """Go on with a batch without its file: propose it, or issue what was agreed to, sign leftovers and close it.

    :param grace: how long another process is left to sign what it has just recorded.
    """
    with services.database.reading() as session:
        batch = find_batch(session, services=services, batch_id=batch_id)
        prepared = sorted(chunk_numbers(session, batch_id=batch_id, state="prepared"))
    now = services.clock.now()
    if batch.status is BatchStatus.PREPARING and batch.prepared == batch.row_count:
        with services.database.transaction() as session:
            return propose_batch(session, services=services, batch_id=batch_id, now=now)
    if batch.status is not BatchStatus.APPROVED:
        return batch
    tasks = [_Task(number, None) for number in prepared]
    _run(services, batch, tasks, processes=processes if len(tasks) > 1 else 1, report=report)
    _worker(services, batch).sign_leftovers(before=services.clock.now() - grace)
    with services.database.transaction() as session:
        return complete_batch(session, services=services, batch_id=batch_id, now=services.clock.now())


def rehearse_table(
    services: CaServices,
    table: TableFile,
    *,
    profile: Profile,
    institution_ruc: str | None,
    makes_keys: bool = False,
    report: Report = lambda _outcome: None,
) -> None:
    """Tell what would become of each row; nothing is stored. Keys that two chunks share are found only when issuing."""
    with services.database.reading() as session:
        if institution_ruc:
            services.institutions.find(session, institution_ruc)
        authority = issuing_authority(session, profile)
    judge = Judge(
        services,
        profile=profile,
        authority=authority,
        algorithm=services.keystore.open(authority.key_name).algorithm,
        institution_ruc=institution_ruc,
    )
    for number, rows in _chunks(read_rows(table, institution_ruc=institution_ruc)):
        report(rehearse(judge, number, rows, makes_keys=makes_keys))


def _run(
    services: CaServices,
    batch: BatchView,
    tasks: Iterable[_Task],
    *,
    processes: int,
    makes_keys: bool = False,
    report: Report,
) -> None:
    # A security module's session does not outlive a fork: there, one process does it all.
    if processes == 1 or services.settings.keystore.startswith("pkcs11:"):
        worker = _worker(services, batch, makes_keys=makes_keys)
        for task in tasks:
            report(_do(worker, task))
        return
    outside_lint()  # its tables take half a second to load: once, before the processes part
    with _pool(services, batch, min(processes, MAX_PROCESSES), makes_keys=makes_keys) as pool:
        waiting: deque[Future[ChunkOutcome]] = deque()
        for task in tasks:
            waiting.append(pool.submit(_do_in_process, task))
            if len(waiting) >= processes * (1 + _AHEAD):
                report(waiting.popleft().result())
        while waiting:
            report(waiting.popleft().result())


def _chunks(rows: Iterator[InputRow]) -> Iterator[tuple[int, tuple[InputRow, ...]]]:
    number = 0
    while chunk := tuple(islice(rows, CHUNK_ROWS)):
        yield number, chunk
        number += 1


def _worker(services: CaServices, batch: BatchView, *, makes_keys: bool = False) -> ChunkWorker:
    with services.database.reading() as session:
        authority = authority_chain(session, batch.authority_id)[0]
    signer = services.keystore.open(authority.key_name)
    judge = Judge(
        services,
        profile=services.profiles.get(batch.profile),
        authority=authority,
        algorithm=signer.algorithm,
        institution_ruc=batch.institution_ruc,
        batch_id=batch.id,
    )
    return ChunkWorker(services, batch.id, judge=judge, signer=signer, makes_keys=makes_keys)


def _do(worker: ChunkWorker, task: _Task) -> ChunkOutcome:
    return worker.issue(task.number) if task.rows is None else worker.take(task.number, task.rows)


_of_process: list[tuple[ChunkWorker, Origin]] = []


@contextmanager
def _pool(services: CaServices, batch: BatchView, processes: int, *, makes_keys: bool) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("fork"),
        initializer=_begin_process,
        initargs=(services, batch, current_origin(), os.getpid(), makes_keys),
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _begin_process(services: CaServices, batch: BatchView, origin: Origin, parent: int, makes_keys: bool) -> None:
    """Connections do not survive a fork: the process makes its own."""
    end_with_parent(parent)
    gc.freeze()  # what was there before the fork stays: looking through it again and again is lost time
    gc.set_threshold(50_000, 20, 50)
    url = services.database.url.render_as_string(hide_password=False)
    own = replace(services, database=Database(url, pool_size=2, log_pages=_LOG_PAGES))
    _of_process.append((_worker(own, batch, makes_keys=makes_keys), origin))


def _do_in_process(task: _Task) -> ChunkOutcome:
    worker, origin = _of_process[0]
    with working_for(origin):
        return _do(worker, task)


def progress_of(outcome: ChunkOutcome) -> tuple[int, int]:
    """Return how many rows of a chunk go on, and how many are refused."""
    refused = sum(row.state == "refused" for row in outcome.rows)
    return len(outcome.rows) - refused, refused


__all__: Sequence[str] = ("progress_of", "rehearse_table", "run_batch", "run_table")
