"""The mutual-TLS host through the nginx configuration that we ship, with real TLS client certificates."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from sqlalchemy import select

from audit.model import AuditEvent
from tests.servers.nginx import MTLS_HOST, run_nginx
from tests.servers.process import free_port
from tests.servers.service import LiveService, run_service
from tests.servers.tls import write_localhost_certificate

pytestmark = pytest.mark.server

FORGED = {
    "Client-Cert": ":" + base64.b64encode(b"forged").decode() + ":",
    "SSL-Client-Cert": "-----BEGIN%20CERTIFICATE-----",
}


@dataclass(frozen=True)
class TwoHosts:
    """A service behind nginx, reached by its main name and by its mutual-TLS name on one port."""

    service: LiveService
    port: int
    trust: Path

    def call(
        self,
        path: str,
        *,
        sni: str = MTLS_HOST,
        host: str | None = None,
        client: Path | None = None,
        headers: dict[str, str] | None = None,
        method: str = "GET",
        body: str | None = None,
    ) -> tuple[int, str]:
        """Send one request; ``client`` is a PEM file with certificate and key. Return status and body."""
        context = ssl.create_default_context(cafile=str(self.trust))
        if client is not None:
            context.load_cert_chain(client)
        connection = http.client.HTTPSConnection("localhost", self.port, context=context, timeout=60)
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection.sock = context.wrap_socket(raw, server_hostname=sni)
        try:
            connection.request(
                method, path, body=body, headers={"Host": f"{host or sni}:{self.port}", **(headers or {})}
            )
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoHosts]:
    """One service for the tests of this module: none of them changes it."""
    folder, port = tmp_path_factory.mktemp("mtls"), free_port()
    more = {
        "SAU_ISSUER": f"https://localhost:{port}",
        "SAU_MTLS_ORIGIN": f"https://{MTLS_HOST}:{port}",
        "SAU_TRUSTED_PROXIES": "127.0.0.1/32",
    }
    certificate, key = write_localhost_certificate(folder)
    with (
        run_service(folder, demo=False, more=more) as service,
        run_nginx(folder, upstream=service.port, certificate=certificate, key=key, port=port),
    ):
        yield TwoHosts(service, port, certificate)


def client_certificate(
    folder: Path,
    *,
    until: timedelta = timedelta(days=1),
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
) -> Path:
    """Write a certificate that signs itself, with its key, as one PEM file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name.from_rfc4514_string("CN=portal")
    certificate = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + until)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "client.pem"
    path.write_bytes(
        certificate.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return path


def _reasons(service: LiveService) -> list[str]:
    with service.composition() as composed, composed.database.reading() as session:
        rows = session.scalars(select(AuditEvent.reason).where(AuditEvent.type == "web:request:refused"))
        return [reason for reason in rows if reason]


def test_discovery_names_the_mutual_tls_endpoints(hosts: TwoHosts) -> None:
    """RFC 8705 §5: an alias for each endpoint that is served there, and each is served there."""
    status, body = hosts.call("/.well-known/openid-configuration", sni="localhost")
    document = json.loads(body)
    aliases = document["mtls_endpoint_aliases"]
    assert status == 200
    assert {"token_endpoint", "introspection_endpoint", "revocation_endpoint", "userinfo_endpoint"} <= set(aliases)
    for name, address in aliases.items():
        assert address.startswith(f"https://{MTLS_HOST}:{hosts.port}/")
        assert hosts.call(address.removeprefix(f"https://{MTLS_HOST}:{hosts.port}"))[0] in (200, 401, 405), name


def test_pages_of_people_are_not_on_the_mutual_tls_host(hosts: TwoHosts) -> None:
    """It shares no cookie with the main host: a login page there could only confuse."""
    for path in ("/", "/login", "/admin", "/account", "/.well-known/openid-configuration", "/pki/certificates"):
        assert hosts.call(path)[0] == 421, path


@pytest.mark.parametrize(
    ("until", "usage"),
    [
        (timedelta(days=1), ExtendedKeyUsageOID.CLIENT_AUTH),
        (timedelta(days=-1), ExtendedKeyUsageOID.CLIENT_AUTH),
        (timedelta(days=1), ExtendedKeyUsageOID.SERVER_AUTH),
    ],
    ids=["good", "expired", "for servers"],
)
def test_whatever_certificate_a_client_holds_reaches_the_service(
    hosts: TwoHosts, tmp_path: Path, until: timedelta, usage: x509.ObjectIdentifier
) -> None:
    """RFC 8705 §2.2 (self-signed); and the service, not nginx, says what is wrong with the others."""
    client = client_certificate(tmp_path, until=until, usage=usage)
    status, body = hosts.call(
        "/token",
        client=client,
        method="POST",
        body="a=1",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert status in (400, 401)
    assert "error" in json.loads(body)


def test_a_visitor_cannot_write_the_header(hosts: TwoHosts, tmp_path: Path) -> None:
    """RFC 9440 §4: the proxy replaces both headers, on each host and at each location."""
    before = _reasons(hosts.service)
    for sni in ("localhost", MTLS_HOST):
        for name, value in FORGED.items():
            for spelt in (name, name.replace("-", "_")):
                assert hosts.call("/userinfo", sni=sni, headers={spelt: value})[0] == 401
    client = client_certificate(tmp_path)
    assert hosts.call("/userinfo", client=client, headers=FORGED)[0] == 401
    assert _reasons(hosts.service) == before


def test_the_main_hosts_connection_does_not_reach_the_mutual_tls_host(hosts: TwoHosts) -> None:
    """A browser that shares one connection for both names has shown no certificate (RFC 9110 §7.4)."""
    assert hosts.call("/userinfo", sni="localhost", host=MTLS_HOST)[0] == 421


def test_the_header_is_not_believed_past_the_proxy(start_service: Callable[..., LiveService]) -> None:
    """Whoever reaches the service's own port speaks for nobody."""
    service = start_service(
        demo=False, more={"SAU_MTLS_ORIGIN": "https://mtls.test", "SAU_TRUSTED_PROXIES": "10.9.9.9"}
    )
    for spelt in ("SSL-Client-Cert", "Client-Cert"):
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        connection.request("GET", "/userinfo", headers={"Host": "mtls.test", spelt: FORGED[spelt]})
        assert connection.getresponse().status == 403
        connection.close()
    assert "client_certificate_not_believed" in _reasons(service)
