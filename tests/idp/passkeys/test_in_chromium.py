"""A citizen and his passkeys in a real browser, under the policy as it is, with Chromium's virtual authenticator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from composition import Composition
from idp.accounts.person import find_person_by_cedula
from idp.authentication.browser_session import list_browser_sessions
from idp.demo import DEMO_PASSWORD
from tests.idp.web_people.conftest import mail_code
from tests.idp.web_people.test_in_chromium import check
from tests.idp.web_people.test_in_chromium import site as site

CEDULA = "0923456719"  # a demo person without a second step
_AUTHENTICATOR = {
    "protocol": "ctap2",
    "ctap2Version": "ctap2_1",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class VirtualAuthenticator:
    """An authenticator of a browser's page."""

    def __init__(self, page: Page) -> None:
        self.tool = page.context.new_cdp_session(page)
        self.tool.send("WebAuthn.enable")
        made: dict[str, Any] = self.tool.send("WebAuthn.addVirtualAuthenticator", {"options": _AUTHENTICATOR})
        self.id: str = made["authenticatorId"]

    def credentials(self) -> list[dict[str, Any]]:
        found: dict[str, Any] = self.tool.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        return list(found["credentials"])

    def verifies(self, verified: bool) -> None:
        asked = {"authenticatorId": self.id, "isUserVerified": verified}
        self.tool.send("WebAuthn.setUserVerified", asked)

    def is_touched(self, touched: bool) -> None:
        asked = {"authenticatorId": self.id, "enabled": touched}
        self.tool.send("WebAuthn.setAutomaticPresenceSimulation", asked)


@contextmanager
def _citizen(browser: Browser, **given: Any) -> Iterator[tuple[BrowserContext, Page, list[str]]]:
    with browser.new_context(locale="es-EC", reduced_motion="reduce", **given) as context:
        page, told = context.new_page(), []
        page.set_default_timeout(60_000)
        page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: told.append(str(error)))
        yield context, page, told


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_citizen_lives_with_passkeys(browser: Browser, site: tuple[str, Composition]) -> None:
    """Added in the account; used by the button, in the field, after the password and at a reset; removed at last."""
    origin, composition = site
    with _citizen(browser) as (context, page, told):
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(f"{origin}/account/passkeys")
        keys = VirtualAuthenticator(page)
        keys.is_touched(False)  # else the field's own offer answers by itself
        assert page.locator("#username").get_attribute("autocomplete") == "username webauthn"
        check(page, "passkey-login")
        page.fill("#username", CEDULA)
        page.fill("#password", DEMO_PASSWORD)
        page.click("#submit")
        page.wait_for_url("**/account/passkeys")
        check(page, "passkey-none")
        page.click("#add")
        check(page, "passkey-new")
        keys.is_touched(True)
        keys.verifies(False)
        page.click("#submit")
        page.wait_for_selector("#passkey-note:not([hidden])")
        check(page, "passkey-not-made")
        keys.verifies(True)
        page.fill("#name", "Celular de Luis")
        page.click("#submit")
        page.wait_for_url("**/account/recovery-codes")
        page.click("#submit")
        (made,) = keys.credentials()
        assert made["isResidentCredential"] is True
        assert made["rpId"] == "localhost"
        page.goto(f"{origin}/account/passkeys")
        assert "Celular de Luis" in page.text_content("main")  # type: ignore[operator]
        check(page, "passkey-list")
        # The same authenticator makes no second key of one account.
        page.click("#add")
        page.click("#submit")
        page.wait_for_selector("#passkey-note:not([hidden])")
        assert "ya tiene una llave" in page.text_content("#passkey-note")  # type: ignore[operator]

        # Without a name: the button.
        context.clear_cookies()
        keys.is_touched(False)
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"{origin}/login", wait_until="networkidle")
        assert len([each for each in requests if not each.endswith("/login")]) <= 5, requests
        keys.verifies(True)
        keys.is_touched(True)
        page.click("#passkey")
        page.wait_for_url("**/account")
        _require_amr(composition, {"hwk", "mfa", "user"})

        # After the password, as the second step.
        context.clear_cookies()
        keys.is_touched(False)
        page.goto(f"{origin}/login")
        page.fill("#username", CEDULA)
        page.fill("#password", DEMO_PASSWORD)
        page.click("#submit")
        page.wait_for_selector("text=Use su llave de acceso")
        check(page, "passkey-second-step")
        keys.is_touched(True)
        page.click("#submit")
        page.wait_for_url("**/account")
        _require_amr(composition, {"hwk", "mfa", "pwd", "user"})

        # A forgotten password: the mailbox, then the key.
        context.clear_cookies()
        page.goto(f"{origin}/recovery")
        page.fill("#username", CEDULA)
        page.click("#submit")
        page.fill("#code", _mailed_code(composition))
        page.click("#submit")
        page.wait_for_selector("text=Use su llave de acceso")
        check(page, "passkey-recovery")
        page.click("#submit")
        page.fill("#password", "otra-frase-muy-larga-92")
        page.click("#submit")
        page.wait_for_selector("text=contraseña")

        # In the field of the name: the browser offers it by itself.
        context.clear_cookies()
        page.goto(f"{origin}/login")
        page.wait_for_url("**/account")

        # Another name, and the end of it: the authenticator forgets it, too, where the browser can tell it.
        page.goto(f"{origin}/account/passkeys")
        page.click("main .list a")
        check(page, "passkey-one")
        page.fill("#name", "Celular nuevo")
        page.click("#submit")
        page.wait_for_selector("text=Celular nuevo")
        page.click("main .list a")
        page.click("#remove")
        page.wait_for_selector("text=ya no abre su cuenta")
        assert [each for each in told if "422" not in each] == []
    with _citizen(browser, java_script_enabled=False) as (_, page, told):
        page.goto(f"{origin}/login")
        assert not page.is_visible("#passkey")
        assert page.is_visible("#submit")


def _require_amr(composition: Composition, amr: set[str]) -> None:
    with composition.database.reading() as session:
        person = find_person_by_cedula(session, CEDULA)
        assert person is not None
        sessions = list_browser_sessions(session, person_id=person.id, now=datetime.now(UTC))
    newest = max(sessions, key=lambda each: each.created_at)
    assert set(newest.amr) == amr


def _mailed_code(composition: Composition) -> str:
    from idp.notices.mail import list_stored_mails

    with composition.database.reading() as session:
        return mail_code(list_stored_mails(session, services=composition.idp)[0].body)
