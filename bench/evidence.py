"""``python -m bench.evidence``: durable events beside plain inserts and beside a chain behind one locked head.

Three ways to keep a record, each by as many threads with a connection of their own, in turns in one run on one
PostgreSQL server with its usual ``fsync``; one record is durable when its commit was acknowledged.

* *ours*: an event through the journal (leaf, commitments, ciphertext under the person's key), while the sequencer gives
  places and signs; in transactions of its own, and together with others' as the busiest endpoints write.
* *plain*: the same octets into a bare table. Nothing can be proved by it.
* *chain*: each record holds the hash of the one before it, behind a lock on the head: provable, one at a time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from audit.event import Event
from audit.inspection import verify_stored_log
from audit.sequencer import Sequencer
from audit.services import ensure_log_key
from audit.vocabulary import EventType
from composition import Composition
from kernel.settings import load_settings
from keys.file_store import read_passphrase
from operations.schema import upgrade
from tests.servers.postgresql import run_postgresql

_PLAIN = "CREATE TABLE bench_plain (id bigserial PRIMARY KEY, leaf bytea NOT NULL)"
_CHAIN = (
    "CREATE TABLE bench_chain (place bigint PRIMARY KEY, leaf bytea NOT NULL, hash bytea NOT NULL)",
    "CREATE TABLE bench_head (id int PRIMARY KEY, place bigint NOT NULL, hash bytea NOT NULL)",
    "INSERT INTO bench_head VALUES (1, 0, '\\x00')",
)
_LEAF = os.urandom(500)
Write = Callable[[], None]


def main() -> int:
    """Measure and print."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="sau-bench-") as folder, run_postgresql() as server:
        home = Path(folder) / "home"
        home.mkdir(mode=0o700)
        url = server.url(server.create_database(with_schema=False))
        settings = load_settings({"SAU_HOME": str(home), "SAU_DATABASE_URL": url})
        read_passphrase(settings.passphrase_file, create=True)
        composition = Composition(settings)
        try:
            result = _measure(composition, arguments.connections, arguments.rounds, arguments.seconds)
        finally:
            composition.database.dispose()
    print(json.dumps(result) if arguments.json else _as_text(result))
    return 0


def _measure(composition: Composition, connections: int, rounds: int, seconds: float) -> dict[str, object]:
    upgrade(composition.database)
    ensure_log_key(composition.keystore)
    with composition.database.transaction() as session:
        for statement in (_PLAIN, *_CHAIN):
            session.execute(text(statement))
    ways: dict[str, Write] = {
        "ours, alone": lambda: _alone(composition),
        "ours, together": lambda: composition.database.together(lambda session: _record(session, composition)),
        "plain inserts": lambda: _plain(composition),
        "locked chain": lambda: _chained(composition),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    stop = threading.Event()
    sequencing = threading.Thread(target=_sequence, args=(composition, stop), daemon=True)
    sequencing.start()
    for number in range(rounds + 1):
        for name, write in ways.items():
            rate = _rate(write, connections, seconds)
            if number:  # the first round warms up
                rates[name].append(rate)
    stop.set()
    sequencing.join()
    Sequencer(composition.audit).run()
    added = _added_to_a_login(composition)
    report = verify_stored_log(composition.audit)
    return {
        "cores": os.cpu_count(),
        "connections": connections,
        "seconds_each": seconds,
        "records_verified": report.size,
        "added_to_a_transaction_ms": added,
        "per_second": {
            name: {"median": round(statistics.median(found)), "lowest": round(min(found)), "highest": round(max(found))}
            for name, found in rates.items()
        },
    }


def _sequence(composition: Composition, stop: threading.Event) -> None:
    sequencer = Sequencer(composition.audit)
    while not stop.wait(0.5):
        sequencer.run()
    sequencer.release()


def _rate(write: Write, connections: int, seconds: float) -> float:
    """Return how many records a second ``connections`` threads make durable."""
    counts, ready = [0] * connections, threading.Barrier(connections + 1)
    end = [0.0]

    def work(number: int) -> None:
        ready.wait()
        while time.perf_counter() < end[0]:
            write()
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    began = time.perf_counter()
    end[0] = began + seconds
    ready.wait()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)


def _record(session: Session, composition: Composition) -> None:
    event = Event(
        type=EventType.PASSWORD_VERIFIED,
        subject=f"bench-{threading.get_ident() % 64}",
        client_id="portal",
        details={"acr": "1", "amr": ["pwd"]},
        private={"address": "203.0.113.7", "user_agent": "Mozilla/5.0 (bench)"},
    )
    composition.journal.record(session, event, now=datetime.now(UTC))


def _alone(composition: Composition) -> None:
    with composition.database.transaction() as session:
        _record(session, composition)


def _plain(composition: Composition) -> None:
    with composition.database.transaction() as session:
        session.execute(text("INSERT INTO bench_plain (leaf) VALUES (:leaf)"), {"leaf": _LEAF})


def _chained(composition: Composition) -> None:
    with composition.database.transaction() as session:
        place, before = session.execute(text("SELECT place, hash FROM bench_head WHERE id = 1 FOR UPDATE")).one()
        following = hashlib.sha256(bytes(before) + _LEAF).digest()
        values = {"place": place + 1, "leaf": _LEAF, "hash": following}
        session.execute(text("INSERT INTO bench_chain VALUES (:place, :leaf, :hash)"), values)
        session.execute(text("UPDATE bench_head SET place = :place, hash = :hash WHERE id = 1"), values)


def _added_to_a_login(composition: Composition, times: int = 300) -> dict[str, float]:
    """Return the median milliseconds of a transaction that writes a row, without and with an event in it."""
    without: list[float] = []
    with_event: list[float] = []
    for number in range(2 * times):
        began = time.perf_counter()
        with composition.database.transaction() as session:
            session.execute(text("INSERT INTO bench_plain (leaf) VALUES (:leaf)"), {"leaf": _LEAF})
            if number % 2:
                _record(session, composition)
        (with_event if number % 2 else without).append((time.perf_counter() - began) * 1000)
    medians = statistics.median(without), statistics.median(with_event)
    return {"without": round(medians[0], 2), "with": round(medians[1], 2), "added": round(medians[1] - medians[0], 2)}


def _as_text(result: dict[str, object]) -> str:
    rates, added = result["per_second"], result["added_to_a_transaction_ms"]
    assert isinstance(rates, dict)
    assert isinstance(added, dict)
    lines = [
        f"{result['cores']} cores, {result['connections']} connections, {result['seconds_each']} s each round",
        "",
        "| records a second | median | lowest | highest |",
        "|---|---|---|---|",
        *(
            f"| {name} | {told['median']:,} | {told['lowest']:,} | {told['highest']:,} |"
            for name, told in rates.items()
        ),
        "",
        f"An event in a transaction: {added['without']} ms without, {added['with']} ms with, {added['added']} ms more.",
        f"{result['records_verified']:,} records verified at the end.",
    ]
    return "\n".join(lines)


def _arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.evidence", description=__doc__)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each way in each round")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())
