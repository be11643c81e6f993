"""How much memory a running service takes."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tests.servers.process import living_members
from tests.servers.service import LiveService


def proportional_megabytes(service: LiveService) -> float:
    """Return the memory of all of a service's processes: what they share is counted once (PSS of the kernel)."""
    assert service.process is not None
    return sum(_proportional_kilobytes(each) for each in living_members(service.process.pid)) / 1024


def _proportional_kilobytes(process: int) -> int:
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Pss:")).split()[1])
    return 0
