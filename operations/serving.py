"""``sau serve``: web workers on Granian with the background worker beside them, one command for a whole service."""

from __future__ import annotations

import gc
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import structlog
from granian.constants import Interfaces, Loops, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.log import LogLevels
from granian.server import Server

from ca.lints.gate import outside_lint
from kernel.bind import parse_bind
from kernel.errors import Rejected
from kernel.settings import Settings
from operations.shared_counts import counting_together

# A request's head must be there in time and be of a size; proxies bound it more tightly (deploy/nginx/sau.conf).
_HEADER_MS, _HEADER_OCTETS = 10_000, 128 * 1024
_APPLICATION = "wsgi"
_STOP_SECONDS = 10
_RESTART_PAUSE = 1.0  # seconds before a background worker that died is started again

_log = structlog.get_logger("sau.serve")


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


def serve(
    settings: Settings,
    *,
    tls_cert: Path | None,
    tls_key: Path | None,
    run_worker: Callable[[int], None] | None = None,
) -> None:
    """Serve until told to stop (SIGTERM, Ctrl-C).

    :param run_worker: does the background work of a process whose parent's id it is given; None: none is started.
    :raises Rejected: if the address is not one, or taken.
    """
    host, port = parse_bind(settings.bind)
    require_free_port(host, port)
    with counting_together():
        _serve(settings, host, port, tls_cert, tls_key, run_worker)


def _serve(
    settings: Settings,
    host: str,
    port: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    run_worker: Callable[[int], None] | None,
) -> None:
    background = _BackgroundWorker(run_worker) if run_worker else None
    _load_before_forking(settings)
    if background:
        background.fork()
    server = Server(
        f"{_APPLICATION}:create_rsgi",
        factory=True,
        address=host,
        port=port,
        loop=Loops.auto,
        interface=Interfaces.RSGI,
        workers=settings.workers,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
        log_level=LogLevels.error,
        ssl_cert=tls_cert,
        ssl_key=tls_key,
        ssl_protocol_min=SSLProtocols.tls12,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADER_MS, max_buffer_size=_HEADER_OCTETS),
        http2_settings=HTTP2Settings(max_headers_size=_HEADER_OCTETS, max_concurrent_streams=64),
    )
    if background:
        background.start()
    try:
        server.serve()
    finally:
        if background:
            background.stop()


def _load_before_forking(settings: Settings) -> None:
    """Import what the processes that are forked have in common, so that it is in memory once and read once.

    What is there by then is left alone by the garbage collector: looking at it would make each process copy it.
    """
    import_module(_APPLICATION)
    if {"admin", "pki"} & set(settings.roles):
        outside_lint()  # every worker of the console wants it, and whoever issues by a protocol
    gc.collect()
    gc.freeze()


class _BackgroundWorker:
    """Keeps one ``sau worker`` running: the first is forked, before there is a thread; later ones are started anew."""

    def __init__(self, run: Callable[[int], None]) -> None:
        self._run = run
        self._stopped = threading.Event()
        self._forked: multiprocessing.process.BaseProcess | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._supervise, name="background-worker", daemon=True)

    def fork(self) -> None:
        """Start the first one."""
        context = multiprocessing.get_context("fork")
        self._forked = context.Process(target=self._run, args=(os.getpid(),), name="sau worker")
        self._forked.start()

    def start(self) -> None:
        """Watch it from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End it, politely first."""
        self._stopped.set()
        if self._forked is not None and self._forked.is_alive():
            self._forked.terminate()
            self._forked.join(_STOP_SECONDS)
            self._forked.kill()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _supervise(self) -> None:
        if self._forked is not None:
            self._forked.join()
            self._note_end(self._forked.exitcode)
        while not self._stopped.is_set():
            self._process = subprocess.Popen([sys.executable, "-m", "sau", "worker", "--parent", str(os.getpid())])
            self._note_end(self._process.wait())

    def _note_end(self, status: int | None) -> None:
        if not self._stopped.is_set():
            _log.error("background_worker_ended", status=status)
            self._stopped.wait(_RESTART_PAUSE)
