"""The rest of an application's way, in browsers: ready for production, let in, changed by two and back, new keys."""

from __future__ import annotations

import base64
import json
import re
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.sync_api import Browser

from idp.notices.mail import list_stored_mails

if TYPE_CHECKING:
    from tests.admin.test_in_chromium import Desk

HOME = "https://turnos.tramites-demo.gob.ec"
BACK = f"{HOME}/vuelta"
# RFC 7636, appendix B
_VERIFIER, _CHALLENGE = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def make_ready(desk: Desk, client_id: str) -> None:
    """Change it in its sandbox, at once: addresses of the Internet, a contact, a policy."""
    page = desk.page
    desk.open(f"/admin/applications/{client_id}/change")
    page.fill("#redirect_uris", BACK)
    page.fill("#post_logout_redirect_uris", f"{HOME}/")
    page.fill("#contacts", "turnos@tramites-demo.gob.ec")
    page.fill("#policy_uri", f"{HOME}/datos")
    page.click("#submit")
    page.wait_for_url(f"**/admin/applications/{client_id}")
    desk.open(f"/admin/applications/{client_id}/history")
    page.wait_for_selector("text=Se agrega")
    desk.inspect("historia-de-prueba")


def try_it(browser: Browser, url: str, client_id: str, secret: str, username: str, password: str) -> None:
    """As a test citizen: in, the code redeemed as the application's server does, and out."""
    context = browser.new_context(locale="es-EC")
    visitor = context.new_page()
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": BACK,
        "scope": "openid profile",
        "code_challenge": _CHALLENGE,
        "code_challenge_method": "S256",
    }
    visitor.goto(f"{url}/authorize?{urlencode(asked)}")
    visitor.fill("[name=username]", username)
    visitor.fill("[name=password]", password)
    visitor.click("#submit")
    visitor.wait_for_selector("#allow")
    assert visitor.locator("text=Persona de Prueba Uno").count()
    # Nobody answers at that name: what the browser is sent there with is all that is needed.
    with visitor.expect_request(lambda request: request.url.startswith(BACK)) as sent:
        visitor.click("#allow", no_wait_after=True)
    code = parse_qs(urlsplit(sent.value.url).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": _VERIFIER}
    proof = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    request = urllib.request.Request(f"{url}/token", urlencode(form).encode(), {"Authorization": f"Basic {proof}"})
    with urllib.request.urlopen(request) as answer:
        id_token = json.load(answer)["id_token"]
    leave = {"id_token_hint": id_token, "post_logout_redirect_uri": f"{HOME}/"}
    left = context.request.get(f"{url}/logout?{urlencode(leave)}", max_redirects=0)
    assert left.headers["location"].startswith(HOME), left.text()
    context.close()


def go_live(asker: Desk, other: Desk, client_id: str) -> None:
    """One affirms and asks; another finds it on the home page, and approves."""
    page, desk = asker.page, other.page
    asker.open(f"/admin/applications/{client_id}/go-live")
    page.click("#send-1")
    with asker.service.composition() as composition, composition.database.reading() as session:
        mail = list_stored_mails(session, services=composition.idp)[0]
    code = re.search(r"\b\d{8}\b", mail.body)
    assert code
    page.fill("#code-1", code[0])
    asker.inspect("confirmar-contacto")
    page.click("#confirm-1")
    page.wait_for_selector("#contacts", state="detached")
    for value in ("minimum", "secrets", "support"):
        page.check(f"[name=affirmed][value={value}]")
    page.click("#submit")
    page.wait_for_selector("#withdraw")
    asker.inspect("salir-a-produccion-pedido")
    other.open("/admin")
    desk.click("a[href*='state=waiting']")
    desk.click("text=Espera aprobación >> nth=-1")
    other.inspect("salir-a-produccion-decidir")
    desk.click("#approve")
    desk.wait_for_selector("text=En producción")


def change_and_undo(asker: Desk, other: Desk, client_id: str) -> None:
    """In production each change is proposed with a reason and approved by another; so is its undoing."""
    page, desk = asker.page, other.page
    asker.open(f"/admin/applications/{client_id}")
    asker.inspect("aplicacion-en-produccion")
    page.click("#change")
    page.fill("#redirect_uris", f"{HOME}/vuelta-nueva")
    page.check("[name=scope][value=cedula]")
    page.click("#submit")
    page.wait_for_selector(".sum")
    asker.inspect("proponer-cambio-errores")
    page.fill("#why", "La norma exige la cédula")
    page.click("#submit")
    page.wait_for_selector("text=La norma exige la cédula")
    assert not page.locator("#approve").count()
    other.open(f"/admin/applications/{client_id}/proposal")
    other.inspect("cambio-propuesto")
    desk.click("#approve")
    desk.wait_for_url("**/history")
    asker.open(f"/admin/applications/{client_id}/history")
    asker.inspect("historia")
    page.fill("#why", "Fue un error")
    page.click("#submit")
    page.wait_for_url("**/proposal")
    other.open(f"/admin/applications/{client_id}/proposal")
    desk.click("#approve")
    desk.wait_for_selector("text=deshace la versión")


def rotate(asker: Desk, client_id: str) -> None:
    """A new secret beside the old one; how it is used; what would stop."""
    page = asker.page
    asker.open(f"/admin/applications/{client_id}/keys")
    page.click("#rotate")
    assert page.inner_text("#client-secret")
    asker.inspect("secreto-nuevo")
    page.click("#done")
    page.wait_for_selector("#withdraw-2")
    asker.inspect("claves")
    asker.open(f"/admin/applications/{client_id}/usage")
    page.wait_for_selector("#reasons")
    asker.inspect("uso")
    asker.open(f"/admin/applications/{client_id}/close")
    page.wait_for_selector("text=Personas que la usaron")
    asker.inspect("desactivar")
