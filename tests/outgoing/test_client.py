"""The guarded client against hosts that do what they should not (OpenID Provider, rule 14)."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path

import pytest

from kernel.database import Database
from kernel.errors import Fault, Unavailable
from outgoing.client import OutgoingClient
from outgoing.deadline import Deadline
from outgoing.errors import OutgoingError, OutgoingReason
from outgoing.resolution import BoundedResolution, Resolver
from tests.outgoing.host import TestAuthority, answering, ok, run_host

_LOOPBACK = (ip_network("127.0.0.0/8"),)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TestAuthority:
    """An authority of the operator."""
    return TestAuthority(tmp_path_factory.mktemp("authority"))


def _client(resolver: Resolver | None = None, *, ca_file: Path | None = None, **more: int) -> OutgoingClient:
    return OutgoingClient(
        networks=_LOOPBACK, ca_file=ca_file, resolver=resolver or (lambda host, port: ["127.0.0.1"]), **more
    )


def _refused(client: OutgoingClient, url: str, *, seconds: float = 10, most_octets: int = 1000) -> OutgoingReason:
    with pytest.raises(OutgoingError) as caught:
        client.fetch(url, seconds=seconds, most_octets=most_octets)
    assert isinstance(caught.value, Unavailable)
    return caught.value.reason


def test_fetches_over_tls_from_the_address_that_was_checked(authority: TestAuthority) -> None:
    """The name goes into SNI, certificate check and Host; nothing that a browser or a library would add is sent."""
    with run_host(ok(b'{"keys":[]}'), tls=authority.context("portal.example")) as host:
        client = _client(ca_file=authority.ca_file)
        answer = client.fetch(f"https://portal.example:{host.port}/jwks?v=1", media_types=("application/json",))
    assert (answer.status, answer.media_type, answer.body) == (200, "application/json", b'{"keys":[]}')
    request = host.requests[0].decode()
    assert request.startswith("GET /jwks?v=1 HTTP/1.1\r\n")
    assert sorted(line.split(":")[0] for line in request.strip().split("\r\n")[1:]) == [
        "Accept",
        "Accept-Encoding",
        "Connection",
        "Host",
        "User-Agent",
    ]
    assert f"Host: portal.example:{host.port}\r\nAccept-Encoding: identity\r\n" in request.replace(
        "Accept: application/json\r\n", ""
    )


def test_sends_a_body_and_returns_whatever_status_comes(authority: TestAuthority) -> None:
    """What a 400 means is the caller's to judge."""
    refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json; x=y\r\nContent-Length: 2\r\n\r\n{}"
    with run_host(answering(refusal), tls=authority.context("portal.example")) as host:
        answer = _client(ca_file=authority.ca_file).send(
            f"https://portal.example:{host.port}/out",
            body=b"logout_token=x",
            media_type="application/x-www-form-urlencoded",
            headers={"Authorization": "Bearer abc"},
        )
    assert (answer.status, answer.succeeded, answer.media_type) == (400, False, "application/json")
    assert host.requests[0].endswith(b"\r\n\r\nlogout_token=x")
    assert b"Authorization: Bearer abc\r\n" in host.requests[0]


def test_a_name_that_answers_otherwise_later_changes_nothing() -> None:
    """DNS rebinding: the name is asked once, and the connection goes to what was judged then."""
    asked: list[str] = []

    def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    with run_host(ok()) as host:
        assert _client(rebinding).fetch(f"http://portal.example:{host.port}/").status == 200
    assert asked == ["portal.example"]


@pytest.mark.parametrize("inward", [["10.0.0.1"], ["169.254.169.254"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"]])
def test_a_name_with_one_inward_address_is_not_connected_to(inward: list[str]) -> None:
    """Every address is judged, not only the first, and none is connected to."""
    with run_host(ok()) as host:
        client = OutgoingClient(resolver=lambda name, port: inward)
        assert _refused(client, f"https://portal.example:{host.port}/") is OutgoingReason.REFUSED_ADDRESS
    assert host.connections == 0


def test_loopback_is_reached_only_if_the_operator_lists_it() -> None:
    """By name, by address, in any case."""
    with run_host(ok()) as host:
        for url in (
            f"https://localhost:{host.port}/",
            f"https://127.0.0.1:{host.port}/",
            f"https://[::1]:{host.port}/",
        ):
            assert _refused(OutgoingClient(), url) is OutgoingReason.REFUSED_ADDRESS
        assert OutgoingClient(networks=_LOOPBACK).fetch(f"http://127.0.0.1:{host.port}/").status == 200
    assert host.connections == 1


def test_plain_http_stays_in_the_networks_of_the_operator() -> None:
    """Elsewhere what is fetched could be anyone's."""
    assert _refused(OutgoingClient(), "http://portal.example/") is OutgoingReason.PLAIN_HTTP
    assert _refused(_client(lambda host, port: ["8.8.8.8"]), "http://portal.example/") is OutgoingReason.PLAIN_HTTP


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    """Neither inward nor anywhere."""
    with run_host(ok()) as inner:
        location = f"HTTP/1.1 {status} x\r\nLocation: http://127.0.0.1:{inner.port}/\r\nContent-Length: 0\r\n\r\n"
        with run_host(answering(location.encode())) as host:
            url = f"http://portal.example:{host.port}/"
            assert _refused(_client(), url) is OutgoingReason.REDIRECTED
            with pytest.raises(OutgoingError, match="redirected"):
                _client().send(url, body=b"x", media_type="text/plain")
    assert inner.connections == 0


def test_a_certificate_for_another_name_is_refused(authority: TestAuthority) -> None:
    """The connection goes to an address, but the name is what is verified."""
    with run_host(ok(), tls=authority.context("other.example")) as host:
        url = f"https://portal.example:{host.port}/"
        assert _refused(_client(ca_file=authority.ca_file), url) is OutgoingReason.BAD_CERTIFICATE
    assert host.requests == []


def test_a_certificate_of_an_unknown_authority_or_past_its_time_is_refused(authority: TestAuthority) -> None:
    """The operator's file adds to the system's anchors; without it our test authority is nobody."""
    with run_host(ok(), tls=authority.context("portal.example")) as host:
        assert _refused(_client(), f"https://portal.example:{host.port}/") is OutgoingReason.BAD_CERTIFICATE
    with run_host(ok(), tls=authority.context("portal.example", expired=True)) as host:
        url = f"https://portal.example:{host.port}/"
        assert _refused(_client(ca_file=authority.ca_file), url) is OutgoingReason.BAD_CERTIFICATE


def test_a_host_that_speaks_no_tls_is_refused(authority: TestAuthority) -> None:
    """Nothing of the request leaves in clear."""
    with run_host(answering(b"220 mail.example ESMTP\r\n")) as host:
        url = f"https://portal.example:{host.port}/"
        assert _refused(_client(ca_file=authority.ca_file), url) in (
            OutgoingReason.BAD_TLS,
            OutgoingReason.UNREACHABLE,
        )
    assert not any(b"portal.example:" in request or b"GET" in request for request in host.requests)


def test_a_missing_trust_file_is_said(tmp_path: Path) -> None:
    """And not taken for a certificate that is wrong."""
    with run_host(ok()) as host:
        client = _client(ca_file=tmp_path / "none.pem")
        assert _refused(client, f"https://portal.example:{host.port}/") is OutgoingReason.BAD_TRUST_FILE


def test_a_slow_drip_ends_with_the_time_of_the_whole() -> None:
    """An octet now and then keeps a read alive, but not the request."""

    def drip(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
        for _ in range(2000):
            connection.sendall(b"x")
            time.sleep(0.05)

    def drip_headers(connection: socket.socket, _request: bytes) -> None:
        for _ in range(2000):
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            time.sleep(0.05)

    for behaviour in (drip, drip_headers):
        with run_host(behaviour) as host:
            started = time.monotonic()
            assert _refused(_client(), f"http://portal.example:{host.port}/", seconds=0.6) is OutgoingReason.TIMED_OUT
            assert time.monotonic() - started < 60


def test_a_host_that_says_nothing_ends_with_the_time() -> None:
    """Neither before nor after the TLS handshake does anyone wait longer."""
    release = threading.Event()
    with run_host(lambda connection, request: bool(release.wait(60)) and None) as host:
        assert _refused(_client(), f"http://portal.example:{host.port}/", seconds=0.3) is OutgoingReason.TIMED_OUT
        assert _refused(_client(), f"https://portal.example:{host.port}/", seconds=0.3) is OutgoingReason.TIMED_OUT
        release.set()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001, id="announced"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000, id="until the end"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2ee\r\n" + b"x" * 750 + b"\r\n2ee\r\n" + b"x" * 750,
            id="in chunks",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1;" + b"e" * 60_000 + b"\r\nx\r\n0\r\n\r\n",
            id="frames",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % n * 40 for n in range(90)), id="headers"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 5_000, id="continue for ever"),
    ],
)
def test_an_answer_without_measure_is_cut(answer: bytes) -> None:
    """Body, chunk frames and header are counted as they come; memory stays flat."""
    with run_host(answering(answer)) as host:
        reason = _refused(_client(), f"http://portal.example:{host.port}/")
        assert reason in (OutgoingReason.TOO_LARGE, OutgoingReason.BAD_ANSWER)


def test_a_compressed_answer_is_refused() -> None:
    """It was not asked for, and a small one may unpack to gigabytes."""
    bomb = gzip.compress(b"0" * 1_000_000)
    with run_host(ok(bomb, headers=b"Content-Encoding: gzip\r\n")) as host:
        assert _refused(_client(), f"http://portal.example:{host.port}/") is OutgoingReason.ENCODED
    with run_host(ok(b"x", headers=b"Transfer-Encoding: gzip, chunked\r\n")) as host:
        assert _refused(_client(), f"http://portal.example:{host.port}/") is OutgoingReason.ENCODED


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 9999 OK\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(answer: bytes) -> None:
    """A cut answer is not taken for a whole one."""
    with run_host(answering(answer)) as host:
        reason = _refused(_client(), f"http://portal.example:{host.port}/")
        assert reason in (OutgoingReason.BAD_ANSWER, OutgoingReason.UNREACHABLE)


def test_only_200_of_the_expected_type_is_a_document() -> None:
    """An error page is no key set."""
    with run_host(answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")) as host:
        assert _refused(_client(), f"http://portal.example:{host.port}/") is OutgoingReason.BAD_STATUS
    page = ok(b"<html>", headers=b"Content-Type: text/html\r\n")
    with run_host(page) as host, pytest.raises(OutgoingError, match="bad_media_type"):
        _client().fetch(f"http://portal.example:{host.port}/", media_types=("application/json",))


def test_a_resolver_that_hangs_holds_nobody_up() -> None:
    """Attacks and faults 23: dead DNS. Those that hang are few, further questions are refused in time."""
    release = threading.Event()

    def hang(host: str, port: int) -> Sequence[str]:
        release.wait(60)
        return []

    client = _client(hang)
    assert [_refused(client, "https://portal.example/", seconds=0.05) for _ in range(9)] == [
        *[OutgoingReason.TIMED_OUT] * 8,
        OutgoingReason.BUSY,
    ]
    release.set()


def test_a_resolver_that_ends_in_time_by_itself_is_asked_without_another_thread() -> None:
    """One that was configured; what it says late is too late all the same."""
    asked: list[threading.Thread] = []

    def answer(host: str, port: int) -> Sequence[str]:
        asked.append(threading.current_thread())
        if host == "slow.example":
            time.sleep(0.02)
        if host == "unknown.example":
            raise socket.gaierror
        return ["127.0.0.1"]

    bounded = BoundedResolution(answer, is_bounded=True)
    assert bounded.addresses("a.example", 80, deadline=Deadline(5)) == ["127.0.0.1"]
    assert asked == [threading.current_thread()]
    for host, seconds, reason in (
        ("unknown.example", 5.0, OutgoingReason.UNRESOLVED),
        ("slow.example", 0.01, OutgoingReason.TIMED_OUT),
    ):
        with pytest.raises(OutgoingError) as caught:
            bounded.addresses(host, 80, deadline=Deadline(seconds))
        assert caught.value.reason is reason


def test_a_name_without_address_is_said() -> None:
    """And a host where nobody listens."""

    def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror

    assert _refused(_client(unknown), "https://portal.example/") is OutgoingReason.UNRESOLVED
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert _refused(_client(), f"http://portal.example:{port}/") is OutgoingReason.UNREACHABLE


def test_the_next_address_is_tried_if_one_does_not_answer() -> None:
    """A host with two addresses, one of them down."""
    with run_host(ok()) as host:
        client = _client(lambda name, port: ["127.0.0.3", "127.0.0.1"])
        assert client.fetch(f"http://portal.example:{host.port}/").status == 200


def test_connections_at_once_are_few() -> None:
    """Whoever makes us connect to a slow host does not take every thread's socket."""
    release, arrived = threading.Event(), threading.Event()

    def slow(connection: socket.socket, _request: bytes) -> None:
        arrived.set()
        release.wait(60)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with run_host(slow) as host:
        client, url = _client(most_connections=1), f"http://portal.example:{host.port}/"
        first = threading.Thread(target=lambda: client.fetch(url, seconds=20))
        first.start()
        arrived.wait(60)
        assert _refused(client, url, seconds=0.1) is OutgoingReason.BUSY
        release.set()
        first.join()
        assert client.fetch(url).status == 200


def test_no_request_leaves_inside_a_transaction(database: Database) -> None:
    """On SQLite the whole service would wait for a stranger's server."""
    with run_host(ok()) as host:
        url = f"http://portal.example:{host.port}/"
        with pytest.raises(Fault, match="outgoing_in_transaction"), database.transaction():
            _client().fetch(url)
        assert host.connections == 0
        assert _client().fetch(url).status == 200


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would resolve the name again, out of our sight."""
    with run_host(ok()) as proxy, run_host(ok()) as host:
        for name in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert _client().fetch(f"http://portal.example:{host.port}/").status == 200
    assert proxy.connections == 0


def test_a_url_can_be_judged_before_it_is_ever_asked() -> None:
    """At registration: by its text, without asking for the name."""
    client = OutgoingClient(networks=(ip_network("10.0.0.0/8"),))
    client.require_target("https://portal.example/out")
    client.require_target("https://10.0.0.1/out")
    client.require_target("https://[2a00::1]/out")
    for url in ("https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/", "https://user@portal.example/"):
        with pytest.raises(OutgoingError):
            client.require_target(url)
    with pytest.raises(OutgoingError, match="plain_http"):
        OutgoingClient().require_target("http://portal.example/")
