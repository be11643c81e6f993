"""Proofs of control as they are looked at, over the network of this machine (RFC 8555 §8, RFC 8737)."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ca.acme.caa import Asked
from ca.acme.challenge import HTTP_PATH, alpn_digest, dns_value, key_authorization
from ca.acme.perspectives import Perspectives, required_quorum
from ca.acme.proof import Claim, NotProvedError
from kernel.settings import Settings, load_settings
from tests.servers.dns import NameServerOfTests, run_name_server

NAME, TOKEN, THUMBPRINT = "tramites.pruebas.gob.ec", "t" * 43, "h" * 43
ACCOUNT = "http://localhost:8000/acme/account/1"
EXPECTED = key_authorization(TOKEN, THUMBPRINT).encode()
Answer = tuple[int, dict[str, str], bytes]


def claim(kind: str, *, wildcard: bool = False) -> Claim:
    """A claim for the name of these tests."""
    return Claim(NAME, kind, TOKEN, THUMBPRINT, Asked(wildcard, ("localhost",), kind, ACCOUNT))


class Web:
    """A web server whose answers the test sets by path."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.hosts: list[str] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.hosts.append(self.headers["Host"])
                status, headers, body = web.answers.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]

    @contextmanager
    def served(self) -> Iterator[Web]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()


@pytest.fixture(scope="module")
def names_and_web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[NameServerOfTests, Web]]:
    """A name server and a web server for all tests here."""
    with run_name_server(tmp_path_factory.mktemp("dns")) as names, Web().served() as web:
        yield names, web


@pytest.fixture
def names(names_and_web: tuple[NameServerOfTests, Web]) -> Iterator[NameServerOfTests]:
    """The name server, without records of the tests before."""
    server = names_and_web[0]
    server.clear()
    yield server
    server.addresses, server.silent = ("127.0.0.1",), False


@pytest.fixture
def web(names_and_web: tuple[NameServerOfTests, Web]) -> Web:
    """The web server, which answers as it should until the test says otherwise."""
    server = names_and_web[1]
    server.answers = {HTTP_PATH + TOKEN: (200, {}, EXPECTED)}
    return server


def prover(*servers: NameServerOfTests, web: Web | None = None, **more: str) -> Perspectives:
    """Who looks, from the point of view of each name server."""
    return Perspectives.from_settings(_settings(*servers, web=web, **more))


def _settings(*servers: NameServerOfTests, web: Web | None = None, **more: str) -> Settings:
    chosen = {
        "SAU_ACME_RESOLVERS": ",".join(f"127.0.0.1:{server.port}" for server in servers),
        "SAU_OUTGOING_NETWORKS": "127.0.0.0/8",
        "SAU_ACME_HTTP_PORT": str(web.port if web else 80),
    }
    return load_settings(chosen | more)


def refused(look: Callable[[], object]) -> NotProvedError:
    """The refusal that ``look`` ends in."""
    with pytest.raises(NotProvedError) as caught:
        look()
    return caught.value


def test_a_file_proves_control(names: NameServerOfTests, web: Web) -> None:
    """§8.3: GET at the well-known path, the name in Host, white space after the key authorization allowed."""
    web.answers[HTTP_PATH + TOKEN] = (200, {}, EXPECTED + b"\n")
    web.hosts.clear()
    assert prover(names, web=web).look(claim("http-01")) == 1
    assert web.hosts == [f"{NAME}:{web.port}"]


def test_redirects_are_followed_to_names_and_their_ports(names: NameServerOfTests, web: Web) -> None:
    """§8.3 and §10.2: within http and https, to the ports of the proof, ten times at most."""
    web.answers |= {
        HTTP_PATH + TOKEN: (301, {"Location": f"http://otro.pruebas.gob.ec:{web.port}/x"}, b""),
        "/x": (302, {"Location": "/y"}, b""),
        "/y": (200, {}, EXPECTED),
    }
    assert prover(names, web=web).look(claim("http-01")) == 1
    web.answers |= {"/y": (302, {"Location": "/x"}, b"")}
    assert "more than ten times" in refused(lambda: prover(names, web=web).look(claim("http-01"))).detail


@pytest.mark.parametrize(
    "location",
    [
        pytest.param("http://interno.pruebas.gob.ec:{port}/x", id="internal-name"),
        pytest.param("http://127.0.0.1:{port}/x", id="bare-address"),
        pytest.param("http://[::1]:{port}/x", id="bare-address-6"),
        pytest.param("http://otro.pruebas.gob.ec:22/x", id="other-port"),
        pytest.param("http://otro.pruebas.gob.ec:8080/x", id="high-port"),
        pytest.param("ftp://otro.pruebas.gob.ec/x", id="other-scheme"),
        pytest.param("http://user@otro.pruebas.gob.ec:{port}/x", id="user"),
        pytest.param("file:///etc/passwd", id="file"),
    ],
)
def test_no_redirect_leads_inside(names: NameServerOfTests, web: Web, location: str) -> None:
    """Each hop is judged like the first: the address, the port, the scheme."""
    names.add("interno.pruebas.gob.ec", "A", "10.1.2.3")
    web.answers |= {
        HTTP_PATH + TOKEN: (302, {"Location": location.format(port=web.port)}, b""),
        "/x": (200, {}, EXPECTED),
    }
    error = refused(lambda: prover(names, web=web).look(claim("http-01")))
    assert (error.kind.value, error.final) == ("connection", True)


@pytest.mark.parametrize("kind", ["http-01", "tls-alpn-01"])
@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1"])
def test_internal_addresses_are_never_reached(names: NameServerOfTests, web: Web, kind: str, address: str) -> None:
    """Unless the operator lists them; one of several is enough to refuse (certificate authority, line 24)."""
    public = "2001:4860:4860::8888" if ":" in address else "192.0.43.8"
    names.addresses = (public, address)
    web.hosts.clear()
    looking = prover(names, web=web, SAU_OUTGOING_NETWORKS="")
    error = refused(lambda: looking.look(claim(kind)))
    assert (error.kind.value, error.final, web.hosts) == ("connection", True, [])
    assert address not in error.detail


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param((200, {}, b"secreto interno"), "incorrectResponse", id="something-else"),
        pytest.param((200, {}, EXPECTED[:-1]), "incorrectResponse", id="cut"),
        pytest.param((200, {}, EXPECTED + b"x" * 5000), "incorrectResponse", id="oversized"),
        pytest.param((200, {"Content-Length": "999999999"}, EXPECTED), "incorrectResponse", id="announced-size"),
        pytest.param((200, {"Content-Encoding": "gzip"}, EXPECTED), "incorrectResponse", id="compressed"),
        pytest.param((404, {}, EXPECTED), "incorrectResponse", id="not-found"),
        pytest.param((500, {}, EXPECTED), "incorrectResponse", id="failed"),
        pytest.param((304, {"Location": "/x"}, b""), "incorrectResponse", id="odd-redirect"),
    ],
)
def test_what_was_read_is_never_told(names: NameServerOfTests, web: Web, answer: Answer, kind: str) -> None:
    """Nobody reads a server through us: not its words, not its status."""
    web.answers[HTTP_PATH + TOKEN] = answer
    error = refused(lambda: prover(names, web=web).look(claim("http-01")))
    assert error.kind.value == kind
    assert "secreto" not in error.detail and str(answer[0]) not in error.detail.replace("than 200", "")


def test_a_record_proves_control(names: NameServerOfTests) -> None:
    """§8.4: any one of several TXT values; nothing, another value, and a silent server do not."""
    place = f"_acme-challenge.{NAME}"
    assert "no TXT record" in refused(lambda: prover(names).look(claim("dns-01"))).detail
    names.add(place, "TXT", '"otro valor"')
    assert "1 other values" in refused(lambda: prover(names).look(claim("dns-01"))).detail
    names.add(place, "TXT", dns_value(TOKEN, THUMBPRINT))
    assert prover(names).look(claim("dns-01", wildcard=True)) == 1
    names.silent = True
    assert refused(lambda: prover(names).look(claim("dns-01"))).kind.value == "dns"


@pytest.mark.parametrize(
    ("records", "wildcard", "allowed"),
    [
        pytest.param(["pruebas.gob.ec 0 issue otra.ec"], False, False, id="above"),
        pytest.param(["pruebas.gob.ec 0 issue otra.ec", f"{NAME} 0 issue localhost"], False, True, id="closest"),
        pytest.param([f'{NAME} 0 issue ";"'], False, False, id="nobody"),
        pytest.param([f"{NAME} 0 iodef mailto:a@b.ec"], False, True, id="no-issue"),
        pytest.param([f"{NAME} 0 issuewild otra.ec"], False, True, id="not-a-wildcard"),
        pytest.param([f"{NAME} 0 issue localhost", f"{NAME} 0 issuewild otra.ec"], True, False, id="issuewild"),
        pytest.param([f"{NAME} 128 novedad x"], False, False, id="critical"),
        pytest.param([f"{NAME} 0 novedad x"], False, True, id="unknown"),
        pytest.param([f'{NAME} 0 issue "localhost; validationmethods=dns-01"'], False, True, id="method"),
        pytest.param([f'{NAME} 0 issue "localhost; validationmethods=http-01"'], False, False, id="other-method"),
        pytest.param([f'{NAME} 0 issue "localhost; accounturi={ACCOUNT}"'], False, True, id="account"),
        pytest.param([f'{NAME} 0 issue "localhost; accounturi={ACCOUNT}2"'], False, False, id="other-account"),
        pytest.param([f'{NAME} 0 issue "localhost; %"'], False, False, id="illegible"),
    ],
)
def test_caa_is_obeyed(names: NameServerOfTests, records: list[str], wildcard: bool, allowed: bool) -> None:
    """RFC 8659 §3 and §4, RFC 8657; the refusal says which name forbids it."""
    names.add(f"_acme-challenge.{NAME}", "TXT", dns_value(TOKEN, THUMBPRINT))
    for record in records:
        owner, value = record.split(" ", 1)
        flags, tag, rest = value.split(" ", 2)
        quoted = rest if rest.startswith('"') else f'"{rest}"'
        names.add(owner, "CAA", f"{flags} {tag} {quoted}")
    if allowed:
        assert prover(names).look(claim("dns-01", wildcard=wildcard)) == 1
        return
    error = refused(lambda: prover(names).look(claim("dns-01", wildcard=wildcard)))
    assert (error.kind.value, error.final) == ("caa", True)
    assert "gob.ec" in error.detail


def test_enough_points_of_view_must_see_it(tmp_path: Path) -> None:
    """BR §3.2.2.9: a deceived resolver alone proves nothing; of three, one may fail."""
    with ExitStack() as stack:
        servers = []
        for number in range(3):
            folder = tmp_path / str(number)
            folder.mkdir()
            servers.append(stack.enter_context(run_name_server(folder)))
        value = dns_value(TOKEN, THUMBPRINT)
        servers[0].add(f"_acme-challenge.{NAME}", "TXT", value)
        error = refused(lambda: prover(*servers).look(claim("dns-01")))
        assert "1 of 3 points of view" in error.detail
        assert prover(*servers, SAU_ACME_QUORUM="1").look(claim("dns-01")) == 1
        servers[2].add(f"_acme-challenge.{NAME}", "TXT", value)
        assert prover(*servers).look(claim("dns-01")) == 2
        assert refused(lambda: prover(servers[0], servers[1]).look(claim("dns-01"))).kind.value == "incorrectResponse"
    assert [required_quorum(views, 0) for views in (1, 2, 3, 5)] == [1, 2, 2, 4]
    assert required_quorum(2, 9) == 2


class Greeter:
    """A TLS server with one certificate and its application protocols."""

    def __init__(self, folder: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, *protocols: str):
        pem = folder / "pem"
        pem.write_bytes(
            certificate.public_bytes(Encoding.PEM)
            + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pem)
        self._context.set_alpn_protocols(list(protocols))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with closing(self._listening):
            connection, _ = self._listening.accept()
            try:
                with self._context.wrap_socket(connection, server_side=True) as secured:
                    secured.recv(1)
            except OSError:
                return


def challenge_certificate(
    key: ec.EllipticCurvePrivateKey, *, names: list[x509.GeneralName], digest: bytes, critical: bool = True
) -> x509.Certificate:
    """A self-signed certificate as RFC 8737 §3 wants it."""
    oid = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
    name = x509.Name([])
    start = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .add_extension(x509.UnrecognizedExtension(oid, b"\x04\x20" + digest), critical=critical)
        .sign(key, hashes.SHA256())
    )


GOOD = alpn_digest(TOKEN, THUMBPRINT)
ONE = [x509.DNSName(NAME)]


@pytest.mark.parametrize(
    ("names_inside", "digest", "critical", "protocols", "kind"),
    [
        pytest.param(ONE, GOOD, True, ("acme-tls/1",), None, id="good"),
        pytest.param(ONE, b"x" * 32, True, ("acme-tls/1",), "incorrectResponse", id="other-digest"),
        pytest.param(ONE, GOOD, False, ("acme-tls/1",), "incorrectResponse", id="not-critical"),
        pytest.param([*ONE, x509.DNSName("b.ec")], GOOD, True, ("acme-tls/1",), "incorrectResponse", id="two-names"),
        pytest.param([x509.DNSName("b.ec")], GOOD, True, ("acme-tls/1",), "incorrectResponse", id="other-name"),
        pytest.param(
            [x509.IPAddress(ipaddress.ip_address("192.0.2.1"))],
            GOOD,
            True,
            ("acme-tls/1",),
            "incorrectResponse",
            id="ip",
        ),
        pytest.param(ONE, GOOD, True, ("http/1.1",), "tls", id="other-protocol"),
    ],
)
def test_a_greeting_proves_control(
    names: NameServerOfTests,
    tmp_path: Path,
    names_inside: list[x509.GeneralName],
    digest: bytes,
    critical: bool,
    protocols: tuple[str, ...],
    kind: str | None,
) -> None:
    """RFC 8737 §3: protocol, name, self-signature, critical acmeIdentifier."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = challenge_certificate(key, names=names_inside, digest=digest, critical=critical)
    greeter = Greeter(tmp_path, certificate, key, *protocols)
    looking = prover(names, SAU_ACME_TLS_PORT=str(greeter.port))
    if kind is None:
        assert looking.look(claim("tls-alpn-01")) == 1
    else:
        assert refused(lambda: looking.look(claim("tls-alpn-01"))).kind.value == kind


def test_other_ports_are_for_tests_only() -> None:
    """A proof on a high port is anybody's who has a login on the machine."""
    from kernel.errors import Rejected

    with pytest.raises(Rejected, match="SAU_ACME_HTTP_PORT"):
        load_settings({"SAU_ISSUER": "https://sau.gob.ec", "SAU_ACME_HTTP_PORT": "8080"})


def test_one_view_that_leads_inside_is_enough_to_refuse(tmp_path: Path, web: Web) -> None:
    """Whatever the others see: an address inside is never a matter of votes."""
    with ExitStack() as stack:
        servers = []
        for number, address in enumerate(("127.0.0.1", "127.0.0.1", "10.0.0.1")):
            folder = tmp_path / str(number)
            folder.mkdir()
            server = stack.enter_context(run_name_server(folder))
            server.addresses = (address,)
            servers.append(server)
        assert prover(servers[0], servers[1], web=web).look(claim("http-01")) == 2
        error = refused(lambda: prover(*servers, web=web).look(claim("http-01")))
        assert (error.kind.value, error.final) == ("connection", True)


def test_a_name_server_that_never_answers_is_not_waited_for(
    names: NameServerOfTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many labels a name has, its CAA records are asked for within one time."""
    monkeypatch.setattr("ca.acme.proof._SECONDS_FOR_CAA", -1.0)
    names.add(f"_acme-challenge.{NAME}", "TXT", dns_value(TOKEN, THUMBPRINT))
    error = refused(lambda: prover(names).look(claim("dns-01")))
    assert (error.kind.value, error.final) == ("dns", False)
