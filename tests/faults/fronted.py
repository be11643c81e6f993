"""The service behind nginx, reached both ways: as visitors reach it, and past the proxy."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.servers.nginx import run_nginx
from tests.servers.process import free_port
from tests.servers.service import LiveService, run_service
from tests.servers.tls import write_localhost_certificate


@dataclass(frozen=True)
class Fronted:
    """A service whose issuer is nginx's address.

    :ivar certificate: PEM file that makes the address trusted.
    """

    service: LiveService
    port: int
    certificate: Path

    @property
    def host(self) -> str:
        """What stands in ``Host``."""
        return f"localhost:{self.port}"

    def connect(self, way: str, *, timeout: float = 30) -> socket.socket:
        """Return a connection by ``way``: ``nginx`` or ``direct``."""
        if way == "direct":
            return socket.create_connection(("127.0.0.1", self.service.port), timeout)
        context = ssl.create_default_context(cafile=self.certificate)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout)
        return context.wrap_socket(plain, server_hostname="localhost")

    def ask(self, way: str, octets: bytes, *, timeout: float = 30) -> bytes:
        """Send ``octets`` and return what comes until the connection ends or rests; empty if it was cut."""
        with self.connect(way, timeout=timeout) as connection:
            with suppress(OSError):  # refused before it was read to the end: the answer may be there
                connection.sendall(octets)
            return read_answer(connection)

    def request(self, line: str, *headers: str, body: bytes = b"") -> bytes:
        """Return the octets of a request."""
        head = [f"{line} HTTP/1.1", f"Host: {self.host}", "Connection: close", *headers]
        return "\r\n".join([*head, "", ""]).encode() + body


def read_answer(connection: socket.socket) -> bytes:
    """Return what arrives until the end of the connection, a cut included."""
    answer = b""
    with suppress(OSError):
        while part := connection.recv(65536):
            answer += part
    return answer


def status_of(answer: bytes) -> int:
    """Return the status of an answer, 0 if there is none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


@contextmanager
def run_fronted(folder: Path, *, workers: int = 1) -> Iterator[Fronted]:
    """Run the service and nginx by the configuration that we ship."""
    port = free_port()
    issuer = f"https://localhost:{port}"
    more = {"SAU_ISSUER": issuer, "SAU_TRUSTED_PROXIES": "127.0.0.1/32", "SAU_WORKERS": str(workers)}
    certificate, key = write_localhost_certificate(folder)
    with (
        run_service(folder, demo=False, more=more) as service,
        run_nginx(folder, upstream=service.port, certificate=certificate, key=key, port=port),
    ):
        yield Fronted(service, port, certificate)
