"""The smallest application (``examples/minimal``), which the developers' tutorial starts, lets a person in and out."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from threading import Thread

import pytest
from werkzeug.serving import make_server

from tests.architecture.source import ROOT
from tests.flows.citizens import citizen_of
from tests.flows.form_browser import FormBrowser
from tests.flows.relying_parties.conftest import register
from tests.servers.process import free_port
from tests.servers.service import LiveService

pytestmark = [pytest.mark.server]


def test_the_minimal_application_lets_people_in_and_out(live_service: LiveService, tmp_path: Path) -> None:
    """As the tutorial registers it: name and subject are shown after the login, and nobody after the logout."""
    port = free_port()
    origin = f"http://localhost:{port}"
    metadata = {
        "client_name": "Mi aplicación",
        "redirect_uris": [f"{origin}/callback"],
        "post_logout_redirect_uris": [f"{origin}/"],
        "scope": "openid profile cedula",
    }
    client = register(live_service, tmp_path, metadata)
    spec = importlib.util.spec_from_file_location("minimal_app", ROOT / "examples" / "minimal" / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    app = module.create_app(live_service.url, client["client_id"], client["client_secret"])
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        citizen, browser = citizen_of(live_service), FormBrowser()
        browser.open(f"{origin}/login")
        browser.log_in(citizen)
        assert browser.page.url == f"{origin}/"
        assert f"Hola, {citizen.name}" in browser.page.text
        browser.open(f"{origin}/logout")
        assert browser.page.url.startswith(f"{origin}/")
        assert "Ingresar" in browser.page.text
        browser.open(f"{origin}/callback?code=x&state=y&iss=https://another.example")
        assert browser.page.status_code == 400
    finally:
        server.shutdown()
        thread.join()
