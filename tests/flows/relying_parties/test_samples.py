"""The console's sample code, as a developer gets it, run against the service: in, out, and no further than allowed."""

from __future__ import annotations

import html
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from idp.clients.client import find_client
from idp.developer.samples.catalogue import SAMPLES, samples_for
from idp.developer.samples.fill import fill
from idp.developer.samples.values import sample_values
from tests.flows.citizens import citizen_of
from tests.flows.form_browser import FormBrowser
from tests.flows.relying_parties.conftest import register
from tests.flows.trusted_service import TrustedService
from tests.servers.apache import run_apache
from tests.servers.names import resolving_environ
from tests.servers.node import install_node_program
from tests.servers.php import PHP, run_php
from tests.servers.process import ServerProcess, accepts_connections, find_program, free_port

pytestmark = pytest.mark.server

ACR = "urn:sau:acr:2fa"
_DJANGO = """
SECRET_KEY, ROOT_URLCONF, ALLOWED_HOSTS = "of a test only", "sau_login", ["*"]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
LOGGING = {"version": 1, "handlers": {"err": {"class": "logging.StreamHandler"}}, "root": {"handlers": ["err"]}}
from sau_settings import *
"""


# What Node.js 18, Debian 12's, has and does not show; the sample is written for a later one.
_OLDER_NODE = """
const { webcrypto } = require('node:crypto')
globalThis.crypto ??= webcrypto
globalThis.CryptoKey ??= webcrypto.CryptoKey
"""


def write_sample(trusted: TrustedService, folder: Path, name: str, client_id: str) -> None:
    """Write the files of the sample, filled in for the application."""
    with trusted.service.composition() as composed, composed.database.reading() as session:
        client = find_client(session, client_id)
    assert SAMPLES[name] in samples_for(client)
    for file in SAMPLES[name].files:
        values = sample_values(client, issuer=trusted.issuer, acr="" if not client.redirect_uris else ACR)
        (folder / file).write_text(fill(SAMPLES[name], file, client=client, values=values))


def registered_at(trusted: TrustedService, folder: Path, port: int, **more: Any) -> dict[str, Any]:
    """Register an application of this port."""
    origin = f"http://localhost:{port}"
    metadata = {
        "client_name": "Muestra",
        "redirect_uris": [f"{origin}/callback"],
        "post_logout_redirect_uris": [f"{origin}/"],
        "scope": "openid profile",
    }
    return register(trusted.service, folder, metadata | more)


@contextmanager
def running(name: str, folder: Path, port: int, trusted: TrustedService, environ: Mapping[str, str]) -> Iterator[None]:
    """Start the sample as its first lines say."""
    commands = {
        "flask": [sys.executable, "-m", "flask", "--app", "app", "run", "--port", str(port)],
        "django": [sys.executable, "-m", "django", "runserver", "--noreload", f"localhost:{port}"],
        "express": ["node", "--require", "./older_node.cjs", "app.mjs"],
    }
    command = commands[name]
    if name == "express":
        command[0] = find_program("node", package="nodejs")
        modules = install_node_program(Path(__file__).with_name("openid_client")) / "node_modules"
        (folder / "node_modules").symlink_to(modules)
        (folder / "older_node.cjs").write_text(_OLDER_NODE)
    if name == "django":
        (folder / "settings.py").write_text(_DJANGO)
    of_the_test = {
        "SESSION_KEY": "of a test only",
        "DJANGO_SETTINGS_MODULE": "settings",
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "REQUESTS_CA_BUNDLE": str(trusted.trust),
        "NODE_EXTRA_CA_CERTS": str(trusted.trust),
    }
    server = ServerProcess(
        name,
        command,
        log=folder / "log",
        cwd=folder,
        environ=resolving_environ(folder) | of_the_test | environ,
    )
    server.wait_until(lambda: accepts_connections(port))
    try:
        yield
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("name", "proof"),
    [
        ("flask", "client_secret_basic"),
        ("django", "private_key_jwt"),
        ("express", "private_key_jwt"),
        ("express", "client_secret_basic"),
    ],
)
def test_a_sample_lets_people_in_and_out(trusted: TrustedService, tmp_path: Path, name: str, proof: str) -> None:
    """Login with the strength that it demands, logout at both; a refusal and a forged answer end on a page of its own.

    With a key, Express's sample is one of high risk: pushed requests, and tokens bound to a key.
    """
    port, more, environ = free_port(), {"token_endpoint_auth_method": proof}, {}
    if proof == "private_key_jwt":
        key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
        more |= {"jwks": {"keys": [key.as_dict(private=False)]}, "token_endpoint_auth_signing_alg": "ES256"}
        more |= {"policy": "fapi2"} if name == "express" else {}
        file = tmp_path / "key"
        file.write_text(
            json.dumps(key.as_dict(private=True)) if name == "express" else key.as_pem(private=True).decode()
        )
        environ = {"PRIVATE_KEY": str(file), "KEY_ID": str(key.kid)}
    registered = registered_at(trusted, tmp_path, port, **more)
    environ["CLIENT_SECRET"] = registered.get("client_secret", "")
    write_sample(trusted, tmp_path, name, registered["client_id"])
    with running(name, tmp_path, port, trusted, environ):
        in_and_out(trusted, f"http://localhost:{port}", tmp_path / "log")
        if name == "flask":
            weak = nobody_passes_by_asking_for_less(trusted, f"http://localhost:{port}", tmp_path / "log")
            assert weak.page.status_code == 400


def in_and_out(trusted: TrustedService, origin: str, log: Path, *, login: str = "/login") -> None:
    """Log in, out, come back with an answer that nobody asked for, and refuse."""
    citizen, browser = citizen_of(trusted.service), FormBrowser(trust=trusted.trust)
    browser.open(f"{origin}{login}")
    browser.log_in(citizen)
    assert browser.page.url == f"{origin}/", log.read_text()[-2000:]
    assert f"Hola, {citizen.name}" in html.unescape(browser.page.text)
    browser.submit("logout")
    assert browser.page.url.startswith(f"{origin}/")
    assert "Ingresar" in browser.page.text

    browser.open(f"{origin}/callback?code=x&state=y&iss=https://another.example")
    assert browser.page.status_code == 400 or "ngres" in browser.page.text
    browser.stop_at = f"{origin}/callback"
    browser.open(f"{origin}{login}")
    browser.submit("cancel") if browser.has_button("cancel") else None
    if browser.stopped_at:
        back, browser.stop_at = browser.stopped_at, "\0"
        assert "error=access_denied" in back
        browser.open(back)
        assert "No ingresó" in browser.page.text


def nobody_passes_by_asking_for_less(
    trusted: TrustedService, origin: str, log: Path, *, login: str = "/login"
) -> FormBrowser:
    """A browser can change what is asked; what was reached stands in the ID token, and the sample reads it there."""
    weak = FormBrowser(trust=trusted.trust)
    begun = weak.session.get(f"{origin}{login}", allow_redirects=False).headers["Location"]
    weak.open(begun.replace("acr_values=", "ignored="))
    weak.log_in(citizen_of(trusted.service, with_totp=False))
    assert "acr_too_low" in log.read_text()
    return weak


def test_apaches_sample_lets_people_in_and_out(trusted: TrustedService, tmp_path: Path) -> None:
    """mod_auth_openidc as the sample configures it: the claim ``acr`` opens the page. The doctor finds it well."""
    port = free_port()
    back = f"http://localhost:{port}/protected/callback"
    registered = registered_at(trusted, tmp_path, port, redirect_uris=[back])
    write_sample(trusted, tmp_path, "apache", registered["client_id"])
    folder = tmp_path / "apache"
    folder.mkdir()
    party = (tmp_path / "sau.conf").read_text().replace("/etc/apache2/error.html", f"{tmp_path}/error.html")
    with run_apache(
        folder,
        port=port,
        issuer=trusted.issuer,
        trust=trusted.trust,
        client_id=registered["client_id"],
        client_secret=registered["client_secret"],
        party=party,
    ) as apache:
        citizen, browser = citizen_of(trusted.service), FormBrowser(trust=trusted.trust)
        browser.open(f"{apache.url}/protected/index.html")
        browser.log_in(citizen)
        assert browser.page.url == f"{apache.url}/protected/index.html", apache.process.read_log()
        assert f"OIDC_CLAIM_acr={ACR}" in browser.page.text
        found = trusted.service.json("rp", "doctor", browser.page.url, "--client-id", registered["client_id"])
        assert {each["check"]: each["result"] for each in found if each["check"] != "cookie"} == {
            "reach": "passed",
            "https": "warned",
            "callback": "passed",
            "errors": "passed",
        }
        browser.open(f"{back}?logout=http%3A%2F%2Flocalhost%3A{port}%2F")
        browser.open(f"{apache.url}/protected/index.html")
        assert browser.has_field("password") or browser.has_button("submit")


def test_phps_sample_lets_people_in_and_out(trusted: TrustedService, tmp_path: Path) -> None:
    """PHP behind Apache reads who it is; by itself it lets nobody in, and who asked for less does not pass."""
    port = free_port()
    registered = registered_at(trusted, tmp_path, port)
    write_sample(trusted, tmp_path, "php", registered["client_id"])
    folder, socket = tmp_path / "apache", tmp_path / "apache" / "php.sock"
    folder.mkdir()
    with run_apache(
        folder,
        port=port,
        issuer=trusted.issuer,
        trust=trusted.trust,
        client_id=registered["client_id"],
        client_secret=registered["client_secret"],
        party=PHP.format(socket=socket)
        + (tmp_path / "sau.conf").read_text().replace("/etc/apache2/error.html", f"{tmp_path}/error.html"),
    ) as apache:
        for place in ("site", "site/protected"):
            shutil.copyfile(tmp_path / "index.php", folder / place / "index.php")
        with run_php(folder, socket) as php:
            citizen, browser = citizen_of(trusted.service), FormBrowser(trust=trusted.trust)
            page = f"{apache.url}/protected/index.php"
            browser.open(page)
            browser.log_in(citizen)
            assert f"Hola, {citizen.name}" in browser.page.text, php.read_log() + apache.process.read_log()
            bare = browser.session.get(f"{apache.url}/index.php", headers={"OIDC-CLAIM-acr": ACR})
            assert (bare.status_code, "Hola" in bare.text) == (403, False)
            leave = html.unescape(browser.page.text.split('href="')[1].split('"')[0])
            browser.open(leave)
            assert browser.page.url.startswith(f"{apache.url}/")
            browser.open(page)
            assert browser.has_field("password") or browser.has_button("submit")
        weak = FormBrowser(trust=trusted.trust)
        begun = weak.session.get(page, allow_redirects=False).headers["Location"]
        weak.open(begun.replace("acr_values=", "ignored="))
        weak.log_in(citizen_of(trusted.service, with_totp=False))
        assert weak.page.status_code == 403
        assert "debe ingresar con mas seguridad" in weak.page.text


@pytest.mark.parametrize(("name", "method"), [("curl", "client_secret_basic"), ("python", "client_secret_post")])
def test_a_sample_of_a_service_gets_a_token(trusted: TrustedService, tmp_path: Path, name: str, method: str) -> None:
    """client_credentials from a shell and from Python; a wrong secret is said on standard error."""
    metadata = {
        "client_name": "Servicio",
        "policy": "service",
        "grant_types": ["client_credentials"],
        "resources": ["https://api.pruebas.gob.ec"],
        "token_endpoint_auth_method": method,
    }
    registered = register(trusted.service, tmp_path, metadata)
    environ = resolving_environ(tmp_path) | {
        "REQUESTS_CA_BUNDLE": str(trusted.trust),
        "CURL_CA_BUNDLE": str(trusted.trust),
        "CLIENT_SECRET": registered["client_secret"],
    }
    write_sample(trusted, tmp_path, name, registered["client_id"])
    command = [sys.executable, "token_client.py"] if name == "python" else ["sh", "token.sh"]
    if name == "curl":
        find_program("jq", package="jq")
    good = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert good.stdout.count(".") == 2, good.stderr
    environ["CLIENT_SECRET"] = "another"
    wrong = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert wrong.returncode == 1
    assert "invalid_client" in wrong.stderr
