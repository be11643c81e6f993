"""The guide's sample for Node.js logs a citizen in, as it stands there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.flows.citizens import citizen_of
from tests.flows.form_browser import FormBrowser
from tests.flows.relying_parties.conftest import register
from tests.flows.trusted_service import TrustedService
from tests.servers.names import resolving_environ
from tests.servers.node import install_node_program
from tests.servers.process import find_program, free_port

pytestmark = pytest.mark.server

# What an application has around the sample: it sends the browser away, and is told where it came back.
_AROUND = """
import { webcrypto } from 'node:crypto'
import { createInterface } from 'node:readline'
globalThis.crypto ??= webcrypto // Node.js 18
const { begin, finish } = await import('./sample.mjs')
const { url, checks } = await begin()
console.log(url.href)
for await (const address of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await finish(address, checks)))
}
"""


def test_the_sample_logs_a_citizen_in(trusted: TrustedService, tmp_path: Path) -> None:
    """PKCE, state, nonce and issuer are checked, and the person's data are those of UserInfo."""
    origin = f"http://localhost:{free_port()}"
    metadata = {"client_name": "Ejemplo", "redirect_uris": [f"{origin}/callback"], "scope": "openid profile cedula"}
    registered = register(trusted.service, tmp_path, metadata)
    environ = resolving_environ(tmp_path) | {
        "NODE_EXTRA_CA_CERTS": str(trusted.trust),
        "ISSUER": trusted.issuer,
        "CLIENT_ID": registered["client_id"],
        "CLIENT_SECRET": registered["client_secret"],
        "REDIRECT_URI": f"{origin}/callback",
    }
    citizen, browser = citizen_of(trusted.service), FormBrowser(stop_at=origin, trust=trusted.trust)
    with subprocess.Popen(
        [find_program("node", package="nodejs"), "--input-type=module", "--eval", _AROUND],
        cwd=install_node_program(Path(__file__).with_name("openid_client")),
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as application:
        assert application.stdout is not None
        browser.open(application.stdout.readline().strip())
        browser.log_in(citizen)
        said, errors = application.communicate(f"{browser.stopped_at}\n", timeout=60)
    assert said, errors
    person = json.loads(said)
    assert (person["cedula"], person["name"]) == (citizen.cedula, citizen.name)
