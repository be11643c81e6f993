"""``sau serve``: web workers on Granian with the background worker beside them, one command for a whole service."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import structlog
from granian.constants import Interfaces, SSLProtocols
from granian.log import LogLevels
from granian.server import Server

from kernel.errors import Rejected
from kernel.settings import Settings

# Measured: more blocking threads than this only wait for each other. The database pool holds as many connections.
BLOCKING_THREADS = 16
_RESTART_PAUSE = 1.0  # seconds before a background worker that died is started again

_log = structlog.get_logger("sau.serve")


def parse_bind(bind: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT`` (IPv6 in brackets). :raises Rejected: if it is not that."""
    host, separator, port = bind.rpartition(":")
    if not separator or not port.isdigit() or not 0 < int(port) < 65536:
        raise Rejected(f"{bind!r} is not HOST:PORT.", code="bad_bind")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104  # nosec B104 - an empty host means all


def require_free_port(host: str, port: int) -> None:
    """Check that nothing listens there. :raises Rejected: (``port_busy``) naming the port and what to do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Rejected(
                f"Port {port} of {host} is in use: stop what listens there, or choose another with --bind or SAU_BIND.",
                code="port_busy",
            ) from error


def serve(settings: Settings, *, tls_cert: Path | None, tls_key: Path | None, with_worker: bool = True) -> None:
    """Serve until told to stop (SIGTERM, Ctrl-C).

    :raises Rejected: if the address is not one, or taken.
    """
    host, port = parse_bind(settings.bind)
    require_free_port(host, port)
    background = _BackgroundWorker() if with_worker else None
    server = Server(
        "wsgi:create_app",
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=BLOCKING_THREADS,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
        log_level=LogLevels.error,
        ssl_cert=tls_cert,
        ssl_key=tls_key,
        ssl_protocol_min=SSLProtocols.tls12,
    )
    if background:
        background.start()
    try:
        server.serve()
    finally:
        if background:
            background.stop()


class _BackgroundWorker:
    """Keeps one ``sau worker`` running."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._supervise, name="background-worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        process = self._process
        if process is not None:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()

    def _supervise(self) -> None:
        while not self._stopped.is_set():
            self._process = subprocess.Popen([sys.executable, "-m", "sau", "worker", "--parent", str(os.getpid())])
            status = self._process.wait()
            if not self._stopped.is_set():
                _log.error("background_worker_ended", status=status)
                self._stopped.wait(_RESTART_PAUSE)
