"""Other devices in a real browser: a television, a kiosk that is refused, a call centre; axe finds nothing."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

import idp.jobs
from composition import Composition
from idp.accounts.person import add_person
from idp.authentication.password import hash_password, store_password
from idp.clients.policy import CIBA
from idp.directory.institutions import add_institution
from idp.rights.belonging import begin_belonging
from idp.web import mount
from kernel.outbox import run_due
from kernel.secret_text import SecretText
from kernel.settings import Settings
from tests.idp.call_centre import CEDULA, add_call_centre
from tests.idp.device import add_television
from tests.idp.signing import make_signing_keys
from tests.outgoing.host import answering, run_host
from tests.servers.process import free_port
from tests.web.accessibility import COLOURS, violations
from web.application import create_app

PASSWORD = "mandarina-tren-lluvia-31"
# Set to a folder to look at the pages.
SHOTS = os.environ.get("SAU_SHOTS")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


@dataclass
class Site:
    """The provider at a real address."""

    origin: str
    app: Flask
    composition: Composition


@pytest.fixture
def site(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The provider with one person."""
    port = free_port()
    origin = f"http://localhost:{port}"
    loopback = (ip_network("127.0.0.0/8"),)
    composition = Composition(settings.model_copy(update={"issuer": origin, "outgoing_networks": loopback}))
    make_signing_keys(composition, monkeypatch)
    now = composition.clock.now()
    with composition.database.transaction() as session:
        person = add_person(
            session,
            journal=composition.journal,
            cedula=CEDULA,
            given_names="Manuela",
            surnames="Sáenz Aizpuru",
            email="manuela@correo.example",
            email_verified=True,
            now=now,
        )
        store_password(
            session,
            journal=composition.journal,
            person_id=person.id,
            phc=hash_password(SecretText(PASSWORD)),
            reason="sign_up",
            now=now,
        )
        for ruc, name in (("1760001550001", "Ministerio de Prueba"), ("1760013210001", "Agencia de Prueba")):
            institution = add_institution(session, journal=composition.journal, ruc=ruc, name=name, now=now)
            begin_belonging(
                session,
                journal=composition.journal,
                institution_id=institution.id,
                person_id=person.id,
                actor="command",
                now=now,
            )
    app = create_app(settings=composition.settings, clock=composition.clock, secret_key=b"k" * 32)
    mount(app, composition.idp)
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Site(origin, app, composition)
    server.shutdown()
    thread.join()
    composition.database.dispose()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A citizen's page; the policy is lifted for axe's own script."""
    with browser.new_context(bypass_csp=True, locale="es-EC", reduced_motion="reduce") as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        yield page


def _check(page: Page, name: str) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert violations(page, only=COLOURS if scheme == "dark" else ()) == [], (name, scheme)
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"{name}-1280-{scheme}.png", full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 320, "height": 800})
    page.wait_for_function("innerWidth == 320")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320, name
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}-320.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 900})


def _log_in(page: Page) -> None:
    page.fill("#username", CEDULA)
    page.fill("#password", PASSWORD)
    page.click("#submit")


def test_a_television_shows_a_code_and_the_telephone_allows_it(page: Page, site: Site) -> None:
    """Code, login, comparison, the institution, permission; and the television has its tokens."""
    television = add_television(
        site.composition,
        site.app.test_client(use_cookies=False),
        scope="openid profile email institution offline_access",
        optional_scope="email",
    )
    asked = television.ask(scope="openid profile email institution offline_access")
    page.goto(f"{site.origin}/device")
    _check(page, "device-code")
    page.fill("#user_code", "bcdf")
    page.click("#submit")
    page.wait_for_selector("#user_code-e")
    _check(page, "device-code-error")
    page.fill("#user_code", asked["user_code"].lower())
    page.click("#submit")
    page.wait_for_selector("#username")
    assert "Televisión Educativa" in page.inner_text("body")
    _log_in(page)
    page.wait_for_selector("#allow")
    assert asked["user_code"] in page.inner_text("main")
    page.click("#allow")
    page.wait_for_selector("text=Elija una institución.")
    _check(page, "device-decision")
    page.check("text=Agencia de Prueba")
    page.click("#allow")
    page.wait_for_selector("#account")
    _check(page, "device-done")
    response = television.poll(asked["device_code"])
    assert response.status_code == 200
    assert response.get_json()["refresh_token"]
    assert television.party.claims(response.get_json()["id_token"])["institution"]["name"] == "Agencia de Prueba"
    page.goto(f"{site.origin}/account/services")
    assert "Televisión Educativa" in page.inner_text("main")


def test_a_kiosk_is_refused_without_javascript(browser: Browser, site: Site) -> None:
    """The QR code's address shows the code to be compared; the person says no; plain forms all the way."""
    kiosk = add_television(site.composition, site.app.test_client(use_cookies=False), client_name="Kiosco Municipal")
    asked = kiosk.ask()
    with browser.new_context(locale="es-EC", java_script_enabled=False) as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(asked["verification_uri_complete"])
        assert asked["user_code"] in page.inner_text("main")
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / "device-compare-nojs.png", full_page=True)
        page.click("#submit")
        _log_in(page)
        page.click("#deny")
        assert "No permitió la entrada" in page.inner_text("main")
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / "device-denied-nojs.png", full_page=True)
    assert kiosk.error(asked["device_code"]) == "access_denied"


def test_a_call_centre_asks_is_notified_and_gets_tokens(page: Page, site: Site) -> None:
    """Request, page, approval, ping at a real receiver, tokens."""
    with run_host(answering(b"HTTP/1.1 204 No Content\r\n\r\n")) as receiver:
        centre = add_call_centre(
            site.composition,
            site.app.test_client(use_cookies=False),
            backchannel_token_delivery_mode="ping",
            backchannel_client_notification_endpoint=f"http://127.0.0.1:{receiver.port}/ping",
        )
        asked = centre.ask(binding_message="Trámite 55-A", client_notification_token="8d67dc78-7faa-4d41-aabd-6770")
        page.goto(f"{site.origin}/account/solicitudes")
        _log_in(page)
        page.wait_for_selector("h1:has-text('Solicitudes')")
        _check(page, "approvals")
        page.goto(f"{site.origin}/account")
        _check(page, "account-with-approval")
        page.click("text=Revisar qué piden")
        page.click("a:has-text('Revisar la solicitud')")
        page.wait_for_selector("#allow")
        assert "Trámite 55-A" in page.inner_text("main")
        _check(page, "approval")
        page.click("#allow")
        page.wait_for_selector("text=Listo, aprobó la solicitud.")
        _check(page, "approved")
        composition = site.composition
        run_due(composition.database, idp.jobs.deliveries(composition.idp), now=composition.clock.now())
        (request,) = receiver.requests
    auth_req_id = json.loads(request.decode().partition("\r\n\r\n")[2])["auth_req_id"]
    assert auth_req_id == asked["auth_req_id"]
    response = centre.poll(auth_req_id, grant_type=CIBA)
    assert response.status_code == 200 and response.get_json()["id_token"]
