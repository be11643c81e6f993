"""openid-client of Node.js, whose author also wrote a certified provider, logs a citizen in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from tests.flows.citizens import citizen_of
from tests.flows.form_browser import FormBrowser
from tests.flows.relying_parties.conftest import SCOPE, register
from tests.flows.relying_parties.node_party import NodeParty, PartyError
from tests.flows.trusted_service import TrustedService
from tests.outgoing.host import ok, run_host
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


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_a_logout_token_reaches_the_application_and_is_ours(
    trusted: TrustedService, tmp_path: Path, party: NodeParty, algorithm: str
) -> None:
    """Back-Channel Logout 1.0 §2.5, §2.6: over TLS to the application's own server, verified with our key set."""
    origin = f"http://localhost:{free_port()}"
    with run_host(ok(), tls=trusted.receivers.context("localhost")) as receiver:
        registered = register(
            trusted.service,
            tmp_path,
            {
                "client_name": "Node",
                "redirect_uris": [f"{origin}/callback"],
                "backchannel_logout_uri": f"https://localhost:{receiver.port}/salida",
                "backchannel_logout_session_required": True,
                "scope": SCOPE,
                "id_token_signed_response_alg": algorithm,
            },
        )
        party.configure(registered, metadata={"id_token_signed_response_alg": algorithm})
        browser = FormBrowser(stop_at=origin, trust=trusted.trust)
        browser.open(party.step("authorize", parameters={"redirect_uri": f"{origin}/callback", "scope": SCOPE}))
        browser.log_in(citizen_of(trusted.service))
        claims = party.step("callback", url=browser.stopped_at)["claims"]
        browser.open(f"{trusted.issuer}/logout")
        browser.submit("logout-yes")
        deadline = time.monotonic() + 60
        while not receiver.requests:
            assert time.monotonic() < deadline, "no logout token came"
            time.sleep(0.1)
    header, _, body = receiver.requests[0].decode().partition("\r\n\r\n")
    assert header.startswith("POST /salida HTTP/1.1")
    [(name, token)] = parse_qsl(body)
    assert name == "logout_token"
    said = party.step("logout_token", token=token)
    assert (said["sub"], said["sid"]) == (claims["sub"], claims["sid"])
    assert said["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert "nonce" not in said
    signature = token[:-8] + ("A" if token[-8] != "A" else "B") + token[-7:]
    with pytest.raises(PartyError):
        party.step("logout_token", token=signature)
