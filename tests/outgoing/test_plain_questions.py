"""Answers of name servers that are read without a library: plain ones only, and none that answers something else."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from kernel.settings import NameServerAddress
from outgoing.errors import OutgoingError
from outgoing.name_server import CaaRecord, NameServer
from outgoing.plain_questions import AAAA, CAA, A, ask_plainly

NAME = "tramites.pruebas.gob.ec"
ENCODED = b"\x08tramites\x07pruebas\x03gob\x02ec\0"
Behaviour = Callable[[bytes], list[bytes]]
"""What a name server sends for a message."""


def message(query: bytes, *records: bytes, flags: int = 0x8180, question: bytes | None = None) -> bytes:
    """An answer to ``query`` with these records."""
    return query[:2] + struct.pack("!5H", flags, 1, len(records), 0, 0) + (question or query[12:]) + b"".join(records)


def record(
    kind: int, value: bytes, *, owner: bytes = b"\xc0\x0c", its_class: int = 1, length: int | None = None
) -> bytes:
    """A record as it is on the wire."""
    said = len(value) if length is None else length
    return owner + struct.pack("!2HIH", kind, its_class, 60, said) + value


@contextmanager
def name_server(behaviour: Behaviour) -> Iterator[tuple[str, int]]:
    """A name server that behaves so, until the block ends."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as serving:
        serving.bind(("127.0.0.1", 0))

        def serve() -> None:
            with suppress(OSError):
                while True:
                    query, peer = serving.recvfrom(4096)
                    if not query:
                        return
                    for each in behaviour(query):
                        serving.sendto(each, peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield serving.getsockname()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ending:
            ending.sendto(b"", serving.getsockname())
        thread.join()


def _another(query: bytes) -> bytes:
    return bytes((query[0] ^ 1,)) + query[1:]


ADDRESS = record(A, b"\x7f\0\0\x01")


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (lambda query: [message(query, ADDRESS, record(A, b"\x7f\0\0\x02"))], [b"\x7f\0\0\x01", b"\x7f\0\0\x02"]),
        (lambda query: [message(query, record(A, b"\x7f\0\0\x03", owner=ENCODED))], None),
        (lambda query: [message(query)], []),
        (lambda query: [message(query, flags=0x8183)], []),  # no such name
        (lambda query: [message(query, flags=0x8182)], None),  # SERVFAIL
        (lambda query: [message(query, ADDRESS, flags=0x8380)], None),  # cut
        (lambda query: [message(query, record(5, b"\xc0\x0c"), ADDRESS)], None),  # an alias
        (lambda query: [message(query, record(A, b"\x7f\0\0\x01", its_class=3))], None),
        (lambda query: [message(query, record(A, b"\x7f\0\0\x01", length=400))], None),
        (lambda query: [message(query, ADDRESS)[:-8]], None),
        (lambda query: [message(query, ADDRESS, flags=0x8183)], None),
        # What answers another question, or is none, is passed over; what comes after it counts.
        (lambda query: [query[:2], query, message(_another(query), ADDRESS), message(query)], []),
        (lambda query: [message(query, ADDRESS, question=query[12:-4] + b"\0\x1c\0\x01"), message(query)], []),
    ],
)
def test_only_plain_answers_to_the_very_question_are_read(behaviour: Behaviour, expected: list[bytes] | None) -> None:
    """Everything else is left to the library."""
    with name_server(behaviour) as where:
        assert ask_plainly(where, [(NAME, A)], seconds=5) == [expected]


def test_several_questions_share_an_exchange() -> None:
    """Whichever answer comes first, each belongs to its question; a name that is not written plainly is not asked."""
    held: list[bytes] = []

    def last_first(query: bytes) -> list[bytes]:
        held.append(query)
        if len(held) < 2:
            return []
        return [message(held[1], record(AAAA, b"\0" * 15 + b"\1")), message(held[0], ADDRESS)]

    questions = [(NAME, A), (NAME, AAAA), ("a..b", A), ("ñ.ec", A), ("a" * 64 + ".ec", A), ("a\\.b", A), ("", A)]
    with name_server(last_first) as where:
        found = ask_plainly(where, questions, seconds=5)
    assert found == [[b"\x7f\0\0\x01"], [b"\0" * 15 + b"\1"], None, None, None, None, None]
    assert [query[12:-4] for query in held] == [ENCODED, ENCODED]


def test_a_flood_of_strangers_answers_ends() -> None:
    """Nobody is kept reading by messages that answer nothing."""
    with name_server(lambda query: [b"\0" * 20] * 200) as where:
        assert ask_plainly(where, [(NAME, A)], seconds=60) == [None]


def test_records_are_as_the_library_reads_them() -> None:
    """CAA (RFC 8659 §4.1) and addresses; what is no such record is an error, not an answer."""
    values = {
        A: b"\x7f\0\0\x01",
        AAAA: b"\0" * 15 + b"\1",
        CAA: b"\x80\x05Issueca.example; a=1",
    }

    def answering(query: bytes) -> list[bytes]:
        kind = int.from_bytes(query[-4:-2])
        return [message(query, record(kind, values[kind]))]

    with name_server(answering) as (address, port):
        names = NameServer(NameServerAddress(address, port), seconds=2)
        assert names.addresses(NAME, 80) == ["127.0.0.1", "::1"]
        assert names.issuers(NAME) == [CaaRecord(True, "issue", "ca.example; a=1")]
        hasty = NameServer(NameServerAddress(address, port), seconds=0.2)
        for broken in (b"\0", b"\0\x09issue"):
            values[CAA] = broken
            with pytest.raises(OutgoingError):
                hasty.issuers(NAME)
