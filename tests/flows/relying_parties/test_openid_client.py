"""openid-client of Node.js, whose author also wrote a certified provider, logs a citizen in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.citizens import citizen_of
from tests.flows.form_browser import FormBrowser
from tests.flows.relying_parties.conftest import SCOPE, register
from tests.flows.relying_parties.node_party import NodeParty, PartyError
from tests.flows.trusted_service import TrustedService
from tests.servers.process import free_port

pytestmark = pytest.mark.server


@pytest.fixture
def party(trusted: TrustedService, tmp_path: Path) -> Iterator[NodeParty]:
    """The program; it trusts the service's own authority and nobody else here."""
    started = NodeParty(trusted, tmp_path)
    yield started
    started.stop()


@pytest.mark.parametrize("kind", ["confidential", "public"])
@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_code_refresh_userinfo_revocation_and_logout(
    trusted: TrustedService, tmp_path: Path, party: NodeParty, kind: str, algorithm: str
) -> None:
    """The whole life of a login by a client that checks every signature, nonce, state, hash and issuer."""
    origin = f"http://localhost:{free_port()}"
    registered = register(
        trusted.service,
        tmp_path,
        {
            "client_name": "Node",
            "redirect_uris": [f"{origin}/callback"],
            "post_logout_redirect_uris": [f"{origin}/"],
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": f"{SCOPE} offline_access",
            "id_token_signed_response_alg": algorithm,
            "token_endpoint_auth_method": "none" if kind == "public" else "client_secret_basic",
        },
    )
    assert ("client_secret" in registered) is (kind == "confidential")
    party.configure(registered, metadata={"id_token_signed_response_alg": algorithm})
    citizen, browser = citizen_of(trusted.service), FormBrowser(stop_at=origin, trust=trusted.trust)
    asked = {"redirect_uri": f"{origin}/callback", "scope": f"{SCOPE} offline_access"}
    browser.open(party.step("authorize", parameters=asked))
    browser.log_in(citizen)
    assert browser.stopped_at.startswith(f"{origin}/callback?"), browser.page.text[:2000]
    tokens = party.step("callback", url=browser.stopped_at)
    claims = tokens["claims"]
    assert (claims["iss"], claims["acr"]) == (trusted.issuer, "urn:sau:acr:2fa")
    assert set(claims["amr"]) >= {"pwd", "otp", "mfa"}
    userinfo = party.step("userinfo", token=tokens["access_token"], sub=claims["sub"])
    assert userinfo["cedula"] == citizen.cedula
    second = party.step("refresh", token=tokens["refresh_token"])
    assert second["refresh_token"] != tokens["refresh_token"]
    party.step("revoke", token=second["refresh_token"])
    with pytest.raises(PartyError) as refused:
        party.step("refresh", token=second["refresh_token"])
    assert refused.value.error == "invalid_grant"

    leave = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": f"{origin}/"}
    browser.open(party.step("end_session", parameters=leave))
    if not browser.stopped_at:
        browser.submit("logout-yes")
    assert browser.stopped_at.startswith(f"{origin}/")
    browser.open(f"{trusted.issuer}/account")
    assert browser.has_field("password")
