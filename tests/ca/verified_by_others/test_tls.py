"""Certificates of ours in TLS between others' programs: nginx serves; Python, curl and Chromium decide.

Valid, revoked, expired, another name, outside of the authority's name constraints (Certificate authority, line 25).
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Error, Page, Playwright

from tests.ca.verified_by_others.estate import SERVER, Estate
from tests.ca.verified_by_others.programs import run
from tests.servers.process import ServerProcess, accepts_connections, find_program, free_port

pytestmark = pytest.mark.server
OUTSIDE = "www.otra-institucion.ec"
SERVERS = {
    "good-tls-server": SERVER,
    "good-tls-server-acme": SERVER,
    "good-tls-server-short": SERVER,
    "revoked-tls-server": SERVER,
    "expired": SERVER,
    "inside": SERVER,
    "outside": OUTSIDE,
}
_BLOCK = """
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/{name}-chain.pem;
    ssl_certificate_key {folder}/{name}.key;
    {clients}
    location / {{ return 200 "bienvenido $ssl_client_verify"; default_type text/plain; }}
  }}
"""
_CLIENTS = (
    "ssl_client_certificate {folder}/root.pem; ssl_crl {folder}/lists.pem; ssl_verify_client on; ssl_verify_depth 3;"
)


@pytest.fixture(scope="module")
def ports(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """nginx with a port for each certificate, and ``clients``, which asks for one and goes by our lists."""
    folder = tmp_path_factory.mktemp("nginx")
    ports = {name: free_port() for name in (*SERVERS, "clients")}
    blocks = [_BLOCK.format(port=ports[name], folder=estate.folder, name=name, clients="") for name in SERVERS]
    clients = _CLIENTS.format(folder=estate.folder)
    blocks.append(_BLOCK.format(port=ports["clients"], folder=estate.folder, name="good-tls-server", clients=clients))
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"pid {folder}/pid; error_log stderr warn; daemon off; worker_processes 1; {user}\n"
        f"events {{ worker_connections 64; }}\nhttp {{ access_log off; {paths}\n{''.join(blocks)}}}\n"
    )
    program = find_program("nginx", package="nginx")
    server = ServerProcess("nginx", [program, "-c", folder / "nginx.conf", "-p", folder], log=folder / "nginx.log")
    server.wait_until(lambda: accepts_connections(ports["clients"]))
    yield ports
    server.stop()


def client_context(estate: Estate) -> ssl.SSLContext:
    """Python's client as it comes, with our root, and told to look at the lists."""
    context = ssl.create_default_context(cafile=estate.path("root.pem"))
    context.load_verify_locations(estate.path("lists.pem"))
    context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN | ssl.VerifyFlags.VERIFY_X509_STRICT
    return context


def connect(context: ssl.SSLContext, port: int, name: str) -> str:
    """Return what a server answers."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=60) as plain,
        context.wrap_socket(plain, server_hostname=name) as channel,
    ):
        channel.sendall(f"GET / HTTP/1.0\r\nHost: {name}\r\n\r\n".encode())
        answer = b""
        while piece := channel.recv(4096):
            answer += piece
        return answer.decode()


@pytest.mark.parametrize(
    ("server", "name", "refusal"),
    [
        ("good-tls-server", SERVER, ""),
        ("good-tls-server-acme", SERVER, ""),
        ("revoked-tls-server", SERVER, "certificate revoked"),
        ("good-tls-server", "otro.pruebas.gob.ec", "Hostname mismatch"),
    ],
)
def test_python_decides(estate: Estate, ports: dict[str, int], server: str, name: str, refusal: str) -> None:
    """``ssl`` with VERIFY_CRL_CHECK_CHAIN and VERIFY_X509_STRICT."""
    if not refusal:
        assert "bienvenido" in connect(client_context(estate), ports[server], name)
        return
    with pytest.raises(ssl.SSLCertVerificationError, match=refusal):
        connect(client_context(estate), ports[server], name)


@pytest.mark.parametrize(
    ("server", "refusal"),
    [
        ("good-tls-server-short", ""),
        ("inside", ""),
        ("expired", "certificate has expired"),
        ("outside", "permitted subtree violation"),
    ],
)
def test_python_decides_without_status(estate: Estate, ports: dict[str, int], server: str, refusal: str) -> None:
    """Certificates that point at no list."""
    context = ssl.create_default_context(cafile=estate.path("root.pem"))
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    if not refusal:
        assert "bienvenido" in connect(context, ports[server], SERVERS[server])
        return
    with pytest.raises(ssl.SSLCertVerificationError, match=refusal):
        connect(context, ports[server], SERVERS[server])


@pytest.mark.parametrize(
    ("client", "welcome"),
    [("good-tls-client", True), ("good-person-authentication", True), ("revoked-tls-client", False), ("inside", False)],
)
def test_python_serves_clients_with_certificates(estate: Estate, client: str, welcome: bool) -> None:
    """A server of Python's: applications and people come in, revoked ones and a server's certificate do not."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=estate.path("root.pem"))
    context.load_cert_chain(estate.path("good-tls-server-chain.pem"), estate.path("good-tls-server.key"))
    context.load_verify_locations(estate.path("lists.pem"))
    context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN
    context.verify_mode = ssl.CERT_REQUIRED
    said: list[str] = []

    def serve(listening: socket.socket) -> None:
        plain, _ = listening.accept()
        try:
            with plain, context.wrap_socket(plain, server_side=True) as channel:
                channel.recv(1024)
                said.append("welcome")
                channel.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        except ssl.SSLError as error:
            said.append(error.reason or "refused")
        except OSError:
            said.append("gone")

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        ours = client_context(estate)
        ours.load_cert_chain(estate.path(f"{client}-chain.pem"), estate.path(f"{client}.key"))
        try:
            connect(ours, listening.getsockname()[1], SERVER)
        except (ssl.SSLError, OSError):
            assert not welcome
        thread.join(60)
    assert (said == ["welcome"]) is welcome, said


def curl(estate: Estate, port: int, name: str, *options: str) -> str:
    return run(
        *("curl", "-sS", "--cacert", "root.pem", "--crlfile", "lists.pem"),
        *("--connect-to", f"{name}:443:127.0.0.1:{port}", *options, f"https://{name}/"),
        package="curl",
        cwd=estate.folder,
    )


def test_curl_decides(estate: Estate, ports: dict[str, int]) -> None:
    """With ``--crlfile``."""
    assert curl(estate, ports["good-tls-server"], SERVER) == "bienvenido NONE"
    assert "revoked" in curl(estate, ports["revoked-tls-server"], SERVER)
    assert "no alternative certificate subject name" in curl(estate, ports["good-tls-server"], "otro.pruebas.gob.ec")


def test_nginx_decides_about_clients(estate: Estate, ports: dict[str, int]) -> None:
    """``ssl_verify_client`` with ``ssl_crl``: an application comes in until it is revoked."""

    def come(client: str) -> str:
        options = ("--cert", f"{client}-chain.pem", "--key", f"{client}.key")
        return curl(estate, ports["clients"], SERVER, *options)

    assert come("good-tls-client") == "bienvenido SUCCESS"
    assert come("good-person-authentication") == "bienvenido SUCCESS"
    assert "400 Bad Request" in come("revoked-tls-client")


@pytest.fixture(scope="module")
def chromium(driver: Playwright, estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page of a Chromium whose user installed our root, and which finds our names on this machine."""
    home = tmp_path_factory.mktemp("home")
    for folder in (home / ".pki" / "nssdb", home / ".local" / "share" / "pki" / "nssdb"):
        folder.mkdir(parents=True)
        for words in (("-N", "--empty-password"), ("-A", "-n", "sau", "-t", "C,,", "-i", estate.path("root.pem"))):
            run("certutil", *words, "-d", f"sql:{folder}", package="libnss3-tools")
    program = find_program("chromium", "chromium-browser", "google-chrome", package="chromium")
    arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    arguments.append("--host-resolver-rules=MAP * 127.0.0.1")
    browser = driver.chromium.launch(executable_path=program, args=arguments, env={**os.environ, "HOME": str(home)})
    yield browser.new_context().new_page()
    browser.close()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("server", "name", "refusal"),
    [
        ("good-tls-server", SERVER, ""),
        ("good-tls-server-acme", SERVER, ""),
        ("good-tls-server-short", SERVER, ""),
        ("inside", SERVER, ""),
        ("good-tls-server", "otro.pruebas.gob.ec", "ERR_CERT_COMMON_NAME_INVALID"),
        ("expired", SERVER, "ERR_CERT_DATE_INVALID"),
        ("outside", OUTSIDE, "ERR_CERT"),
    ],
)
def test_chromium_decides(chromium: Page, ports: dict[str, int], server: str, name: str, refusal: str) -> None:
    """The browser of most citizens, with the root where people install it. It asks no status by itself."""
    address = f"https://{name}:{ports[server]}/"
    if not refusal:
        chromium.goto(address)
        assert "bienvenido" in chromium.content()
        return
    with pytest.raises(Error, match=refusal):
        chromium.goto(address)
