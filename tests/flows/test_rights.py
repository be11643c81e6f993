"""A right's whole life in browsers: given by one, approved by another, seen by the portal, gone with the work."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from playwright.sync_api import Browser, Page, Route, expect

from idp.accounts.person import find_person
from idp.directory.institutions import add_institution
from tests.flows.citizens import Citizen, citizen_of
from tests.flows.pages import type_code, type_password
from tests.idp.relying_party import REDIRECT_URI, RelyingParty, register
from tests.idp.rights.conftest import Office
from tests.servers.service import LiveService
from tests.web.accessibility import violations_in_both_schemes

pytestmark = [pytest.mark.browser, pytest.mark.server, pytest.mark.slow]
RUC = "1768007390001"
SCOPE = "openid roles institution"


def _open(browser: Browser, url: str, citizen: Citizen) -> Page:
    """Log somebody in at a browser of his own, for the page at ``url``."""
    page = browser.new_context(bypass_csp=True, locale="es-EC", reduced_motion="reduce").new_page()
    page.set_default_timeout(60_000)
    page.goto(url)
    type_password(page, citizen)
    page.wait_for_selector("[name=code]")
    type_code(page, citizen)
    return page


def _inspect(page: Page, name: str) -> None:
    """Accessible in both colour schemes, and no wider than a small telephone."""
    assert violations_in_both_schemes(page) == [], name
    folder = os.environ.get("SAU_TEST_PICTURES")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320, name
    if folder:
        page.screenshot(path=f"{folder}/{name}-320.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 900})


def _prepare(service: LiveService, chief: Citizen, second: Citizen) -> RelyingParty:
    """A ministry, an application with roles, and two administrators to whom they are delegated."""
    with service.composition() as composition:
        now, metadata = composition.clock.now(), {"scope": SCOPE, "optional_scope": ""}
        party = register(composition, client_name="Facturas", grant_types=["authorization_code"], **metadata)
        with composition.database.transaction() as session:
            ministry = add_institution(session, journal=composition.journal, ruc=RUC, name="Ministerio Vivo", now=now)
            people = [find_person(session, each.id) for each in (chief, second)]
        office = Office(composition, party, ministry, ministry)
        office.declare(institutions=[RUC])
        for person, may in zip(people, ({"may_assign": True}, {"may_assign": False, "may_approve": True}), strict=True):
            office.hire(person)
            office.delegate(person, "voider", **may)
    return party


def test_a_right_from_its_giving_to_its_end(browser: Browser, live_service: LiveService) -> None:
    """The delegated administrator proposes, another approves, the servant goes in with it, leaves, and is out."""
    chief, second, servant = (citizen_of(live_service) for _ in range(3))
    party = _prepare(live_service, chief, second)
    giving = _open(browser, f"{live_service.url}/admin/rights", chief)
    _inspect(giving, "derechos")
    giving.click("text=Ministerio Vivo")
    _inspect(giving, "institucion")
    giving.fill("[name=cedula]", servant.cedula)
    giving.fill("[name=post]", "Analista")
    giving.fill("[name=reason]", "Ingresó hoy a la dirección")
    giving.click("#submit")
    giving.wait_for_selector("#role")
    giving.select_option("#role", label="Anulación")
    giving.fill("[name=reason]", "Memorando 7")
    giving.click("#submit")
    expect(giving.locator("main")).to_contain_text("Falta la segunda persona")
    _inspect(giving, "persona")
    person_page = giving.url

    approving = _open(browser, f"{live_service.url}/admin/rights", second)
    approving.click("text=Revisar")
    expect(approving.locator("main")).to_contain_text("invoice:void")
    _inspect(approving, "aprobar")
    approving.click("#submit")
    approving.wait_for_url("**/admin/rights?institution=*")

    answers: list[str] = []
    going_in = browser.new_context(locale="es-EC").new_page()

    def go_no_further(route: Route) -> None:
        """Keep the address that the answer leads to: nobody is there."""
        if route.request.method != "POST":
            return route.continue_()
        answers.append(route.fetch(max_redirects=0).headers["location"])
        return route.fulfill(body="<p id=claims>listo")

    going_in.route("**/authorize/resume/*", go_no_further)
    start = live_service.url + party.authorization_url(scope=SCOPE)
    going_in.goto(start)
    type_password(going_in, servant)
    going_in.wait_for_selector("[name=code]")
    type_code(going_in, servant)
    expect(going_in.locator("main")).to_contain_text("voider")
    expect(going_in.locator("main")).to_contain_text("Ministerio Vivo")
    going_in.click("#allow")
    going_in.wait_for_selector("#claims")
    assert answers[-1].startswith(f"{REDIRECT_URI}?")
    form = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(answers[-1]).query)["code"][0],
        "redirect_uri": REDIRECT_URI,
        "code_verifier": party.verifier,
    }
    tokens = requests.post(f"{live_service.url}/token", data=form, headers=party.basic(), timeout=60).json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    told = requests.get(f"{live_service.url}/userinfo", headers=bearer, timeout=60).json()
    assert told["roles"] == ["voider"]
    going_in.goto(f"{live_service.url}/account/roles")
    expect(going_in.locator("main")).to_contain_text("Anulación")

    giving.goto(person_page)
    giving.click("text=Deja la institución")
    _inspect(giving, "dejar")
    giving.click("#submit")
    giving.wait_for_url(f"**/institutions/{RUC}")
    assert requests.get(f"{live_service.url}/userinfo", headers=bearer, timeout=60).status_code == 401
    going_in.goto(start)
    expect(going_in.locator("[name=password]")).to_be_visible()
