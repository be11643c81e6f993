"""A citizen in a real browser: sign-up, code by mail, password, second factor, account; axe finds nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from composition import Composition
from idp.authentication.enrollment_link import create_enrollment_link
from idp.authentication.totp import current_code
from idp.demo import create_demo_people
from idp.notices.mail import list_stored_mails
from idp.notices.sms import list_stored_sms
from idp.web import mount
from kernel.settings import Settings
from tests.idp.web_people.conftest import mail_code
from tests.servers.process import free_port
from tests.web.inspection import problems_of
from web.application import create_app

PASSWORD = "mandarina-tren-lluvia-31"


@pytest.fixture
def site(settings: Settings) -> Iterator[tuple[str, Composition]]:
    """The provider's pages with demo people, at a real address."""
    port = free_port()
    origin = f"http://localhost:{port}"
    composition = Composition(settings.model_copy(update={"issuer": origin, "demo": True, "ussd_code": "*723#"}))
    with composition.database.transaction() as session:
        create_demo_people(session, composition.idp, datetime.now(UTC))
    app = create_app(settings=composition.settings, clock=composition.clock, secret_key=b"k" * 32)
    mount(app, composition.idp)
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield origin, composition
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


def check(page: Page, name: str) -> None:
    """Nothing is wrong with the page: see :mod:`tests.web.inspection`."""
    assert problems_of(page, name) == []


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_citizen_from_sign_up_to_the_account(page: Page, site: tuple[str, Composition]) -> None:
    """The whole journey, and every page of it, by keyboard-sized steps in Chromium."""
    origin, composition = site
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{origin}/login")
    check(page, "login")
    page.click("#submit")
    check(page, "login-errors")
    page.click("text=Cree su cuenta")
    check(page, "signup")
    page.fill("#cedula", "0702468133")
    page.fill("#given_names", "Elena Isabel")
    page.fill("#surnames", "Ramón Torres")
    page.fill("#email", "elena@correo.test")
    page.click("#submit")
    check(page, "signup-code")
    with composition.database.reading() as session:
        code = mail_code(list_stored_mails(session, services=composition.idp)[0].body)
    page.fill("#code", code)
    page.click("#submit")
    check(page, "signup-password")
    page.fill("#password", "1234567890")
    page.click("#submit")
    check(page, "signup-password-error")
    page.fill("#password", PASSWORD)
    page.click("#submit")
    check(page, "second-steps-choose")
    page.click("#add-totp")
    check(page, "second-factor-enroll")
    page.click("summary")
    key = page.inner_text("#totp-key").replace(" ", "")
    page.fill("#code", current_code(key, now=datetime.now(UTC)))
    page.click("#submit")
    check(page, "recovery-codes")
    page.click("#submit")
    page.wait_for_url(f"{origin}/account")
    # The pages of the account are walked in tests/flows/test_every_page.py; here are those that only forms lead to.
    page.goto(f"{origin}/account/email")
    page.click("#submit")
    check(page, "account-email-error")
    page.fill("#email", "elena.ramon.torres.de.la.parroquia@correo.institucion.ejemplo.test")
    page.click("#submit")
    check(page, "account-email-code")
    page.goto(f"{origin}/account/activity")
    page.click("text=No fui yo >> nth=0")
    check(page, "disown")
    for which in ("all", "this"):
        page.goto(f"{origin}/account/sessions/close?which={which}")
        check(page, f"close-{which}")
    page.click("#logout-yes")
    check(page, "closed")
    page.goto(f"{origin}/login")
    page.fill("#username", "0702468133")
    page.fill("#password", PASSWORD)
    page.click("#submit")
    check(page, "second-factor")
    page.goto(f"{page.url}?method=recovery_code")
    check(page, "second-factor-backup")
    page.goto(f"{origin}/recovery")
    check(page, "recovery")
    page.fill("#username", "0702468133")
    page.click("#submit")
    check(page, "recovery-code")
    with composition.database.transaction() as session:
        link = create_enrollment_link(session, journal=composition.journal, now=datetime.now(UTC))
    page.goto(f"{origin}/enroll/{link.token}")
    check(page, "enroll")
    page.fill("#cedula", "1765432107")
    page.fill("#given_names", "Pedro")
    page.fill("#surnames", "Andrango")
    page.fill("#email", "pedro@correo.test")
    page.fill("#password", PASSWORD)
    page.click("#submit")
    check(page, "enroll-second-factor")


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_citizen_with_a_telephone_and_no_mailbox(page: Page, browser: Browser, site: tuple[str, Composition]) -> None:
    """Sign-up, PIN for USSD, forgotten password on the same device; elsewhere, without scripts, there is a wait."""
    origin, composition = site

    def newest_code() -> str:
        with composition.database.reading() as session:
            return mail_code(list_stored_sms(session, services=composition.idp)[0].text)

    page.goto(f"{origin}/signup")
    page.click("text=No tengo correo: usar mi celular")
    page.click("#submit")
    check(page, "signup-phone-errors")
    page.fill("#cedula", "0702468133")
    page.fill("#given_names", "Elena Isabel")
    page.fill("#surnames", "Ramón Torres")
    page.fill("#phone", "099 123 4567")
    page.click("#submit")
    check(page, "signup-phone-code")
    page.fill("#code", newest_code())
    page.click("#submit")
    page.fill("#password", PASSWORD)
    page.click("#submit")
    page.goto(f"{origin}/account/ussd")
    page.fill("#pin", "123456")
    page.click("#submit")
    check(page, "ussd-pin-error")
    page.fill("#pin", "472913")
    page.click("#submit")
    check(page, "ussd-pin")
    page.goto(f"{origin}/account/sessions/close?which=this")
    page.click("#logout-yes")
    page.goto(f"{origin}/recovery")
    page.click("text=No tengo correo: recibirlo en mi celular")
    check(page, "recovery-phone")
    page.fill("#username", "0702468133")
    page.click("#submit")
    check(page, "recovery-phone-code")
    page.fill("#code", newest_code())
    page.click("#submit")
    page.fill("#password", "nube-cacao-sombrero-88")
    page.click("#submit")
    check(page, "recovery-done")
    page.click("#submit")
    page.fill("#username", "0702468133")
    page.fill("#password", "nube-cacao-sombrero-88")
    page.click("#submit")
    page.wait_for_url(f"{origin}/account")
    with browser.new_context(java_script_enabled=False, locale="es-EC") as elsewhere:
        stranger = elsewhere.new_page()
        stranger.goto(f"{origin}/recovery?contact=phone")
        stranger.fill("#username", "0702468133")
        stranger.click("#submit")
        stranger.fill("#code", newest_code())
        stranger.click("#submit")
        assert "Ahora falta esperar" in stranger.inner_text("h1")
        address = stranger.url
        cookies = elsewhere.cookies()
    page.goto(f"{origin}/account")
    assert "Alguien pidió una contraseña nueva con su celular" in page.inner_text("main")
    page.context.clear_cookies()
    page.context.add_cookies(cookies)  # type: ignore[arg-type]
    page.goto(address)
    check(page, "recovery-wait")
