"""The service behind nginx with TLS, as in production."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.flows.citizens import citizen_of
from tests.flows.form_browser import FormBrowser
from tests.servers.nginx import run_nginx
from tests.servers.process import free_port
from tests.servers.service import LiveService
from tests.servers.tls import write_localhost_certificate

pytestmark = pytest.mark.server


@dataclass(frozen=True)
class Proxied:
    """A service and the https address under which the world sees it."""

    service: LiveService
    url: str
    certificate: Path
    status_url: str


@pytest.fixture
def proxied(start_service: Callable[..., LiveService], tmp_path: Path) -> Iterator[Proxied]:
    """A service whose issuer is nginx's address."""
    port, http_port = free_port(), free_port()
    url = f"https://localhost:{port}"
    service = start_service(demo=False, more={"SAU_ISSUER": url, "SAU_TRUSTED_PROXIES": "127.0.0.1/32"})
    certificate, key = write_localhost_certificate(tmp_path)
    with run_nginx(tmp_path, upstream=service.port, certificate=certificate, key=key, port=port, http_port=http_port):
        yield Proxied(service, url, certificate, f"http://localhost:{http_port}")


def test_cookies_and_links_are_those_of_https(proxied: Proxied) -> None:
    """``__Host-`` and Secure (RFC 6265bis §4.1.3.2), HSTS (RFC 6797), and every address as browsers see it."""
    browser = FormBrowser()
    browser.session.verify = str(proxied.certificate)
    browser.open(f"{proxied.url}/login")
    assert browser.page.status_code == 200
    assert browser.page.url.startswith(f"{proxied.url}/login/")
    assert "max-age=" in browser.page.headers["Strict-Transport-Security"]
    browser.log_in(citizen_of(proxied.service))
    assert browser.session.cookies
    for cookie in browser.session.cookies:
        assert cookie.secure, cookie.name
        assert cookie.name.startswith("__Host-"), cookie.name
        assert cookie.path == "/"
    discovery = requests.get(
        f"{proxied.url}/.well-known/openid-configuration", verify=str(proxied.certificate), timeout=60
    ).json()
    assert discovery["issuer"] == proxied.url
    assert all(value.startswith(proxied.url) for name, value in discovery.items() if name.endswith("_endpoint"))


def test_a_spoofed_host_changes_no_link(proxied: Proxied) -> None:
    """Host and X-Forwarded-* of a visitor are not believed (attacks and faults, 8)."""
    for headers in ({"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}, {"Forwarded": "host=evil.example"}):
        answer = requests.get(
            f"{proxied.url}/login",
            headers=headers,
            verify=str(proxied.certificate),
            allow_redirects=False,
            timeout=60,
        )
        assert "evil.example" not in answer.text + str(answer.headers)


def test_certificate_status_is_served_without_tls_and_everything_else_is_not(proxied: Proxied) -> None:
    """Lists, OCSP and issuers by plain http (RFC 5280 §8: no loop of trust); pages of people only by https."""
    for path in ("/pki/crl/issuing-1-0.crl", "/pki/ca/issuing-1.cer"):
        answer = requests.get(proxied.status_url + path, allow_redirects=False, timeout=60)
        assert answer.status_code == 200, path
        assert answer.headers["Content-Type"].startswith("application/pkix-")
    login = requests.get(f"{proxied.status_url}/login", allow_redirects=False, timeout=60)
    assert login.status_code == 301
    assert login.headers["Location"].startswith("https://")


def test_only_the_proxy_names_the_visitor(proxied: Proxied) -> None:
    """What a visitor writes into X-Forwarded-For is replaced; the record has the address that nginx saw."""
    requests.get(
        f"{proxied.url}/login",
        headers={"X-Forwarded-For": "203.0.113.9, not an address"},
        verify=str(proxied.certificate),
        timeout=60,
    ).raise_for_status()
