"""The protocol's pages in a real browser: axe, dark, 320 pixels; the form post without JavaScript, under the policy."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from composition import Composition
from idp.authentication.browser_session import start_browser_session
from idp.clients.model import ClientRow
from idp.clients.register import disable_client, register_client
from idp.clients.registration.client_registration import ClientRegistration
from idp.directory.institutions import add_institution
from idp.levels.registry_file import DEMO_FILE
from idp.web import mount
from kernel.clock import ManualClock
from kernel.settings import Settings
from tests.idp.relying_party import METADATA, RelyingParty, add_visitor, change, register
from tests.idp.signing import make_signing_keys
from tests.servers.process import free_port
from tests.web.accessibility import COLOURS, violations
from web.application import create_app

# What a browser shows does not depend on the database: the endpoints are tested on both.
pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

# Set to a folder to look at the pages.
SHOTS = os.environ.get("SAU_SHOTS")


@dataclass
class Application:
    """An application's server that keeps what browsers bring it."""

    origin: str
    received: list[dict[str, str]] = field(default_factory=list)
    pages: dict[str, str] = field(default_factory=dict)

    def __call__(self, environ: dict[str, object], start_response: object) -> object:
        request = Request(environ)  # type: ignore[arg-type]
        if request.path == "/cb":
            self.received.append(dict(request.form))
        return Response(self.pages.get(request.path, "<h1>Portal</h1>"), mimetype="text/html")(environ, start_response)  # type: ignore[arg-type]


@dataclass
class Site:
    """The provider and one application, at real addresses."""

    origin: str
    composition: Composition
    clock: ManualClock
    app: Flask
    party: RelyingParty
    application: Application
    person_id: str

    def address(self, **changes: str | None) -> str:
        """Return the address that the application sends the browser to."""
        return self.origin + self.party.authorization_url(**changes)

    def log_in(self, context: BrowserContext) -> None:
        """Give the browser a session of the person, as the login pages do."""
        with self.composition.database.transaction() as session:
            _, secret = start_browser_session(
                session,
                journal=self.composition.journal,
                person_id=self.person_id,
                amr=("otp", "pwd"),
                now=self.clock.now(),
            )
        context.add_cookies([{"name": "sau_session", "value": secret, "url": self.origin}])


@contextmanager
def _serving(port: int, app: object) -> Iterator[None]:
    server = make_server("127.0.0.1", port, app, threaded=True)  # type: ignore[arg-type]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield
    server.shutdown()
    thread.join()


@pytest.fixture
def site(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The provider with an institution's application and a person."""
    port, other = free_port(), free_port()
    origin, application = f"http://localhost:{port}", Application(f"http://localhost:{other}")
    clock = ManualClock(datetime.now(UTC))
    composition = Composition(settings.model_copy(update={"issuer": origin, "registry_file": DEMO_FILE}), clock=clock)
    make_signing_keys(composition, monkeypatch)
    app = create_app(settings=composition.settings, clock=clock, secret_key=b"k" * 32)
    mount(app, composition.idp)
    with composition.database.transaction() as session:
        institution = add_institution(
            session,
            journal=composition.journal,
            ruc="1760013210001",
            name="Servicio de Rentas Internas",
            domains=(),
            now=clock.now(),
        )
        metadata = METADATA | {
            "client_name": "Portal Tributario",
            "redirect_uris": [f"{application.origin}/cb"],
            "post_logout_redirect_uris": [f"{application.origin}/bye"],
        }
        registered = register_client(
            session,
            journal=composition.journal,
            registration=ClientRegistration.parse(metadata),
            institution_id=institution.id,
            now=clock.now(),
        )
    assert registered.secret
    party = RelyingParty(
        composition, registered.client.client_id, registered.secret.reveal(), f"{application.origin}/cb"
    )
    person_id = add_visitor(composition, app).person_id
    with _serving(port, app), _serving(other, application):
        yield Site(origin, composition, clock, app, party, application, person_id)
    composition.database.dispose()


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """A logged-in citizen's page; the policy is lifted for axe's own script."""
    with browser.new_context(bypass_csp=True, locale="es-EC", reduced_motion="reduce") as context:
        site.log_in(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        yield page


def _check(page: Page, name: str) -> None:
    page.wait_for_load_state()
    expect(page.locator("h1"), name).to_have_count(1)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert violations(page, only=COLOURS if scheme == "dark" else ()) == [], (name, scheme)
        _keep(page, f"{name}-1280-{scheme}")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 320, "height": 800})
    page.wait_for_function("innerWidth == 320")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320, name
    for control in page.locator("main button:visible, main .btn:visible").all():
        box = control.bounding_box()
        assert box is not None
        assert box["height"] >= 44, (name, control.inner_text())
    _keep(page, f"{name}-320")
    page.set_viewport_size({"width": 1280, "height": 800})


def _keep(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def test_every_page_of_consent_and_logout_is_accessible(site: Site, page: Page) -> None:
    """WCAG 2.2 AA as far as a machine can tell, in both schemes; nothing is wider than a small telephone."""
    page.goto(site.address(scope="openid profile cedula email offline_access"))
    _check(page, "consent")
    page.goto(site.address(response_mode="form_post", scope="openid profile"))
    page.click("#allow")
    _check(page, "form-post")
    page.goto(site.address(response_mode="form_post", max_age="x"))
    _check(page, "form-post-failed")
    page.goto(f"{site.origin}/logout?client_id={site.party.client_id}")
    _check(page, "logout-confirm")
    page.click("#logout-no")
    _check(page, "logout-kept")
    page.goto(f"{site.origin}/logout?client_id={site.party.client_id}")
    page.click("#logout-yes")
    _check(page, "logged-out")


def test_the_choice_of_an_account_and_what_is_asked_in_detail_are_accessible(site: Site, page: Page) -> None:
    """prompt=select_account, and authorization details (RFC 9396) in words."""
    api = register(
        site.composition,
        client_name="Pagos del Estado",
        resource="https://pagos.example/",
        resource_details={
            "pago": {
                "title": "Hacer un pago",
                "actions": {"iniciar": "Iniciar el pago"},
                "fields": {
                    "monto": {"title": "Monto en dólares", "type": "number"},
                    "beneficiario": {"title": "Beneficiario"},
                },
            }
        },
    )
    assert api.client_id
    change(
        site.composition,
        site.party,
        resources=["https://pagos.example/"],
        authorization_details_types=["pago"],
    )
    asked = {"type": "pago", "actions": ["iniciar"], "monto": 12.5, "beneficiario": "Ferretería Los Andes, cuenta 22-0"}
    page.goto(site.address(authorization_details=json.dumps([asked]), scope="openid profile email"))
    _check(page, "consent-details")
    site.clock.advance(timedelta(seconds=5))
    page.goto(site.address(prompt="select_account"))
    _check(page, "select-account")
    page.click("#continue")
    expect(page.locator("#allow")).to_be_visible()
    page.goto(site.address(prompt="select_account"))
    page.click("#other")
    expect(page.locator("h1")).to_have_text("Ingrese con su cédula")


def test_every_error_page_is_accessible_and_says_what_to_do(site: Site, page: Page) -> None:
    """One heading, what happened, what to do next, a reference to quote."""
    errors = {
        "unknown-client": site.address(client_id="nobody"),
        "no-client": site.address(client_id=None),
        "bad-redirect-uri": site.address(redirect_uri="https://evil.example/"),
        "bad-logout-hint": f"{site.origin}/logout?id_token_hint=x",
        "bad-logout-address": f"{site.origin}/logout?client_id={site.party.client_id}&post_logout_redirect_uri=https://x.example/",
        "unknown-interaction": f"{site.origin}/authorize/resume/0123456789abcdefghjkmnpqrs",
    }
    for name, address in errors.items():
        answer = page.goto(address)
        assert answer is not None
        assert 400 <= answer.status < 500, name
        _check_error(page, name)

    page.goto(site.address(scope="openid email"))
    address = page.url
    page.click("#allow")
    site.clock.advance(timedelta(seconds=61))
    page.goto(address)
    _check_error(page, "already-used")
    assert page.locator("main a", has_text="Ir a su cuenta").count() == 1
    assert page.locator("main a", has_text="Abrir la página otra vez").count() == 0  # it would say the same again

    page.goto(site.address(prompt="consent"))
    address = page.url
    site.clock.advance(timedelta(minutes=31))
    site.log_in(page.context)
    page.click("#allow")
    _check_error(page, "expired")

    page.goto(site.address(prompt="consent"))
    page.context.clear_cookies(name="sau_browser")
    page.reload()
    _check_error(page, "other-browser")

    with site.composition.database.transaction() as session:
        disable_client(session, journal=site.composition.journal, client_id=site.party.client_id, now=site.clock.now())
    page.goto(site.address())
    _check_error(page, "client-disabled")


def _check_error(page: Page, name: str) -> None:
    expect(page.locator("main")).to_contain_text("eferencia")
    _check(page, name)


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_a_form_post_works_without_javascript_by_its_button(site: Site, browser: Browser, decision: str) -> None:
    """OAuth 2.0 Form Post §2; the policy's form-action lets exactly this one address through."""
    with browser.new_context(java_script_enabled=False, locale="es-EC") as context:
        site.log_in(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(site.address(response_mode="form_post"))
        page.click(f"#{decision}")
        expect(page.locator("h1")).to_have_text(
            "Listo: ya ingresó" if decision == "allow" else "No se completó el ingreso"
        )
        page.click("#submit")
        expect(page.locator("h1")).to_have_text("Portal")
    (posted,) = site.application.received
    assert posted["state"] == "a state & more"
    assert posted["iss"] == site.origin
    assert ("code" in posted) is (decision == "allow")
    assert posted.get("error") == (None if decision == "allow" else "access_denied")


def test_consent_and_logout_lead_back_under_the_policy(site: Site, browser: Browser) -> None:
    """Chromium applies form-action to redirects: the application's origin must be let through, and is."""
    with browser.new_context(java_script_enabled=False, locale="es-EC") as context:
        site.log_in(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(site.address())
        page.dblclick("#allow")
        expect(page.locator("h1")).to_have_text("Portal")
        assert page.url.startswith(f"{site.application.origin}/cb?code=")
        bye = f"{site.application.origin}/bye"
        page.goto(f"{site.origin}/logout?client_id={site.party.client_id}&post_logout_redirect_uri={bye}")
        page.click("#logout-yes")
        expect(page.locator("h1")).to_have_text("Portal")
        assert page.url.startswith(bye)


_ASKING = """<!doctype html><title>Portal</title><h1>Portal</h1><iframe id="op" src="{frame}"></iframe>
<script>
window.ask = (message) => new Promise((resolve) => {{
  window.addEventListener("message", (event) => resolve([event.data, event.origin]), {{once: true}});
  setTimeout(() => resolve(["silence", "{origin}"]), 5000);
  document.getElementById("op").contentWindow.postMessage(message, "{origin}");
}});
</script>"""


def test_a_page_notices_that_the_login_changed(site: Site, browser: Browser) -> None:
    """Session Management 1.0 §3, as certification asks it: unchanged after login, changed after logout."""
    asking = _ASKING.format(frame=f"{site.origin}/session/check", origin=site.origin)
    with browser.new_context(locale="es-EC") as context:
        site.log_in(context)
        page = context.new_page()
        site.application.pages["/check"] = asking
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(error.message))
        page.goto(site.address(scope="openid profile"))
        page.click("#allow")
        page.wait_for_url(f"{site.application.origin}/cb*")
        answer = dict(parse_qsl(urlsplit(page.url).query))
        mine = f"{site.party.client_id} {answer['session_state']}"

        def ask(message: object) -> str:
            page.goto(f"{site.application.origin}/check")
            page.frame_locator("#op").locator("html[data-cookie] script").wait_for(state="attached")
            page.wait_for_load_state()
            word, origin = page.evaluate("message => window.ask(message)", message)
            assert origin == site.origin
            return str(word)

        assert ask(mine) == "unchanged"
        assert ask(f"other {answer['session_state']}") == "changed"
        assert ask("nonsense") == "error"
        assert ask(7) == "error"
        page.goto(f"{site.origin}/logout?client_id={site.party.client_id}")
        page.click("#logout-yes")
        assert ask(mine) == "changed"
        context.clear_cookies()
        assert ask(mine) == "error"  # as in a browser that keeps cookies from frames: the page does not ask for ever
        assert problems == []


def _stay(route: Route) -> None:
    """Keep the page where it is: axe needs longer than the page waits."""
    answer = route.fetch()
    headers = {name: value for name, value in answer.headers.items() if name != "refresh"}
    route.fulfill(response=answer, headers=headers)


def test_the_sign_out_page_with_frames_is_accessible_and_goes_on(site: Site, page: Page) -> None:
    """Front-Channel Logout 1.0: frames load, nothing shows of them, and the browser goes on by itself."""
    with site.composition.database.transaction() as session:
        row = session.get_one(ClientRow, site.party.client_id)
        row.metadata_ = {**row.metadata_, "frontchannel_logout_uri": f"{site.application.origin}/out"}
    page.goto(site.address(scope="openid profile"))
    page.click("#allow")
    page.wait_for_url(f"{site.application.origin}/cb*")
    code = dict(parse_qsl(urlsplit(page.url).query))["code"]
    assert site.party.exchange(site.app.test_client(use_cookies=False), code).status_code == 200
    page.route("**/logout/confirm", _stay)
    page.goto(f"{site.origin}/logout?client_id={site.party.client_id}")
    page.click("#logout-yes")
    _check(page, "logout-frames")
    page.unroute("**/logout/confirm")
    site.log_in(page.context)
    page.goto(site.address(scope="openid profile"))
    page.wait_for_url(f"{site.application.origin}/cb*")
    code = dict(parse_qsl(urlsplit(page.url).query))["code"]
    assert site.party.exchange(site.app.test_client(use_cookies=False), code).status_code == 200
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url) if request.url.endswith("/out") else None)
    page.goto(
        f"{site.origin}/logout?client_id={site.party.client_id}&post_logout_redirect_uri={site.application.origin}/bye"
    )
    page.click("#logout-yes")
    expect(page.locator("#go-on")).to_be_visible()
    page.wait_for_url(f"{site.application.origin}/bye", timeout=60_000)
    assert loaded == [f"{site.application.origin}/out"]


def test_a_citizen_of_level_1_raises_himself_and_is_back_at_the_portal(site: Site, page: Page) -> None:
    """experience, "Citizen": "this service needs nivel 2", the ways to it, the check, and the portal."""
    page.goto(site.address(scope="openid profile", acr_values="urn:sau:acr:level2"))
    expect(page.locator("h1")).to_have_text("Este servicio necesita nivel 2")
    _check(page, "level-needed")
    page.get_by_role("link", name="En línea, ahora").click()
    expect(page.locator("h1")).to_have_text("Compruebe que es usted")
    _check(page, "level-check")
    page.fill("[name=birth_date]", "17/03/1984")
    page.fill("[name=fingerprint_code]", "V9999V9999")
    page.click("#submit")
    expect(page.get_by_role("alert")).to_contain_text("no coinciden con lo que consta en el Registro Civil")
    _check(page, "level-mismatch")
    page.fill("[name=fingerprint_code]", "i1443 i4414")
    page.keyboard.press("Enter")
    page.click("#allow")
    page.wait_for_url(f"{site.application.origin}/cb?*")
    answer = dict(parse_qsl(urlsplit(page.url).query))
    given = site.party.exchange(site.app.test_client(use_cookies=False), answer["code"]).get_json()
    assert site.party.claims(given["id_token"])["acr"] == "urn:sau:acr:level2"
    page.goto(f"{site.origin}/account/level")
    expect(page.locator("main")).to_contain_text("Comprobado en línea con el Registro Civil")
    _check(page, "level-account")
