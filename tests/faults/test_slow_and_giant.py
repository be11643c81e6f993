"""Requests without measure: slow, many, huge. Cut early, with memory flat (attacks and faults, line 25)."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from tests.faults import Figure, rounds
from tests.faults.fronted import Fronted, run_fronted, status_of
from tests.faults.memory import proportional_megabytes

pytestmark = [pytest.mark.server, pytest.mark.slow]

_WAYS = ("direct", "nginx")
_FLAT = 48.0  # megabytes by which memory may differ: what threads and caches take that were not used before
_GIGABYTE = 1024**3
_FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def fronted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronted]:
    """A service and nginx before it; shared by the tests here."""
    with run_fronted(tmp_path_factory.mktemp("fronted")) as fronted:
        for way in _WAYS:
            assert status_of(fronted.ask(way, fronted.request("GET /login/"))) in (200, 303, 404)
        yield fronted


@pytest.fixture(params=_WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """By nginx, and past it."""
    return str(request.param)


def test_what_is_too_big_is_refused_before_it_is_read(fronted: Fronted, way: str, figure: Figure) -> None:
    """Refused plainly by a status of its own, whatever it is that has no measure, and memory stays as it was."""
    before = proportional_megabytes(fronted.service)
    giants = {
        "a body of 1 GB": fronted.request(
            "POST /token", _FORM, f"Content-Length: {_GIGABYTE}", body=b"a=" + b"b" * 10**6
        ),
        "10,000 headers": fronted.request("GET /login", *(f"X-{number}: a" for number in range(10_000))),
        "a header of 1 MB": fronted.request("GET /login", f"X-Long: {'a' * 1024**2}"),
        "a query of 1 MB": fronted.request(f"GET /authorize?client_id={'a' * 1024**2}"),
        "a parameter of 1 MB": fronted.request(
            "POST /token", _FORM, f"Content-Length: {1024**2 + 10}", body=b"client_id=" + b"a" * 1024**2
        ),
    }
    for _ in range(rounds(1, 20)):
        for what, octets in giants.items():
            started = time.monotonic()
            answer = fronted.ask(way, octets)
            status = status_of(answer)
            # A server that stops reading may end the connection before the client has read why.
            assert status in (0, 400, 413, 414, 431), (what, answer[:200])
            assert time.monotonic() - started < 60, what
            assert status_of(fronted.ask(way, fronted.request("GET /health"))) == 200, what
    after = proportional_megabytes(fronted.service)
    figure(f"giants, {way}: memory before", before, "MB")
    figure(f"giants, {way}: memory after", after, "MB")
    assert after < before + _FLAT


def test_an_endless_body_is_cut(fronted: Fronted, way: str, figure: Figure) -> None:
    """Without a length (chunked) it is read to the bound and no further; a gigabyte is never taken."""
    before, taken = proportional_megabytes(fronted.service), 0
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    with fronted.connect(way) as connection:
        connection.settimeout(0.2)
        with suppress(TimeoutError):
            connection.recv(1)  # what TLS 1.3 says after its handshake is no answer
        connection.settimeout(60)
        connection.sendall(fronted.request("POST /token", _FORM, "Transfer-Encoding: chunked"))
        with suppress(OSError):
            while taken < _GIGABYTE and not select.select([connection], [], [], 0)[0]:
                connection.sendall(chunk)
                taken += len(chunk)
        answer = b""
        with suppress(OSError):
            answer = connection.recv(65536)
    figure(f"endless body, {way}: sent before it is refused", taken / 1024**2, "MB")
    assert status_of(answer) in (0, 413)  # the connection may end before why has been read
    assert taken < 64 * 1024**2  # buffers of the kernel's, not ours
    assert proportional_megabytes(fronted.service) < before + _FLAT
    assert status_of(fronted.ask(way, fronted.request("GET /health"))) == 200


@pytest.mark.parametrize(
    ("way", "part"),
    [
        ("direct", "bodies"),
        ("nginx", "headers"),
        pytest.param("direct", "headers", marks=pytest.mark.faults),
        pytest.param("nginx", "bodies", marks=pytest.mark.faults),
    ],
)
def test_hundreds_who_send_an_octet_a_second_hold_nobody_up(
    fronted: Fronted, way: str, part: str, figure: Figure
) -> None:
    """Others are answered while they are there, and they are cut after a while."""
    number, patience = rounds(100, 150), rounds(2, 90)
    beginning = (
        fronted.request("POST /token", _FORM, "Content-Length: 100000", body=b"a=")
        if part == "bodies"
        else f"GET /login HTTP/1.1\r\nHost: {fronted.host}\r\nX-Slow: ".encode()
    )
    before = proportional_megabytes(fronted.service)
    with ExitStack() as held:
        slow = [held.enter_context(fronted.connect(way)) for _ in range(number)]
        for connection in slow:
            connection.sendall(beginning)
        longest, cut_after = 0.0, 0.0
        started = time.monotonic()
        while slow and time.monotonic() < started + patience:
            slow = [connection for connection in slow if _drips(connection)]
            asked = time.monotonic()
            for path in ("/health", "/jwks", "/login"):
                assert status_of(fronted.ask(way, fronted.request(f"GET {path}"), timeout=60)) in (200, 303), path
            longest = max(longest, time.monotonic() - asked)
            cut_after = time.monotonic() - started
            time.sleep(max(0.0, asked + 1 - time.monotonic()))
        figure(f"{number} slow {part}, {way}: longest time of three others", longest, "s")
        if patience > 30 and (way, part) != ("nginx", "bodies"):  # which it keeps to itself, as long as they drip
            figure(f"{number} slow {part}, {way}: the last is cut after", cut_after, "s")
            assert slow == []
        figure(f"{number} slow {part}, {way}: memory", proportional_megabytes(fronted.service) - before, "MB more")
        assert proportional_megabytes(fronted.service) < before + _FLAT


def _drips(connection: socket.socket) -> bool:
    """Send one octet more and tell whether the connection is still open."""
    try:
        connection.sendall(b"a")
        connection.setblocking(False)
        try:
            return bool(connection.recv(1) and False)
        except (BlockingIOError, OSError) as error:
            return "timed out" in str(error) or isinstance(error, BlockingIOError) or "did not complete" in str(error)
        finally:
            connection.setblocking(True)
    except OSError:
        return False
