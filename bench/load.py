"""One round of load with wrk, and what came of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.workload import Side, as_lua

_SCRIPT = Path(__file__).with_name("wrk") / "load.lua"


@dataclass(frozen=True)
class Round:
    """What a round of one scenario at one side gave.

    :ivar units: finished exchanges, refreshes or requests. ``p50_ms``, ``p99_ms``: of a single HTTP request.
    :ivar unexpected: answers that were not what the scenario wants.
    """

    units: int
    requests: int
    unexpected: int
    seconds: float
    p50_ms: float
    p99_ms: float
    example: str

    @property
    def per_second(self) -> float:
        """Units a second."""
        return self.units / self.seconds


def find_wrk() -> str:
    """Return the load generator. :raises RuntimeError: if it is not installed."""
    found = shutil.which("wrk")
    if found is None:
        raise RuntimeError("The benchmark needs wrk: apt install wrk")
    return found


def run_round(side: Side, plan: dict[str, Any], *, seconds: float, connections: int) -> Round:
    """Send what ``plan`` says for ``seconds`` over ``connections`` connections from one thread."""
    with tempfile.TemporaryDirectory() as folder:
        planned, out = Path(folder) / "plan.lua", Path(folder) / "out.json"
        planned.write_text(f"return {as_lua(plan)}\n")
        command = [find_wrk(), "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "10s", "-s", str(_SCRIPT)]
        done = subprocess.run(
            [*command, side.url, "--", str(planned), str(out)], capture_output=True, text=True, timeout=seconds + 60
        )
        if done.returncode or not out.exists():
            raise RuntimeError(f"wrk: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        result = json.loads(out.read_text())
    single = plan["kind"] == "single"
    return Round(
        units=result["requests"] - result["refused"] if single else result["finished"],
        requests=result["requests"],
        unexpected=result["unexpected"] + result["refused"] + result["broken"],
        seconds=result["seconds"],
        p50_ms=result["p50_ms"],
        p99_ms=result["p99_ms"],
        example=result["example"],
    )
