"""A person logs in with a certificate in a real browser, and what rests on it ends with ``sau ca revoke``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding
from playwright.sync_api import Browser, Page, Request, expect
from playwright.sync_api import Error as PlaywrightError

from idp.authentication.assurance import ACR_CERTIFICATE
from tests.flows.citizens import citizen_of
from tests.flows.trusted_service import TrustedService, run_trusted_service
from tests.idp.certificates import HeldCertificate, personal_certificate
from tests.idp.relying_party import REDIRECT_URI, RelyingParty, register
from tests.servers.names import can_resolve, resolved_here
from tests.servers.postgresql import PostgreSqlServer
from tests.servers.process import skip_without

pytestmark = [pytest.mark.browser, pytest.mark.server]

# Set to a folder to look at the pages.
SHOTS = os.environ.get("SAU_SHOTS")
_PATIENCE = 60


@dataclass
class Scene:
    """A service behind nginx, a person with a certificate, and an application."""

    trusted: TrustedService
    person_name: str
    held: HeldCertificate
    party: RelyingParty

    @property
    def url(self) -> str:
        """The main host."""
        return self.trusted.issuer

    def post(self, path: str, **form: str) -> requests.Response:
        """Send a form as the application's server."""
        return requests.post(
            self.url + path, data=form, headers=self.party.basic(), verify=str(self.trusted.trust), timeout=60
        )

    def userinfo(self, token: str) -> int:
        """Ask for the person's claims and return the status."""
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.get(f"{self.url}/userinfo", headers=headers, verify=str(self.trusted.trust), timeout=60)
        return answer.status_code


@contextmanager
def _scene(folder: Path, database_url: str = "") -> Iterator[Scene]:
    if not can_resolve():
        skip_without("libnss_wrapper", package="libnss-wrapper")
    with resolved_here(), run_trusted_service(folder, database_url=database_url) as trusted:
        citizen = citizen_of(trusted.service)
        with trusted.service.composition() as composed:
            held = personal_certificate(composed, citizen.id, now=composed.clock.now())
            party = register(composed)
        yield Scene(trusted, citizen.name, held, party)


class Window:
    """A browser whose owner has installed the certificate, if any. Nobody is at home at the application's address."""

    def __init__(self, browser: Browser, scene: Scene, held: HeldCertificate | None) -> None:
        shown: list[Any] = []
        if held is not None:
            pem = held.certificate.public_bytes(Encoding.PEM)
            shown = [{"origin": scene.trusted.mtls_origin, "cert": pem, "key": held.key_pem}]
        self._context = browser.new_context(locale="es-EC", ignore_https_errors=True, client_certificates=shown or None)
        self.page = self._context.new_page()
        self.page.set_default_timeout(60_000)
        self._answers: list[str] = []
        self.page.on("request", self._note)

    def answer_to(self, act: Callable[[], object]) -> dict[str, str]:
        """Do something that leads to the application, and return the parameters that it is sent."""
        self._answers.clear()
        with suppress(PlaywrightError):
            act()
        _eventually(lambda: bool(self._answers), look=lambda: self.page.wait_for_timeout(100))
        with suppress(PlaywrightError):
            self.page.wait_for_load_state()  # of the browser's own page of error
        return {name: values[0] for name, values in parse_qs(urlsplit(self._answers[0]).query).items()}

    def another_page(self) -> Page:
        """Open another page of the same browser."""
        page = self._context.new_page()
        page.set_default_timeout(60_000)
        return page

    def close(self) -> None:
        """Close it."""
        self._context.close()

    def _note(self, request: Request) -> None:
        if request.url.startswith(REDIRECT_URI):
            self._answers.append(request.url)


def _shot(page: Page, name: str) -> None:
    if SHOTS:
        for kind, width, scheme in (("escritorio", 1200, "light"), ("celular", 320, "light"), ("oscuro", 1200, "dark")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.screenshot(path=f"{SHOTS}/{name}-{kind}.png", full_page=True)
        page.set_viewport_size({"width": 1200, "height": 900})
        page.emulate_media(color_scheme="light")


def _log_in(window: Window, scene: Scene) -> dict[str, str]:
    """Go from the application to the certificate and back; return the answer that the application gets."""
    page = window.page
    page.goto(scene.url + scene.party.authorization_url(scope="openid profile offline_access", prompt="consent"))
    _shot(page, "ingreso")
    page.click("#certificate")
    assert page.url.startswith(f"{scene.trusted.mtls_origin}/certificate?ticket=")
    expect(page.locator("h1")).to_contain_text(scene.person_name)
    expect(page.locator("main")).to_contain_text("Portal")
    _shot(page, "confirmar")
    page.click("#submit")
    return window.answer_to(lambda: page.click("#allow"))


def _eventually(happens: Callable[[], bool], look: Callable[[], object] = lambda: time.sleep(0.2)) -> None:
    until = time.monotonic() + _PATIENCE
    while not happens():
        assert time.monotonic() < until, "it did not happen"
        look()


@pytest.fixture(params=["postgresql", "sqlite, worker killed"])
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scene, bool]]:
    """The scene on each database, and whether the service dies between revocation and its consequences."""
    database, _, killed = request.param.partition(", ")
    url, folder = "", tmp_path_factory.mktemp("scene")
    if database == "postgresql":
        server: PostgreSqlServer = request.getfixturevalue("postgresql")
        url = server.url(server.create_database(with_schema=False))
    with _scene(folder, url) as made:
        yield made, bool(killed)


def test_from_the_certificate_to_the_lost_session(scene: tuple[Scene, bool], browser: Browser) -> None:
    """Certificate and provider together: login through nginx, tokens, ``sau ca revoke``, and all of it is gone."""
    made, killed = scene
    window = Window(browser, made, made.held)
    page, answer = window.page, _log_in(window, made)
    issued = made.post(
        "/token",
        grant_type="authorization_code",
        code=answer["code"],
        redirect_uri=made.party.redirect_uri,
        code_verifier=made.party.verifier,
    ).json()
    with made.trusted.service.composition() as composed:
        claims = RelyingParty(composed, made.party.client_id, "").claims(issued["id_token"])
    assert (claims["acr"], claims["amr"]) == (ACR_CERTIFICATE, ["pop"])
    assert made.userinfo(issued["access_token"]) == 200
    silent = made.url + made.party.authorization_url(prompt="none")
    assert "code" in window.answer_to(lambda: page.goto(silent))

    service = made.trusted.service
    if killed:
        service.kill()
    service.command("ca", "revoke", made.held.serial, "--reason", "keyCompromise")
    if killed:
        service.start()
    # At once, whether the worker has passed it on or not.
    assert made.userinfo(issued["access_token"]) == 401
    refreshed = made.post("/token", grant_type="refresh_token", refresh_token=issued["refresh_token"])
    assert (refreshed.status_code, refreshed.json()["error"]) == (400, "invalid_grant")

    _eventually(lambda: window.answer_to(lambda: page.goto(silent)).get("error") == "login_required")
    # And nobody comes in with it any more.
    page = window.another_page()
    page.goto(made.url + made.party.authorization_url())
    page.click("#certificate")
    expect(page.locator("h1")).to_have_text("Su certificado fue revocado")
    _shot(page, "revocado")
    page.click("text=Ingresar de otra forma")
    expect(page.locator("[name=password]")).to_be_visible()
    window.close()


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A scene for the tests that revoke nothing."""
    with _scene(tmp_path_factory.mktemp("standing")) as made:
        yield made


def test_a_browser_without_a_certificate_is_told_so(standing: Scene, browser: Browser) -> None:
    """In plain words, with the way back to the password."""
    window = Window(browser, standing, None)
    page = window.page
    page.goto(standing.url + standing.party.authorization_url())
    page.click("#certificate")
    expect(page.locator("h1")).to_have_text("Su navegador no mostró ningún certificado")
    _shot(page, "sin-certificado")
    page.click("text=Ingresar de otra forma")
    expect(page.locator("[name=password]")).to_be_visible()
    window.close()


def test_an_application_asks_for_a_certificate(standing: Scene, browser: Browser) -> None:
    """``acr_values`` (OpenID Connect Core §3.1.2.1): no password is offered, and the certificate satisfies it."""
    window = Window(browser, standing, standing.held)
    page = window.page
    page.goto(standing.url + standing.party.authorization_url(acr_values=ACR_CERTIFICATE))
    expect(page.locator("h1")).to_have_text("Ingrese con su certificado")
    assert page.locator("[name=password]").count() == 0
    _shot(page, "pide-certificado")
    page.click("#submit")
    page.click("#submit")
    assert "code" in window.answer_to(lambda: page.click("#allow"))
    window.close()


def test_a_forwarded_link_does_not_log_its_sender_in(standing: Scene, browser: Browser) -> None:
    """The victim's certificate and yes at the attacker's ticket: both browsers stay outside."""
    windows = Window(browser, standing, None), Window(browser, standing, standing.held)
    attacker, victim = (window.page for window in windows)
    attacker.goto(standing.url + standing.party.authorization_url())
    with attacker.expect_navigation():
        attacker.click("#certificate")
    victim.goto(f"{standing.url}/login")
    victim.goto(attacker.url)
    victim.click("#submit")
    expect(victim.locator("h1")).to_have_text("Este ingreso empezó en otro navegador")
    _shot(victim, "otro-navegador")
    attacker.goto(victim.url)
    expect(attacker.locator("[name=password]")).to_be_visible()
    for window in windows:
        window.close()
