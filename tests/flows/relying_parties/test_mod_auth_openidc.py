"""mod_auth_openidc, as Debian ships it in Apache, logs a citizen in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.flows.citizens import citizen_of
from tests.flows.pages import log_in
from tests.flows.relying_parties.conftest import SCOPE, register
from tests.flows.trusted_service import TrustedService
from tests.servers.apache import Apache, run_apache
from tests.servers.process import free_port

pytestmark = [pytest.mark.browser, pytest.mark.server]


@pytest.fixture
def apache(trusted: TrustedService, tmp_path: Path) -> Iterator[Apache]:
    """Apache, registered with the service."""
    port = free_port()
    registered = register(
        trusted.service,
        tmp_path,
        {
            "client_name": "Gestión Documental",
            "redirect_uris": [f"http://localhost:{port}/protected/callback"],
            "post_logout_redirect_uris": [f"http://localhost:{port}/index.html"],
            "backchannel_logout_uri": f"http://localhost:{port}/protected/callback?logout=backchannel",
            "backchannel_logout_session_required": True,
            "token_endpoint_auth_method": "client_secret_basic",
            "id_token_signed_response_alg": "RS256",
            "scope": SCOPE,
        },
    )
    folder = tmp_path / "apache"
    folder.mkdir()
    with run_apache(
        folder,
        port=port,
        issuer=trusted.issuer,
        trust=trusted.trust,
        client_id=registered["client_id"],
        client_secret=registered["client_secret"],
        scope=SCOPE,
    ) as server:
        yield server


def test_a_protected_page_of_apache_knows_the_citizen(
    trusted: TrustedService, apache: Apache, trusting_page: Page
) -> None:
    """Code flow with PKCE, ID token and UserInfo as a module reads them that was written elsewhere; then logout."""
    page = trusting_page
    citizen = citizen_of(trusted.service)
    page.goto(f"{apache.url}/index.html")
    expect(page.locator("#public")).to_be_visible()
    page.goto(f"{apache.url}/protected/index.html")
    log_in(page, citizen)
    expect(page).to_have_url(f"{apache.url}/protected/index.html")
    claims = page.inner_text("#claims")
    assert f"OIDC_CLAIM_cedula={citizen.cedula}" in claims
    assert f"OIDC_CLAIM_name={citizen.name}" in claims
    assert f"OIDC_CLAIM_iss={trusted.issuer}" in claims

    page.goto(f"{apache.url}/protected/callback?logout={apache.url}/index.html")
    if page.locator("#logout-yes").count():
        page.click("#logout-yes")
    expect(page).to_have_url(f"{apache.url}/index.html")
    page.goto(f"{apache.url}/protected/index.html")
    expect(page.locator("[name=password]")).to_be_visible()


def test_logout_at_the_service_ends_the_session_in_apache(
    trusted: TrustedService, apache: Apache, trusting_page: Page
) -> None:
    """Back-Channel Logout 1.0 as the module knows it from discovery: no page of Apache's was open, and it lets go."""
    page = trusting_page
    page.goto(f"{apache.url}/protected/index.html")
    log_in(page, citizen_of(trusted.service))
    expect(page).to_have_url(f"{apache.url}/protected/index.html")
    assert _opens(page, f"{apache.url}/protected/index.html")
    page.goto(f"{trusted.issuer}/logout")
    page.click("#logout-yes")
    deadline = time.monotonic() + 60
    while _opens(page, f"{apache.url}/protected/index.html"):
        assert time.monotonic() < deadline, apache.process.read_log()
        time.sleep(0.5)


def _opens(page: Page, address: str) -> bool:
    """Tell whether Apache shows a protected page to this browser, without going where it sends it."""
    return page.request.get(address, max_redirects=0).status == 200
