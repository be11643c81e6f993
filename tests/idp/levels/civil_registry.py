"""Civil registries for tests: one in memory, one that is asked by HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from idp.levels.registry import CivilRecord, RegistryUnavailableError

BORN, CODE = date(1984, 3, 17), "V1234V1234"
ANSWERS = {"birth_date": "17/03/1984", "fingerprint_code": "v1234 v1234"}


def record_of(cedula: str, **changes: Any) -> CivilRecord:
    """Return what the registry knows of the person."""
    told = {"given_names": "ANA MARÍA", "surnames": "QUISPE TOAPANTA", "status": "alive", **changes}
    return CivilRecord(**{"cedula": cedula, "birth_date": BORN, "fingerprint_code": CODE, **told})


@dataclass
class RegistryInMemory:
    """Knows everybody by the same answers, but those in ``known``. ``down``: it does not answer."""

    known: dict[str, CivilRecord | None] = field(default_factory=dict)
    down: bool = False
    asked: list[str] = field(default_factory=list)

    def find(self, cedula: str) -> CivilRecord | None:
        self.asked.append(cedula)
        if self.down:
            raise RegistryUnavailableError("timed_out")
        return self.known.get(cedula, record_of(cedula))


@dataclass
class RegistryServed:
    """What a server answers, and what it was asked."""

    address: str
    status: int = 200
    body: bytes = b""
    media_type: str = "application/json"
    asked: list[tuple[dict[str, Any], str]] = field(default_factory=list)


@contextmanager
def serve_registry() -> Iterator[RegistryServed]:
    """Serve a registry on a port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.asked.append((asked, self.headers.get("Authorization", "")))
            self.send_response(served.status)
            self.send_header("Content-Type", served.media_type)
            self.send_header("Content-Length", str(len(served.body)))
            self.end_headers()
            self.wfile.write(served.body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = RegistryServed(f"http://127.0.0.1:{server.server_port}/personas")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
