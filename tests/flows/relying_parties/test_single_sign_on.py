"""A citizen logs in once: portal A, portal B, and out again."""

from __future__ import annotations

import pytest
import requests
from playwright.sync_api import Page, expect
from sqlalchemy import select

from audit.model import AuditEvent
from tests.flows.citizens import citizen_of
from tests.flows.pages import allow_if_asked, confirm_logout_if_asked, log_in, type_code, type_password
from tests.flows.relying_parties.conftest import Portals
from tests.servers.service import LiveService

pytestmark = [pytest.mark.browser, pytest.mark.server]


def test_the_second_portal_asks_for_no_password(live_service: LiveService, portals: Portals, page: Page) -> None:
    """Password, code and consent at A; only consent at B the first time, nothing the second; then out of both."""
    citizen = citizen_of(live_service)
    page.goto(portals.ventanilla)
    page.click("#ingresar")
    assert page.url.startswith(f"{live_service.url}/login/")
    type_password(page, citizen)
    type_code(page, citizen)
    expect(page.locator("main")).to_contain_text(citizen.cedula)  # consent shows values, not names of scopes
    assert allow_if_asked(page)
    expect(page).to_have_url(f"{portals.ventanilla}/")
    expect(page.locator("[data-claim=cedula]")).to_have_text(citizen.cedula)
    subject = page.inner_text("[data-claim=sub]")

    page.goto(portals.tributario)
    page.click("#ingresar")
    assert page.locator("[name=password]").count() == 0
    assert allow_if_asked(page)
    expect(page).to_have_url(f"{portals.tributario}/")
    expect(page.locator("[data-claim=name]")).to_have_text(citizen.name)

    page.context.clear_cookies(name=f"portal_{live_service.port + 1}")
    page.goto(portals.ventanilla)
    page.click("#ingresar")
    assert not allow_if_asked(page)  # asked once, remembered
    expect(page.locator("[data-claim=sub]")).to_have_text(subject)

    page.click("#salir")
    confirm_logout_if_asked(page)
    expect(page).to_have_url(f"{portals.ventanilla}/")
    page.context.clear_cookies(name=f"portal_{live_service.port + 2}")
    page.goto(portals.tributario)
    page.click("#ingresar")
    expect(page.locator("[name=password]")).to_be_visible()  # the session at the provider is over

    with live_service.composition() as composition, composition.database.reading() as session:
        types = set(session.scalars(select(AuditEvent.type).where(AuditEvent.subject == citizen.id)))
    assert {
        "idp:password:verified",
        "idp:totp:verified",
        "idp:session:started",
        "idp:consent:granted",
        "idp:authorization:granted",
        "idp:token:issued",
        "idp:session:ended",
    } <= types


def test_logout_at_one_portal_reaches_the_other(live_service: LiveService, portals: Portals, page: Page) -> None:
    """Back-Channel Logout 1.0: the other portal's own session ends, without its page being open anywhere."""
    citizen = citizen_of(live_service)
    page.goto(portals.tributario)
    page.click("#ingresar")
    log_in(page, citizen)
    expect(page.locator("[data-claim=cedula]")).to_have_text(citizen.cedula)
    page.goto(portals.ventanilla)
    page.click("#ingresar")
    allow_if_asked(page)
    expect(page.locator("#salir")).to_be_visible()
    page.click("#salir")
    confirm_logout_if_asked(page)
    expect(page).to_have_url(f"{portals.ventanilla}/")
    for _ in range(300):  # the worker sends the notice within moments
        page.goto(portals.tributario)
        if page.locator("#ingresar").count():
            break
        page.wait_for_timeout(200)
    expect(page.locator("#ingresar")).to_be_visible()
    expect(page.locator("[data-claim=cedula]")).to_have_count(0)


def test_a_forged_logout_changes_nothing(live_service: LiveService, portals: Portals, page: Page) -> None:
    """§2.6: what the provider did not sign, or signed for another purpose, is refused with 400."""
    citizen = citizen_of(live_service)
    page.goto(portals.ventanilla)
    page.click("#ingresar")
    log_in(page, citizen)
    expect(page.locator("#salir")).to_be_visible()
    for token in ("", "x.y.z", "eyJhbGciOiJub25lIiwidHlwIjoibG9nb3V0K2p3dCJ9.e30."):
        refused = requests.post(f"{portals.ventanilla}/salida-remota", data={"logout_token": token}, timeout=60)
        assert refused.status_code == 400
    page.reload()
    expect(page.locator("#salir")).to_be_visible()


def test_who_refuses_is_told_so_and_gives_nothing(live_service: LiveService, portals: Portals, page: Page) -> None:
    """OpenID Connect Core §3.1.2.6: access_denied, and a page of the portal's own."""
    citizen = citizen_of(live_service)
    page.goto(portals.tributario)
    page.click("#ingresar")
    type_password(page, citizen)
    type_code(page, citizen)
    page.click("#deny")
    expect(page.locator("#problem")).to_have_text("access_denied")
    expect(page.locator("h1")).to_contain_text("no recibimos ningún dato")


def test_back_and_reload_lose_nothing(live_service: LiveService, portals: Portals, page: Page) -> None:
    """An interaction survives what people do to their browsers."""
    citizen = citizen_of(live_service)
    page.goto(portals.ventanilla)
    page.click("#ingresar")
    page.reload()
    type_password(page, citizen)
    page.wait_for_selector("[name=code]")
    page.reload()
    page.go_back()
    page.go_forward()
    page.wait_for_selector("[name=code]")
    type_code(page, citizen)
    page.wait_for_selector("#allow")
    page.reload()
    page.click("#allow")
    expect(page).to_have_url(f"{portals.ventanilla}/")
    page.go_back()  # to a page of a login that is over: a clear page, no error of the machine
    assert "Traceback" not in page.content()
    page.goto(portals.ventanilla)
    expect(page.locator("#salir")).to_be_visible()


def test_two_people_do_not_mix(live_service: LiveService, portals: Portals, page: Page) -> None:
    """After one has logged out the next one gets his own data."""
    for citizen in (citizen_of(live_service), citizen_of(live_service)):
        page.goto(portals.ventanilla)
        page.click("#ingresar")
        log_in(page, citizen)
        expect(page.locator("[data-claim=cedula]")).to_have_text(citizen.cedula)
        page.click("#salir")
        confirm_logout_if_asked(page)
