"""``make run``: everything starts together, and nothing is left when one part is gone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.process import ServerProcess, accepts_connections, free_ports, living_members
from tests.servers.service import ROOT

_ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("SAU_")} | {
    "PYTHONPATH": str(ROOT)
}


def _command(port: int, home: Path) -> list[str]:
    return [sys.executable, "scripts/demo.py", "--port", str(port), "--home", str(home)]


def _children(parent: int) -> list[int]:
    """Each leads a group of its own, so that a terminal's Ctrl-C reaches the demo alone."""
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_busy_port_is_named_with_the_way_out(tmp_path: Path, step: int) -> None:
    """One line, before anything was started or written."""
    port = free_ports(3)
    with socket.create_server(("127.0.0.1", port + step)):
        done = subprocess.run(_command(port, tmp_path / "var"), cwd=ROOT, env=_ENVIRON, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"Port {port + step} is busy" in done.stderr
    assert "PORT=" in done.stderr
    assert not (tmp_path / "var").exists()


@pytest.mark.server
@pytest.mark.slow
def test_the_demo_starts_whole_and_stops_whole(tmp_path: Path) -> None:
    """The service and two portals answer, the printout says what to do, and Ctrl-C ends all of them."""
    port = free_ports(3)
    demo = ServerProcess(
        "make run",
        _command(port, tmp_path / "var"),
        log=tmp_path / "demo.log",
        environ=_ENVIRON,
        cwd=ROOT,
        stop_signal=signal.SIGINT,
    )
    demo.wait_until(lambda: "Ctrl-C stops it" in demo.read_log(), seconds=180)
    printed = demo.read_log()
    assert all(accepts_connections(each) for each in range(port, port + 3))
    for wanted in (f"http://localhost:{port + 1}", f"http://localhost:{port}/admin", "/enroll/", "Test people"):
        assert wanted in printed
    groups = {demo.pid, *_children(demo.pid)}
    assert len(groups) == 4
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(60) == 0
    assert [living_members(group) for group in groups] == [[]] * 4
    assert "Traceback" not in demo.read_log()
    assert not any(accepts_connections(each) for each in range(port, port + 3))
    demo.stop()
