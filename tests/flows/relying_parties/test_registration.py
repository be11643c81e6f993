"""openid-client registers itself over TLS, with a secret and with a certificate that comes with the registration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from tests.ca.csr import ec_key, make_csr
from tests.flows.citizens import citizen_of
from tests.flows.form_browser import FormBrowser
from tests.flows.relying_parties.node_party import NodeParty, PartyError
from tests.flows.trusted_service import RUC, TrustedService
from tests.servers.process import free_port

pytestmark = pytest.mark.server


@pytest.fixture
def party(trusted: TrustedService, tmp_path: Path) -> Iterator[NodeParty]:
    """A program that nobody has registered."""
    party = NodeParty(trusted, tmp_path)
    yield party
    party.stop()


def _permission(trusted: TrustedService, *options: str) -> str:
    issued: dict[str, Any] = trusted.service.json("client", "token", "issue", "--institution", RUC, *options)
    return str(issued["initial_access_token"])


def test_it_registers_logs_a_citizen_in_and_refreshes(trusted: TrustedService, party: NodeParty) -> None:
    """RFC 7591 §3.2.1, OpenID Connect Dynamic Client Registration §3: discovery, registration, code flow."""
    callback = f"http://localhost:{free_port()}/callback"
    metadata = {
        "client_name": "Node",
        "redirect_uris": [callback],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "client_secret_post",
    }
    token = _permission(trusted, "--policy", "web")
    given = {"issuer": trusted.issuer, "metadata": metadata, "initial_access_token": token}
    registered = party.step("register", **given)
    assert registered["registration_client_uri"].startswith(f"{trusted.issuer}/register/")
    browser = FormBrowser(stop_at=callback, trust=trusted.trust)
    parameters = {"redirect_uri": callback, "scope": "openid profile offline_access"}
    browser.open(party.step("authorize", parameters=parameters))
    browser.log_in(citizen_of(trusted.service))
    tokens = party.step("callback", url=browser.stopped_at)
    assert tokens["claims"]["aud"] == registered["client_id"]
    assert party.step("refresh", token=tokens["refresh_token"])["claims"]["sub"] == tokens["claims"]["sub"]
    with pytest.raises(PartyError) as refused:
        party.step("register", **given)  # it was for one application
    assert refused.value.error == "invalid_token"


def test_it_registers_with_a_request_and_speaks_by_its_certificate(trusted: TrustedService, party: NodeParty) -> None:
    """RFC 8705 §2.1, §5: the certificate that comes with the answer opens the mutual-TLS host at once."""
    key = ec_key()
    token = _permission(
        trusted, "--policy", "service", "--scope", "tramites:leer", "--resource", "https://api.pruebas.gob.ec/"
    )
    metadata = {"client_name": "Bus", "grant_types": ["client_credentials"], "csr": make_csr(key, dns=())}
    registered = party.step(
        "register", issuer=trusted.issuer, metadata=metadata, initial_access_token=token, auth={"method": "none"}
    )
    assert registered["token_endpoint_auth_method"] == "tls_client_auth"
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    party.configure(
        registered,
        auth={"method": "tls_client_auth"},
        tls={"cert": registered["client_certificate_chain"], "key": pem},
        metadata={"use_mtls_endpoint_aliases": True},
    )
    answer = party.step("client_credentials")
    assert answer["token_type"].lower() == "bearer"
    serial = trusted.service.json("client", "show", registered["client_id"])
    assert serial["token_endpoint_auth_method"] == "tls_client_auth"
