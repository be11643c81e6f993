"""openid-client of Node.js, whose author also wrote a certified provider, logs a citizen in."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.citizens import citizen_of
from tests.flows.form_browser import FormBrowser
from tests.flows.relying_parties.conftest import SCOPE, register
from tests.flows.trusted_service import TrustedService
from tests.servers.names import resolving_environ
from tests.servers.node import install_node_program
from tests.servers.process import find_program, free_port

pytestmark = pytest.mark.server


class RelyingParty:
    """The running program: it asks for an address to be opened, and is told where the browser ended."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def hear(self) -> dict[str, Any]:
        """Return the next value that it says."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            assert self._process.stderr is not None
            raise AssertionError(f"openid-client refused:\n{self._process.stderr.read()}")
        said: dict[str, Any] = json.loads(line)
        return said

    def tell(self, address: str) -> None:
        """Give it the address of the callback."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{address}\n")
        self._process.stdin.flush()


@pytest.fixture
def start_relying_party(trusted: TrustedService, tmp_path: Path) -> Iterator[Any]:
    """Start the program with a registration; it trusts the service's own authority and nobody else here."""
    folder = install_node_program(Path(__file__).with_name("openid_client"))
    node = find_program("node", package="nodejs")
    processes: list[subprocess.Popen[str]] = []
    environ = resolving_environ(tmp_path) | {"NODE_EXTRA_CA_CERTS": str(trusted.trust)}

    def start(registration: dict[str, Any]) -> RelyingParty:
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [node, "journey.mjs", json.dumps(registration)],
            cwd=folder,
            env=environ,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )
        processes.append(process)
        return RelyingParty(process)

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("kind", ["confidential", "public"])
@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_code_refresh_userinfo_revocation_and_logout(
    trusted: TrustedService, tmp_path: Path, start_relying_party: Any, kind: str, algorithm: str
) -> None:
    """The whole life of a login by a client that checks every signature, nonce, state, hash and issuer."""
    origin = f"http://localhost:{free_port()}"
    registration = {
        "redirect_uris": [f"{origin}/callback"],
        "post_logout_redirect_uris": [f"{origin}/"],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": f"{SCOPE} offline_access",
        "id_token_signed_response_alg": algorithm,
    }
    method = "none" if kind == "public" else "client_secret_basic"
    registered = register(
        trusted.service, tmp_path, registration | {"client_name": "Node", "token_endpoint_auth_method": method}
    )
    assert ("client_secret" in registered) is (kind == "confidential")
    application = start_relying_party(
        registered
        | {
            "issuer": trusted.issuer,
            "redirect_uri": f"{origin}/callback",
            "post_logout_redirect_uri": f"{origin}/",
            "scope": f"{SCOPE} offline_access",
            "metadata": {"id_token_signed_response_alg": algorithm},
        }
    )
    citizen = citizen_of(trusted.service)
    browser = FormBrowser(stop_at=origin, trust=trusted.trust)
    browser.open(application.hear()["open"])
    browser.log_in(citizen)
    assert browser.stopped_at.startswith(f"{origin}/callback?"), browser.page.text[:2000]
    application.tell(browser.stopped_at)
    learned = application.hear()
    assert learned["claims"]["iss"] == trusted.issuer
    assert learned["claims"]["acr"] == "urn:sau:acr:2fa"
    assert set(learned["claims"]["amr"]) >= {"pwd", "otp", "mfa"}
    assert learned["userinfo"]["sub"] == learned["claims"]["sub"]
    assert learned["userinfo"]["cedula"] == citizen.cedula
    assert learned["refreshed"]["rotated"]
    assert learned["reuse"] == "invalid_grant"

    browser.open(learned["logout"])
    if not browser.stopped_at:
        browser.submit("logout-yes")
    assert browser.stopped_at.startswith(f"{origin}/")
    browser.open(f"{trusted.issuer}/account")
    assert browser.has_field("password")
