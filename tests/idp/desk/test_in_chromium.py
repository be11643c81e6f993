"""Lost everything, in a real browser: from the desk to a new login a day later; and a stop, a report, its answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from admin.console_session import open_console_session
from admin.permissions import Role
from admin.roles import grant_role
from composition import Composition
from idp.accounts.person import Person, add_person
from idp.authentication.browser_session import start_browser_session
from idp.authentication.password import hash_password, store_password
from idp.authentication.totp import current_code
from idp.desk.desks import add_desk
from idp.directory.institutions import add_institution
from kernel.clock import ManualClock
from kernel.secret_text import SecretText
from kernel.settings import Settings
from tests.idp.desk.conftest import stop_code
from tests.servers.process import free_port
from tests.web.inspection import WIDE, problems_of
from wsgi import create_app

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CEDULA, OTHER, OFFICER, SECURITY = "1710034065", "0702468133", "1765432107", "0102030400"
PASSWORD, NEW_PASSWORD = "mandarina-tren-lluvia-31", "sombrero-laguna-papel-78"


@dataclass
class Site:
    """The whole service at a real address, with a clock that the test moves."""

    origin: str
    composition: Composition
    clock: ManualClock

    def add(self, cedula: str, name: str, *, level: int = 2) -> Person:
        """Add a person with a password."""
        with self.composition.database.transaction() as session:
            person = add_person(
                session,
                journal=self.composition.journal,
                cedula=cedula,
                given_names=name,
                surnames="Quispe Toapanta",
                email=f"{name.lower()}@correo.test",
                email_verified=True,
                level=level,
                now=self.clock.now(),
            )
            store_password(
                session,
                journal=self.composition.journal,
                person_id=person.id,
                phc=hash_password(SecretText(PASSWORD)),
                reason="operator",
                now=self.clock.now(),
            )
        return person

    def console(self, browser: Browser, person: Person, role: Role) -> Page:
        """Return a page of the console, as the person's login would have opened it."""
        composition, now = self.composition, self.clock.now()
        with composition.database.transaction() as session:
            journal = composition.journal
            grant_role(session, journal=journal, person_id=person.id, role=role, actor="command", now=now)
            login, _ = start_browser_session(session, journal=journal, person_id=person.id, amr=("pwd", "otp"), now=now)
            _, secret = open_console_session(
                session,
                journal=journal,
                sid=login.sid,
                person_id=person.id,
                authenticated_at=now,
                acr=login.acr,
                now=now,
            )
        context = browser.new_context(bypass_csp=True, locale="es-EC", reduced_motion="reduce", viewport=WIDE)  # type: ignore[arg-type]
        context.add_cookies([{"name": "sau_console", "value": secret, "url": self.origin}])
        return context.new_page()


@pytest.fixture
def site(settings: Settings) -> Iterator[Site]:
    """All roles in one process."""
    port, clock = free_port(), ManualClock(datetime.now(UTC))
    origin = f"http://localhost:{port}"
    composition = Composition(settings.model_copy(update={"issuer": origin}), clock=clock)
    with composition.database.transaction() as session:
        institution = add_institution(
            session, journal=composition.journal, ruc="1760001550001", name="Registro de Prueba", now=clock.now()
        )
        add_desk(
            session,
            journal=composition.journal,
            institution_ruc=institution.ruc,
            name="Agencia Norte",
            city="Quito",
            address="Av. Amazonas N39-123 y Arízaga",
            hours="Lunes a viernes, 08:00 a 16:30",
            now=clock.now(),
        )
    server = make_server("127.0.0.1", port, create_app(composition), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Site(origin, composition, clock)
    server.shutdown()
    thread.join()
    composition.database.dispose()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_lost_everything_from_the_desk_to_a_new_login(browser: Browser, site: Site) -> None:
    """Citizen: lost phone → desk; a delay and a notice; each page whole. Then a stop, its report, and the answer."""
    problems: list[str] = []
    site.add(CEDULA, "Ana")
    site.add(OTHER, "Eva")
    desk = site.console(browser, site.add(OFFICER, "Olga"), Role.REGISTRATION_OFFICER)
    home = browser.new_context(bypass_csp=True, locale="es-EC", reduced_motion="reduce", viewport=WIDE)  # type: ignore[arg-type]
    page = home.new_page()

    def look(at: Page, name: str) -> None:
        problems.extend(problems_of(at, name))

    # The pages of login lead here when nothing else is left; the answer is open.
    page.goto(f"{site.origin}/ayuda#todo")
    look(page, "help")
    page.click("#todo a >> nth=0")
    look(page, "offices")

    _open_recovery(desk, site, CEDULA, look)
    code = desk.inner_text("#code")
    page.goto(f"{site.origin}/recovery/desk")
    _enter(page, CEDULA, code)
    assert "Todavía no" in page.inner_text("main")
    look(page, "recovery-waits")
    site.clock.advance(timedelta(hours=24))
    _enter(page, CEDULA, "0000-0000-0000-0000")
    _enter(page, CEDULA, code)
    page.fill("#password", NEW_PASSWORD)
    page.click("#submit")
    look(page, "recovery-second-factor")
    page.click("summary")
    key = page.inner_text("#totp-key").replace(" ", "")
    page.fill("#code", current_code(key, now=site.clock.now()))
    page.click("#submit")
    assert "recovery-codes" in page.url or "codes" in page.url
    page.click("#submit")
    page.wait_for_url(f"{site.origin}/account")
    # A later login with what is new, elsewhere.
    site.clock.advance(timedelta(minutes=1))
    with browser.new_context(locale="es-EC") as elsewhere:
        again = elsewhere.new_page()
        again.goto(f"{site.origin}/login")
        again.fill("#username", CEDULA)
        again.fill("#password", NEW_PASSWORD)
        again.click("#submit")
        again.fill("#code", current_code(key, now=site.clock.now()))
        again.click("#submit")
        again.wait_for_url(f"{site.origin}/account")

    # Somebody poses as Eva; she is told, and stops it without a login.
    site.clock.advance(timedelta(minutes=1))
    desk = site.console(browser, site.add("0926687856", "Oscar"), Role.REGISTRATION_OFFICER)
    _open_recovery(desk, site, OTHER, None)
    stopping = browser.new_context(bypass_csp=True, locale="es-EC", reduced_motion="reduce", viewport=WIDE)  # type: ignore[arg-type]
    page = stopping.new_page()
    page.goto(f"{site.origin}/recovery/stop/{stop_code(site.composition)}")
    look(page, "stop")
    page.click("#submit")
    page.goto(f"{site.origin}/login")
    page.fill("#username", OTHER)
    page.fill("#password", PASSWORD)
    page.click("#submit")
    page.goto(f"{site.origin}/account/activity")
    page.click("text=No fui yo >> nth=0")
    look(page, "disown-with-services")
    page.click("#submit")
    look(page, "own-report")
    page.goto(f"{site.origin}/account/reports")
    security = site.console(browser, site.add(SECURITY, "Sara"), Role.SECURITY_OFFICER)
    security.goto(f"{site.origin}/admin/recoveries")
    look(security, "console-recoveries")
    security.goto(f"{site.origin}/admin/reports")
    security.click("tbody a >> nth=0")
    look(security, "console-report")
    security.click("#look")
    security.fill("#words", "La persona que vino a la ventanilla no era usted. Ya lo sabe la fiscalía.")
    security.click("form:has(#words) #submit")
    assert "Cerrado" in security.inner_text("main")
    _correct_a_name(page, desk, site, look)
    for each in (desk, page, security):
        each.context.close()
    home.close()
    assert problems == []


def _correct_a_name(page: Page, desk: Page, site: Site, look: Callable[[Page, str], None]) -> None:
    """Eva asks that her name be put right; the officer answers, and she reads it."""
    page.goto(f"{site.origin}/account/rectification")
    page.select_option("#datum", "surnames")
    page.fill("#value", "Quishpe Toapanta")
    page.fill("#why", "En mi cédula se escribe con sh")
    page.click("#submit")
    assert "recibimos su pedido" in page.inner_text("[role=status]")
    look(page, "correction-asked")
    desk.goto(f"{site.origin}/admin/rectifications")
    look(desk, "console-corrections")
    desk.click("tbody a >> nth=0")
    desk.click("#submit")
    look(desk, "console-correction-without-answer")
    desk.fill("#answer", "Vimos la cédula: se escribe Quishpe.")
    desk.click("#submit")
    assert "Corregido" in desk.inner_text("main")
    page.reload()
    assert "Vimos la cédula" in page.inner_text("main")
    page.goto(f"{site.origin}/account/profile")
    assert "Quishpe Toapanta" in page.inner_text("main")


def _open_recovery(desk: Page, site: Site, cedula: str, look) -> None:  # type: ignore[no-untyped-def]
    desk.goto(f"{site.origin}/admin/desk")
    desk.fill("#cedula", cedula)
    desk.fill("#reason", "Está en la ventanilla y perdió su celular")
    desk.click("#submit")
    desk.click("#submit")
    if look:
        look(desk, "console-person")
        desk.click("#verify")
        look(desk, "console-verify")
        desk.go_back()
    desk.click("#recover")
    desk.click("#submit")
    if look:
        look(desk, "console-recover-errors")
    desk.select_option("#document", "cedula")
    desk.select_option("#how", "by_eye")
    desk.select_option("#desk", index=1)
    desk.check("[name=matches]")
    desk.click("#submit")
    desk.wait_for_selector("#code")
    if look:
        look(desk, "console-sheet")


def _enter(page: Page, cedula: str, code: str) -> None:
    page.fill("#username", cedula)
    page.fill("#code", code)
    page.click("#submit")
    page.wait_for_load_state()
