"""openid-client with a key of its own: DPoP with our nonces, pushed requests, and tokens that are exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.flows.citizens import citizen_of
from tests.flows.form_browser import FormBrowser
from tests.flows.relying_parties.conftest import register
from tests.flows.relying_parties.node_party import NodeParty, PartyError
from tests.flows.trusted_service import TrustedService
from tests.servers.process import free_port

pytestmark = pytest.mark.server

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # nosec B105
SCOPE = "openid profile offline_access"


@pytest.fixture
def party(trusted: TrustedService, tmp_path: Path) -> Iterator[NodeParty]:
    """The program; it trusts the service's own authority and nobody else here."""
    started = NodeParty(trusted, tmp_path)
    yield started
    started.stop()


def _keys() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a public key set to register and what openid-client authenticates with."""
    key = ECKey.generate_key("P-256", {"kid": "k1"})
    public = {**key.as_dict(private=False), "use": "sig", "alg": "ES256"}
    return {"keys": [public]}, {"method": "private_key_jwt", "jwk": key.as_dict(private=True), "alg": "ES256"}


def test_a_high_risk_application_by_proofs(trusted: TrustedService, tmp_path: Path, party: NodeParty) -> None:
    """FAPI 2.0: pushed, bound, not rotated; the library follows every nonce without being told."""
    origin, (jwks, auth) = f"http://localhost:{free_port()}", _keys()
    registered = register(
        trusted.service,
        tmp_path,
        {
            "client_name": "Node FAPI",
            "policy": "fapi2",
            "redirect_uris": [f"{origin}/callback"],
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": SCOPE,
            "token_endpoint_auth_method": "private_key_jwt",
            "dpop_bound_access_tokens": True,
            "jwks": jwks,
        },
    )
    document = party.configure(registered, auth=auth, dpop="ES256")
    assert "ES256" in document["dpop_signing_alg_values_supported"]
    citizen, browser = citizen_of(trusted.service), FormBrowser(stop_at=origin, trust=trusted.trust)
    asked = {"redirect_uri": f"{origin}/callback", "scope": SCOPE}
    browser.open(party.step("authorize", parameters=asked, pushed=True))
    browser.log_in(citizen)
    assert browser.stopped_at.startswith(f"{origin}/callback?"), browser.page.text[:2000]
    tokens = party.step("callback", url=browser.stopped_at)
    assert tokens["token_type"].lower() == "dpop"
    assert party.step("userinfo", token=tokens["access_token"], sub=tokens["claims"]["sub"])["name"]
    second = party.step("refresh", token=tokens["refresh_token"])
    assert second["refresh_token"] == tokens["refresh_token"]
    assert party.step("introspect", token=second["access_token"])["cnf"]["jkt"]
    # The same application with another key: its refresh token is good, its access token of before is not.
    party.configure(registered, auth=auth, dpop="ES256")
    with pytest.raises(PartyError):
        party.step("userinfo", token=second["access_token"], sub=tokens["claims"]["sub"])


def test_a_service_acts_for_a_citizen(trusted: TrustedService, tmp_path: Path, party: NodeParty) -> None:
    """RFC 8693 by the library's generic grant: what the portal was given for the bus becomes the bus's for the land."""
    bus_api, land_api = "https://bus.pruebas.example/api", "https://predios.pruebas.example/api"
    service = {
        "grant_types": [EXCHANGE],
        "scope": "predial.leer",
        "resource": bus_api,
        "resources": [land_api],
        "resource_scopes": {"predial.leer": "Leer sus predios"},
    }
    bus = register(trusted.service, tmp_path, {"client_name": "Bus", **service})
    land = register(
        trusted.service,
        tmp_path,
        {"client_name": "Predios", **service, "resource": land_api, "resources": [bus_api]},
    )
    origin = f"http://localhost:{free_port()}"
    portal = register(
        trusted.service,
        tmp_path,
        {
            "client_name": "Portal",
            "redirect_uris": [f"{origin}/callback"],
            "scope": "openid predial.leer",
            "resources": [bus_api],
        },
    )
    party.configure(portal)
    citizen, browser = citizen_of(trusted.service), FormBrowser(stop_at=origin, trust=trusted.trust)
    asked = {"redirect_uri": f"{origin}/callback", "scope": "openid predial.leer", "resource": bus_api}
    browser.open(party.step("authorize", parameters=asked))
    browser.log_in(citizen)
    assert browser.stopped_at.startswith(f"{origin}/callback?"), browser.page.text[:2000]
    tokens = party.step("callback", url=browser.stopped_at)
    party.configure(bus)
    handed_on = party.step(
        "grant",
        grant_type=EXCHANGE,
        parameters={
            "subject_token": tokens["access_token"],
            "subject_token_type": ACCESS_TOKEN,
            "resource": land_api,
        },
    )
    assert handed_on["issued_token_type"] == ACCESS_TOKEN
    party.configure(land)
    seen = party.step("introspect", token=handed_on["access_token"])
    assert (seen["active"], seen["sub"], seen["act"]) == (True, tokens["claims"]["sub"], {"sub": bus["client_id"]})
