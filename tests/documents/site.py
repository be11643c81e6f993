"""The site of the documents for a test: the one that the gates built, or one of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from scripts import site
from tests.architecture.source import ROOT


def made_site(folder: Path) -> Path:
    """Return the folder of the site; it is made in ``folder`` only if ``make check`` has not made today's."""
    made = ROOT / "build" / "site"
    if site.is_current(made):
        return made
    site.build(folder)
    return folder


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder as a web server does that knows nothing of us; give its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
