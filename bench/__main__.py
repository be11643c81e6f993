"""``python -m bench``: both servers, one run, alternating rounds; a table, a JSON file."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bench import report
from bench.load import Round, find_wrk, run_round
from bench.servers import CONNECTIONS, PEOPLE, WORKERS, Running, peer_version, processor_seconds, run_peer, run_sau
from bench.workload import SCENARIOS, Scenario, is_served, plan
from tests.servers.postgresql import PostgreSqlServer, run_postgresql

_RESULTS = Path(__file__).with_name("results")


def main() -> int:
    """Measure and print; 0 if every check of the answers and of the log held."""
    arguments = _arguments()
    chosen = [each for each in SCENARIOS if not arguments.only or each.name in arguments.only]
    try:
        find_wrk()
        with ExitStack() as stack:
            # On a disk, so that a durable commit costs what it costs.
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sau-bench-")))
            folder.chmod(0o711)  # the database server is another user; whatever is secret in it has a mode of its own
            postgresql = stack.enter_context(run_postgresql(within=folder, more={"autovacuum": "on"}))
            running = [stack.enter_context(run_sau(postgresql, folder))]
            if not arguments.alone:
                running.append(stack.enter_context(run_peer(postgresql, folder)))
            facts = _facts(postgresql, running, arguments)
            results = [_measure(scenario, running, postgresql, arguments) for scenario in chosen]
            for each in running:
                facts["servers"][each.side.name]["memory_mb_after_load"] = round(each.memory_mb())
    except (RuntimeError, pytest.skip.Exception) as error:
        print(f"Not measured: {error}", file=sys.stderr)
        return 2
    document = {"facts": facts, "results": results}
    print(report.as_text(document))
    _RESULTS.mkdir(exist_ok=True)
    file = arguments.json or _RESULTS / f"{facts['measured_at'].replace(':', '')}.json"
    file.write_text(json.dumps(document, indent=1, ensure_ascii=False))
    print(f"Written to {file}; python -m bench.report FILE makes the tables for docs/performance.md from it.")
    wrong = [problem for result in results for problem in result["problems"]]
    for problem in wrong:
        print(f"WRONG: {problem}", file=sys.stderr)
    return 1 if wrong else 0


def _measure(
    scenario: Scenario, running: list[Running], postgresql: PostgreSqlServer, arguments: argparse.Namespace
) -> dict[str, Any]:
    rounds: dict[str, list[Round]] = {each.side.name: [] for each in running if is_served(each.side, scenario)}
    costs: dict[str, list[tuple[float, float]]] = {name: [] for name in rounds}
    problems: list[str] = []
    for number in range(arguments.rounds):
        # Who begins alternates too: a machine that slows down treats both alike.
        for each in running if number % 2 == 0 else reversed(running):
            if each.side.name not in rounds:
                continue
            planned = plan(each.side, scenario, connections=arguments.connections)
            if number == 0:
                run_round(each.side, planned, seconds=1, connections=arguments.connections)  # warm
                planned = plan(each.side, scenario, connections=arguments.connections)
            before = _events(postgresql, each, scenario)
            began = processor_seconds(each.process), processor_seconds(postgresql.process)
            result = run_round(each.side, planned, seconds=arguments.seconds, connections=arguments.connections)
            ended = processor_seconds(each.process), processor_seconds(postgresql.process)
            rounds[each.side.name].append(result)
            if result.units:
                server, database = ((b - a) / result.units * 1000 for a, b in zip(began, ended, strict=True))
                costs[each.side.name].append((server, database))
            problems += _check(each, scenario, result, before, _events(postgresql, each, scenario), arguments)
    measured = {name: _summary(each, costs[name], scenario) for name, each in rounds.items()}
    ours, theirs = (measured.get(each.side.name) for each in (running * 2)[:2])
    ratios = []
    if ours and theirs and len(running) == 2:
        ratios = [a / b for a, b in zip(ours["per_second"], theirs["per_second"], strict=True) if b]
    line = {
        "scenario": scenario.name,
        "title": scenario.title,
        "target": scenario.target,
        "sides": measured,
        "ratios": [round(ratio, 2) for ratio in ratios],
        "ratio": round(statistics.median(ratios), 2) if ratios else None,
        "problems": problems,
    }
    print(report.line_as_text(line), flush=True)
    return line


def _check(
    running: Running,
    scenario: Scenario,
    result: Round,
    before: dict[str, int],
    after: dict[str, int],
    arguments: argparse.Namespace,
) -> list[str]:
    """Every answer is what it should be, and each has its event: committed before it left."""
    name = f"{running.side.name}, {scenario.name}"
    problems = []
    if result.unexpected:
        problems.append(f"{name}: {result.unexpected} unexpected answers, e.g. {result.example}")
    for kind in before:
        events = after[kind] - before[kind]
        # What was under way when the load ended has its event and was not counted.
        least = result.units
        if not least <= events <= result.requests + arguments.connections:
            problems.append(f"{name}: {events} events {kind} for {least} answers")
    return problems


def _events(postgresql: PostgreSqlServer, running: Running, scenario: Scenario) -> dict[str, int]:
    if running.side.name != "SAU" or not scenario.events:
        return {}
    time.sleep(0.2)  # what was under way when the load ended
    with psycopg.connect(host="127.0.0.1", port=postgresql.port, user="postgres", dbname=running.database) as db:
        found = db.execute(
            "SELECT type, count(*) FROM audit_event WHERE type = ANY(%s) AND outcome = 'success' GROUP BY type",
            [list(scenario.events)],
        ).fetchall()
    return dict.fromkeys(scenario.events, 0) | dict(found)


def _summary(rounds: list[Round], costs: list[tuple[float, float]], scenario: Scenario) -> dict[str, Any]:
    server, database = (statistics.median(each) for each in zip(*costs, strict=True)) if costs else (0.0, 0.0)
    return {
        "server_processor_ms": round(server, 3),
        "database_processor_ms": round(database, 3),
        "per_second": [round(each.per_second, 1) for each in rounds],
        "median_per_second": round(statistics.median(each.per_second for each in rounds), 1),
        "p50_ms": round(statistics.median(each.p50_ms for each in rounds), 2),
        "p99_ms": round(statistics.median(each.p99_ms for each in rounds), 2),
        "requests_in_a_unit": scenario.weight,
        "rounds": [asdict(each) for each in rounds],
    }


def _facts(postgresql: PostgreSqlServer, running: list[Running], arguments: argparse.Namespace) -> dict[str, Any]:
    with psycopg.connect(host="127.0.0.1", port=postgresql.port, user="postgres") as db:
        shown = {
            name: db.execute(f"SHOW {name}").fetchone()[0]  # type: ignore[index]
            for name in ("server_version", "synchronous_commit", "fsync")
        }
    models = [line.split(":")[1].strip() for line in _cpu_lines() if line.startswith("model name")]
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "peer": f"oidc-provider {peer_version()}",
        "postgresql": shown,
        "workers": WORKERS,
        "database_connections_of_a_worker": CONNECTIONS,
        "people": PEOPLE,
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
        "connections": arguments.connections,
        "servers": {
            each.side.name: {
                "cold_start_seconds": round(each.cold_start_seconds, 2),
                "memory_mb_at_start": round(each.memory_mb()),
            }
            for each in running
        },
    }


def _cpu_lines() -> list[str]:
    file = Path("/proc/cpuinfo")
    return file.read_text().splitlines() if file.exists() else []


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two short rounds: to look, not to cite")
    parser.add_argument("--rounds", type=int, default=5, help="rounds a side and scenario")
    parser.add_argument("--seconds", type=float, default=4, help="length of a round")
    parser.add_argument("--connections", type=int, default=32, help="open connections")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[each.name for each in SCENARIOS])
    parser.add_argument("--alone", action="store_true", help="without the peer")
    parser.add_argument("--json", type=Path, help="where to write the results")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.seconds = 2, 2
    return arguments


if __name__ == "__main__":
    raise SystemExit(main())
