"""Where the service listens, and what runs beside."""

from __future__ import annotations

import multiprocessing
import os
import socket
import threading
from pathlib import Path

import pytest
from prometheus_client import values

from kernel.bind import parse_bind
from kernel.errors import Rejected
from kernel.process import name_process
from operations import serving
from operations.serving import require_free_port
from operations.shared_counts import VARIABLE, _remove_abandoned, counting_together
from web.operations import Metrics


@pytest.mark.parametrize(
    ("bind", "host", "port"),
    [("127.0.0.1:8000", "127.0.0.1", 8000), ("[::1]:443", "::1", 443), (":8000", "0.0.0.0", 8000)],
)
def test_reads_host_and_port(bind: str, host: str, port: int) -> None:
    """HOST:PORT, with IPv6 in brackets."""
    assert parse_bind(bind) == (host, port)


@pytest.mark.parametrize("bind", ["", "8000", "localhost", "localhost:", "localhost:0", "localhost:99999", "a:b"])
def test_refuses_what_is_no_address(bind: str) -> None:
    """A wrong SAU_BIND is a clear error, not a traceback."""
    with pytest.raises(Rejected, match="HOST:PORT"):
        parse_bind(bind)


def test_a_busy_port_is_named_with_what_to_do() -> None:
    """The interface asks for a clear error."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Rejected, match=rf"Port {port} .* SAU_BIND"):
            require_free_port("127.0.0.1", port)


def test_processes_count_together_in_a_folder_that_goes_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What two processes counted stands in one answer; nobody else may read it, and what a killed service left goes."""
    monkeypatch.delenv(VARIABLE, raising=False)
    abandoned, foreign = tmp_path / "sau-counts-killed", tmp_path / "sau-counts-of-nobody"
    abandoned.mkdir()
    foreign.mkdir()
    (abandoned / "lock").touch()
    chosen = values.ValueClass
    with counting_together(tmp_path):
        folder = Path(os.environ[VARIABLE])
        assert (folder.parent, folder.stat().st_mode & 0o777) == (tmp_path, 0o700)
        assert not abandoned.exists() and foreign.exists()
        with counting_together(tmp_path / "another"):  # the operator's choice stands
            assert os.environ[VARIABLE] == str(folder)
        serving_again = multiprocessing.get_context("fork").Process(target=_count)
        serving_again.start()
        serving_again.join()
        metrics = _count()
        assert metrics.covers_machine
        assert b'sau_http_requests_total{endpoint="x",method="GET",status="200"} 2.0' in metrics.text()
        _remove_abandoned(tmp_path)
        assert folder.exists()
    assert not folder.exists() and VARIABLE not in os.environ
    assert values.ValueClass is chosen
    with counting_together(tmp_path):
        pass
    assert sorted(each.name for each in tmp_path.iterdir()) == [foreign.name]


def _count() -> Metrics:
    metrics = Metrics()
    metrics.observe(endpoint="x", method="GET", status=200, seconds=0.1)
    return metrics


def test_the_background_worker_is_forked_once_and_started_anew_when_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is imported by then is shared by all processes; a fork beside threads could wait for a lock forever."""
    seen, anew = tmp_path / "seen", threading.Event()

    def work(parent: int) -> None:
        name_process("sau worker, with a long name")
        seen.write_text(f"{parent} {os.getppid()} {Path('/proc/self/comm').read_text().strip()}")

    class Started:
        """What is started in its place."""

        def __init__(self, command: list[str]) -> None:
            assert command[-2:] == ["--parent", str(os.getpid())]
            self.ended = threading.Event()
            anew.set()

        def wait(self, timeout: float | None = None) -> int:
            self.ended.wait(timeout)
            return 0

        def terminate(self) -> None:
            self.ended.set()

    monkeypatch.setattr(serving, "_RESTART_PAUSE", 0.01)
    monkeypatch.setattr(serving.subprocess, "Popen", Started)
    worker = serving._BackgroundWorker(work)
    worker.fork()
    worker.start()
    assert anew.wait(60)
    assert seen.read_text() == f"{os.getpid()} {os.getpid()} sau worker, wit"
    worker.stop()
