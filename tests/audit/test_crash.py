"""Attack 20: killed at any moment, no event is lost whose commit was acknowledged."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from audit.inspection import verify_stored_log
from audit.model import AuditEvent
from audit.sequencer import Sequencer
from audit.services import AuditServices
from kernel.clock import ManualClock, SystemClock

ROOT = Path(__file__).parents[2]
CYCLES = 4


@pytest.mark.slow
def test_kill_9_loses_no_acknowledged_event(audit: AuditServices, clock: ManualClock, database_url: str) -> None:
    """Writers and sequencer die together, four times; what was told is in the log, and the log verifies."""
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "SAU_HOME": str(audit.settings.home),
        "SAU_DATABASE_URL": audit.settings.effective_database_url,
    }
    command = [sys.executable, "-m", "tests.audit.crash_writer"]
    told: list[str] = []
    for cycle in range(CYCLES):
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        told += [process.stdout.readline().strip() for _ in range(2 + 2 * cycle)]
        process.kill()
        rest, _ = process.communicate(timeout=120)
        told += [line for line in rest.splitlines() if len(line) == 26]
    clock.advance(SystemClock().now() - clock.now() + timedelta(minutes=1))  # past the dead one's lease
    Sequencer(audit).run()
    with audit.database.reading() as session:
        logged = set(session.scalars(select(AuditEvent.id).where(AuditEvent.log_index.is_not(None))))
    assert len(told) > CYCLES
    assert set(told) <= logged
    assert verify_stored_log(audit).size == len(logged)
