"""A name server of the tests' own: every name is this machine, and what a file says besides."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset


@dataclass
class NameServerOfTests:
    """A name server on a port of 127.0.0.1.

    :ivar zone: lines ``NAME TYPE VALUE``, read at each question; programs append to it.
    :ivar addresses: of every name that the file has none for; empty: such names do not exist.
    :ivar silent: whether it answers SERVFAIL to everything.
    """

    port: int
    zone: Path
    addresses: tuple[str, ...] = ("127.0.0.1",)
    silent: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, kind: str, value: str) -> None:
        """Add a record."""
        with self.zone.open("a") as file:
            file.write(f"{name.rstrip('.')} {kind} {value}\n")

    def clear(self) -> None:
        """Forget all records."""
        self.zone.write_text("")

    def answer(self, wire: bytes) -> bytes | None:
        """Return the answer to one message."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        answer = dns.message.make_response(query, recursion_available=True)
        if self.silent:
            answer.set_rcode(dns.rcode.SERVFAIL)
            return answer.to_wire()
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        values = [value for owner, its_kind, value in self._records() if (owner.lower(), its_kind) == (name, kind)]
        if not values and kind == "A":
            values = [each for each in self.addresses if ":" not in each]
        if not values and kind == "AAAA":
            values = [each for each in self.addresses if ":" in each]
        if values:
            answer.answer.append(dns.rrset.from_text(question.name, 1, "IN", kind, *values))
        return answer.to_wire()

    def _records(self) -> list[tuple[str, str, str]]:
        lines = [line.split(" ", 2) for line in self.zone.read_text().splitlines() if line.strip()]
        return [(owner.rstrip("."), kind, value) for owner, kind, value in lines]


@contextmanager
def run_name_server(folder: Path, *, address: tuple[str, int] = ("127.0.0.1", 0)) -> Iterator[NameServerOfTests]:
    """Serve until the block ends; the zone's file is in ``folder``."""
    zone = folder / "zone"
    zone.touch()
    served: list[NameServerOfTests] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            octets, connection = self.request
            answer = served[0].answer(octets)
            if answer is not None:
                connection.sendto(answer, self.client_address)

    with socketserver.ThreadingUDPServer(address, Handler) as server:
        served.append(NameServerOfTests(server.server_address[1], zone))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield served[0]
        server.shutdown()
        thread.join()
