"""Which client certificate a request carries, and whom that is believed from."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from flask import Flask
from flask.testing import FlaskClient

from tests.web.conftest import MakeApp, Refusals
from web.client_certificate import presented_certificate
from web.state import answer_on_mtls_host

MTLS = {"Host": "mtls.sau.test"}


def self_signed() -> x509.Certificate:
    """Any certificate: what it is worth is not looked at here."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime(2026, 1, 1, tzinfo=UTC)
    name = x509.Name.from_rfc4514_string("CN=portal")
    return (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


CERTIFICATE = self_signed()
DER = CERTIFICATE.public_bytes(Encoding.DER)
RFC_9440 = f":{base64.b64encode(DER).decode()}:"
NGINX = quote(CERTIFICATE.public_bytes(Encoding.PEM), safe="")


@pytest.fixture
def behind_proxy(make_app: MakeApp) -> FlaskClient:
    """A service whose proxy is the peer of the test client."""
    return with_view(
        make_app(issuer="https://sau.test", mtls_origin="https://mtls.sau.test", trusted_proxies="127.0.0.1/32")
    ).test_client()


def with_view(app: Flask) -> Flask:
    """Let the application say which certificate it saw."""

    @app.get("/seen")
    def seen() -> bytes:
        return presented_certificate() or b"none"

    answer_on_mtls_host(app, "/seen")
    return app


@pytest.mark.parametrize("headers", [{"Client-Cert": RFC_9440}, {"SSL-Client-Cert": NGINX}])
def test_both_forms_give_the_same_der(behind_proxy: FlaskClient, headers: dict[str, str]) -> None:
    """RFC 9440 §2.2, and nginx's ``$ssl_client_escaped_cert``."""
    assert behind_proxy.get("/seen", headers=MTLS | headers).data == DER


@pytest.mark.parametrize("headers", [{}, {"Client-Cert": ""}, {"SSL-Client-Cert": "", "Client-Cert": ""}])
def test_no_certificate_is_no_certificate(behind_proxy: FlaskClient, headers: dict[str, str]) -> None:
    """An empty header is what a proxy sends for a client without one."""
    assert behind_proxy.get("/seen", headers=MTLS | headers).data == b"none"


@pytest.mark.parametrize(
    "headers",
    [
        {"Client-Cert": RFC_9440, "SSL-Client-Cert": NGINX},
        {"Client-Cert": RFC_9440.strip(":")},
        {"Client-Cert": f"{RFC_9440}, {RFC_9440}"},
        {"Client-Cert": f"{RFC_9440};a=1"},
        {"Client-Cert": f":{base64.b64encode(DER + b'x').decode()}:"},
        {"Client-Cert": f":{base64.b64encode(DER[:-1]).decode()}:"},
        {"Client-Cert": ":AAAA=:"},
        {"Client-Cert": "::"},
        {"Client-Cert": NGINX},
        {"Client-Cert": f":{'A' * 4 * 4096}:"},
        {"SSL-Client-Cert": RFC_9440},
        {"SSL-Client-Cert": NGINX + NGINX},
        {"SSL-Client-Cert": NGINX.replace("%0A", "")},
        {"SSL-Client-Cert": "%ZZ" + NGINX},
        {"SSL-Client-Cert": "(null)"},
        {"SSL-Client-Cert": "%2D" * 9000},
    ],
)
def test_what_is_not_one_certificate_is_refused(
    behind_proxy: FlaskClient, refusals: Refusals, headers: dict[str, str]
) -> None:
    """Two, half a one, too large a one, another encoding: never taken for "none"."""
    answer = behind_proxy.get("/seen", headers=MTLS | headers)
    assert answer.status_code == 400
    assert [reason for reason, _ in refusals] == ["bad_client_certificate"]


def test_several_headers_are_refused(behind_proxy: FlaskClient) -> None:
    """RFC 9440 §2.2: one value; servers join repeated headers with a comma."""
    answer = behind_proxy.get("/seen", headers=[*MTLS.items(), ("Client-Cert", RFC_9440), ("Client-Cert", RFC_9440)])
    assert answer.status_code == 400


@pytest.mark.parametrize("headers", [{"Client-Cert": RFC_9440}, {"SSL-Client-Cert": NGINX}, {"Client-Cert": "x"}])
def test_a_certificate_on_the_main_host_is_refused(
    behind_proxy: FlaskClient, refusals: Refusals, headers: dict[str, str]
) -> None:
    """Nothing asked for it there, so it was written by the visitor: the proxy does not empty the header."""
    answer = behind_proxy.get("/seen", headers=headers | {"Host": "sau.test"})
    assert answer.status_code == 403
    assert [reason for reason, _ in refusals] == ["client_certificate_not_believed"]


def test_a_certificate_from_anyone_but_the_proxy_is_refused(make_app: MakeApp, refusals: Refusals) -> None:
    """RFC 9440 §4: the header is believed from the proxy only, whatever X-Forwarded-For says."""
    app = make_app(issuer="https://sau.test", mtls_origin="https://mtls.sau.test", trusted_proxies="10.0.0.1/32")
    client = with_view(app).test_client()
    headers = MTLS | {"SSL-Client-Cert": NGINX, "X-Forwarded-For": "10.0.0.1"}
    assert client.get("/seen", headers=headers).status_code == 403
    assert [reason for reason, _ in refusals] == ["client_certificate_not_believed"]


def test_without_a_mutual_tls_host_no_certificate_is_believed(make_app: MakeApp) -> None:
    """Unset means that no proxy asks for certificates."""
    client = with_view(make_app(trusted_proxies="127.0.0.1/32")).test_client()
    assert client.get("/seen", headers={"Client-Cert": RFC_9440}).status_code == 403


@pytest.mark.parametrize("remote", ["127.0.0.1", "::ffff:127.0.0.1"])
def test_the_proxy_is_known_by_its_address(behind_proxy: FlaskClient, remote: str) -> None:
    """An IPv4 address in IPv6 clothes is the same machine."""
    headers = MTLS | {"SSL-Client-Cert": NGINX}
    assert behind_proxy.get("/seen", headers=headers, environ_base={"REMOTE_ADDR": remote}).data == DER


def test_a_unix_socket_is_no_trusted_proxy(behind_proxy: FlaskClient) -> None:
    """It has no address that a setting could name."""
    headers = MTLS | {"SSL-Client-Cert": NGINX}
    assert behind_proxy.get("/seen", headers=headers, environ_base={"REMOTE_ADDR": ""}).status_code == 403
