"""Relying applications against a live service."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey
from playwright.sync_api import Browser, Page

from tests.flows.trusted_service import TrustedService, run_trusted_service
from tests.servers.names import resolved_here
from tests.servers.process import ServerProcess, accepts_connections
from tests.servers.service import ROOT, LiveService

SCOPE = "openid profile email cedula"


@dataclass(frozen=True)
class Portals:
    """The two portals of ``examples/``, running."""

    ventanilla: str
    tributario: str


def register(service: LiveService, folder: Path, metadata: dict[str, Any]) -> dict[str, Any]:
    """Register an application by ``sau client add --file`` and return what it printed."""
    file = folder / "registration.json"
    file.write_text(json.dumps(metadata))
    registered: dict[str, Any] = service.json("client", "add", "--file", file)
    return registered


@pytest.fixture(scope="session")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrustedService]:
    """The service over TLS under its own authority; shared by a process's tests, so keep your people apart."""
    with resolved_here(), run_trusted_service(tmp_path_factory.mktemp("trusted")) as service:
        yield service


@pytest.fixture
def trusting_page(browser: Browser) -> Iterator[Page]:
    """A page of a visitor whose browser does not ask who signed the service's certificate."""
    with browser.new_context(locale="es-EC", ignore_https_errors=True) as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        yield page


@pytest.fixture(scope="session")
def portals(live_service: LiveService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portals]:
    """The portals, registered with the live service: one with a secret, the other with a key of its own."""
    folder = tmp_path_factory.mktemp("portals")
    key = ECKey.generate_key("P-256", auto_kid=True)
    more: dict[str, dict[str, Any]] = {
        "Ventanilla Única": {"token_endpoint_auth_method": "client_secret_basic"},
        "Portal Tributario": {
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
            "jwks": {"keys": [key.as_dict(private=False) | {"use": "sig", "alg": "ES256"}]},
            "id_token_signed_response_alg": "RS256",
        },
    }
    file, registrations = folder / "portals.json", []
    for port, (name, metadata) in enumerate(more.items(), live_service.port + 1):
        origin = f"http://localhost:{port}"
        metadata |= {
            "client_name": name,
            "redirect_uris": [f"{origin}/callback"],
            "post_logout_redirect_uris": [f"{origin}/"],
            "backchannel_logout_uri": f"{origin}/salida-remota",
            "backchannel_logout_session_required": True,
            "scope": SCOPE,
        }
        registration = register(live_service, folder, metadata)
        registration |= {"name": name, "port": port, "issuer": live_service.url}
        if "jwks" in metadata:
            registration |= {"private_key_pem": key.as_pem(private=True).decode(), "key_id": key.kid}
        registrations.append(registration)
    file.write_text(json.dumps(registrations))
    with ExitStack() as running:
        for registration in registrations:
            port = registration["port"]
            server = ServerProcess(
                registration["name"],
                [sys.executable, "examples/portal/portal.py", "--registration", file, "--port", str(port)],
                log=folder / f"{port}.log",
                cwd=ROOT,
            )
            running.callback(server.stop)
            server.wait_until(lambda port=port: accepts_connections(port))
        yield Portals(*(f"http://localhost:{registration['port']}" for registration in registrations))
