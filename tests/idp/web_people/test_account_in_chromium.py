"""The account in a real browser: every page by axe, in both schemes, at 320 px; every change without JavaScript."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page

from audit.event import Event
from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.person import Person, find_person_by_cedula
from idp.clients.client import find_client
from idp.consent.consent import grant_consent
from idp.demo import DEMO_PASSWORD
from idp.jobs import handlers
from kernel.outbox import run_due
from tests.idp.certificates import personal_certificate
from tests.idp.relying_party import register
from tests.idp.web_people import test_in_chromium as citizen
from tests.idp.web_people.test_in_chromium import check

CEDULA = "0923456719"
site = citizen.site
page = citizen.page


def _furnish(composition: Composition) -> tuple[Person, str, str]:
    """Give the person a certificate and a connected service; return the person, the serial and the client."""
    now = datetime.now(UTC)
    with composition.database.reading() as session:
        person = find_person_by_cedula(session, CEDULA)
    assert person is not None
    held = personal_certificate(composition, person.id, now=now)
    party = register(composition, client_name="Citas médicas", policy_uri="https://portal.example/privacidad")
    with composition.database.transaction() as session:
        grant_consent(
            session,
            journal=composition.journal,
            person_id=person.id,
            client=find_client(session, party.client_id),
            requested=("openid", "profile", "email", "cedula"),
            chosen=("email",),
            now=now,
        )
        event = Event(type=EventType.USERINFO_RELEASED, subject=person.id, client_id=party.client_id)
        composition.journal.record(session, event, now=now)
    return person, held.serial, party.client_id


def _log_in(page: Page, origin: str) -> None:
    page.goto(f"{origin}/login")
    page.fill("#username", CEDULA)
    page.fill("#password", DEMO_PASSWORD)
    page.click("#submit")
    page.wait_for_url(f"{origin}/account")


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_page_of_the_account_and_every_change_without_scripts(
    browser: Browser, page: Page, site: tuple[str, Composition]
) -> None:
    """Experience, Everyone: axe 0, 320 px; each page of the account is usable without JavaScript."""
    origin, composition = site
    _, serial, client_id = _furnish(composition)
    page.set_viewport_size({"width": 1280, "height": 900})
    _log_in(page, origin)
    for path in (
        "",
        "profile",
        "sessions",
        f"services/{client_id}",
        "certificates",
        "certificates/request",
        f"certificates/{serial}/revoke",
        f"certificates/{serial}/suspend",
        "activity?what=logins",
        "my-data",
        "delete",
    ):
        page.goto(f"{origin}/account/{path}".rstrip("/"))
        check(
            page, "own-" + (path.split("?")[0].replace("/", "-").replace(serial, "x").replace(client_id, "x") or "home")
        )
    with browser.new_context(java_script_enabled=False, locale="es-EC") as context:
        plain = context.new_page()
        _log_in(plain, origin)
        plain.goto(f"{origin}/account/activity")
        plain.select_option("#what", "logins")
        plain.click("#show")
        assert "what=logins" in plain.url
        plain.goto(f"{origin}/account/my-data")
        plain.click("#prepare")
        assert plain.inner_text("[role=status]").startswith("Estamos preparando")
        run_due(composition.database, handlers(composition.idp), now=datetime.now(UTC))
        plain.click("#again")
        with plain.expect_download() as download:
            plain.click("#collect")
        assert download.value.suggested_filename.endswith(".pdf")
        plain.goto(f"{origin}/account/certificates/{serial}/suspend")
        plain.click("#submit")
        assert "quedó suspendido" in plain.inner_text("main")
        plain.click("text=Reactivar")
        assert "ingrese de otra forma fuerte" in plain.inner_text("main")  # by password alone nobody takes it up
        plain.goto(f"{origin}/account/certificates/request")
        plain.check("text=Firma de persona natural")
        plain.click("#submit")
        assert "quedó pedido" in plain.inner_text("main")
        plain.goto(f"{origin}/account/certificates/{serial}/revoke")
        plain.select_option("#reason", "superseded")
        plain.click("#submit")
        assert "quedó revocado" in plain.inner_text("main")
        plain.goto(f"{origin}/account/services/{client_id}")
        plain.click("#disconnect")
        plain.click("#submit")
        assert "quedó desconectado" in plain.inner_text("main")
        plain.goto(f"{origin}/account/delete")
        plain.click("#submit")
        assert "Su cuenta se borrará" in plain.inner_text("h1")
        page.goto(f"{origin}/account")
        check(page, "own-to-be-erased")
        page.goto(f"{origin}/account/certificates")
        check(page, "own-certificates-after")
        plain.click("#keep")
        assert "no se borrará" in plain.inner_text("main")
