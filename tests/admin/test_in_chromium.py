"""The console in a real browser: a certificate's whole way, every page accessible, narrow and inside the policy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from admin.permissions import Role
from idp.broker.provider import Discovered, Endpoints
from idp.broker.register import WantedProvider, add_provider
from idp.deliveries.queue import queue_delivery
from kernel.outbox import OutboxTask
from tests.admin.application_journey import change_and_undo, go_live, make_ready, rotate, try_it
from tests.admin.conftest import make_csr
from tests.flows.citizens import Citizen, citizen_of
from tests.flows.pages import type_code, type_password
from tests.servers.service import LiveService
from tests.web.accessibility import COLOURS, violations

pytestmark = [pytest.mark.browser, pytest.mark.server, pytest.mark.slow]
DOMAIN = "tramites-demo.gob.ec"
RUC = "1768150060001"


DECLARED = """
application: ventanilla-unica
institutions: all
permissions:
  - {name: "tramite:read", es: Leer trámites, en: Read procedures}
  - {name: "tramite:decide", es: Decidir trámites, en: Decide procedures}
roles:
  - {name: reviewer, es: Revisión, en: Reviewer, permissions: ["tramite:read"], max_days: 365}
  - {name: judge, es: Decisión, en: Judge, permissions: ["tramite:read", "tramite:decide"], needs_approval: true}
"""


def add_upstream(service: LiveService) -> None:
    """A provider that was added when it answered, as the command does."""
    with service.composition() as composition, composition.database.transaction() as session:
        add_provider(
            session,
            services=composition.idp,
            wanted=WantedProvider(
                name="tramites",
                title="Agencia de Trámites",
                ruc=RUC,
                issuer="https://sso.tramites-demo.gob.ec/realms/funcionarios",
                client_id="sau",
                secret=None,
                domains=[DOMAIN],
                cedula_claim="cedula",
                strengths={"mfa": "2fa"},
                level=2,
            ),
            discovered=Discovered(
                issuer="https://sso.tramites-demo.gob.ec/realms/funcionarios",
                endpoints=Endpoints(
                    *(f"https://sso.tramites-demo.gob.ec/{each}" for each in ("auth", "token", "jwks"))
                ),
                algorithms=("ES256",),
                names_itself=True,
            ),
            now=composition.clock.now(),
        )


#: Rows that reach beyond the card that they stand in, and so below the one beside it; what is shut shows nothing.
OVER_ITS_CARD = """() => [...document.querySelectorAll('main .card tr')].filter(row => row.checkVisibility()
    && row.getBoundingClientRect().right > row.closest('.card').getBoundingClientRect().right + 1)
    .map(row => row.textContent.trim().slice(0, 40))"""


class Desk:
    """Somebody at the console, in a browser of his own without JavaScript, logged in through the provider's pages."""

    def __init__(self, browser: Browser, service: LiveService, *roles: Role) -> None:
        self.service, self.person = service, self._enrol(service, roles)
        # The policy is lifted for axe's own script; the pages run none.
        self.context: BrowserContext = browser.new_context(bypass_csp=True, locale="es-EC", reduced_motion="reduce")
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.said: list[str] = []
        self.problems: list[object] = []
        self.page.on("console", self._hear)
        self.open("/admin")
        type_password(self.page, self.person)
        self.page.wait_for_selector("[name=code]")
        type_code(self.page, self.person)
        self.page.wait_for_url("**/admin")

    def _hear(self, message: ConsoleMessage) -> None:
        """Keep what the browser complains about; that a form came back with 422 is no complaint of the page."""
        if "the server responded with a status of" not in message.text:
            self.said.append(message.text)

    @staticmethod
    def _enrol(service: LiveService, roles: tuple[Role, ...]) -> Citizen:
        citizen = citizen_of(service)
        for role in roles:
            service.command("role", "grant", citizen.id, role.value)
        return citizen

    def open(self, path: str) -> None:
        """Go to a page of the service."""
        self.page.goto(self.service.url + path)

    def inspect(self, name: str) -> None:
        """Note what axe finds in either colour scheme, and a page wider than 320 pixels; keep pictures if asked to."""
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme)
            self.page.set_viewport_size({"width": 1280, "height": 900})
            found = violations(self.page, only=COLOURS if scheme == "dark" else ())
            self.problems += [(name, scheme, rule, nodes) for rule, nodes in found]
            over = self.page.evaluate(OVER_ITS_CARD)
            self.problems += [f"{name}: {text} stands over the edge of its card" for text in over]
            self._picture(f"{name}-1280-{scheme}")
        self.page.emulate_media(color_scheme="light")
        for width in (1024, 768, 320):
            self.page.set_viewport_size({"width": width, "height": 640})
            self._picture(f"{name}-{width}")
            wide = self.page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                self.problems.append(f"{name} is {wide} px wide on {width}")
        self.page.set_viewport_size({"width": 1280, "height": 900})

    def _picture(self, name: str) -> None:
        folder = os.environ.get("SAU_TEST_PICTURES")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.fixture(scope="module")
def officer(browser: Browser, live_service: LiveService) -> Iterator[Desk]:
    """Asks and revokes."""
    desk = Desk(browser, live_service, Role.PKI_OFFICER)
    yield desk
    desk.context.close()


@pytest.fixture(scope="module")
def approver(browser: Browser, live_service: LiveService) -> Iterator[Desk]:
    """Approves."""
    desk = Desk(browser, live_service, Role.PKI_APPROVER)
    yield desk
    desk.context.close()


@pytest.fixture(scope="module")
def auditor(browser: Browser, live_service: LiveService) -> Iterator[Desk]:
    """Reads."""
    desk = Desk(browser, live_service, Role.AUDITOR)
    yield desk
    desk.context.close()


@pytest.fixture(scope="module")
def administrator(browser: Browser, live_service: LiveService) -> Iterator[Desk]:
    """Grants."""
    desk = Desk(browser, live_service, Role.ADMINISTRATOR)
    yield desk
    desk.context.close()


def test_a_certificate_from_the_request_to_its_revocation(officer: Desk, approver: Desk, tmp_path: Path) -> None:
    """In a browser: two people, exact bytes, chain, revocation."""
    name = f"www.{DOMAIN}"
    file = tmp_path / "servidor.csr"
    file.write_text(make_csr(name).pem)
    page = officer.page
    officer.inspect("inicio-vacio")
    officer.open("/admin/requests/new")
    officer.inspect("perfiles")
    page.click("text=Servidor TLS")
    officer.inspect("pedir")
    page.click("#submit")
    page.wait_for_selector(".sum")
    officer.inspect("pedir-errores")
    page.select_option("#institution", RUC)
    page.set_input_files("#csr_file", file)
    page.click("#submit")
    page.wait_for_selector("#dif")
    officer.inspect("solicitud-propia")
    assert page.locator("text=tiene que aprobarla otra persona").count()
    request_page = page.url.removeprefix(officer.service.url)

    desk = approver.page
    approver.open("/admin")
    approver.inspect("inicio-aprobador")
    approver.open("/admin/requests")
    approver.inspect("solicitudes")
    approver.open(request_page)
    approver.inspect("solicitud")
    desk.check("#decision-approve")
    desk.click("#submit")
    desk.wait_for_selector("text=¿Firmar este certificado?")
    approver.inspect("confirmar")
    desk.click("#submit")
    desk.wait_for_url("**/admin/certificates/*")
    approver.inspect("certificado")
    certificate_page = desk.url.removeprefix(approver.service.url)

    officer.open(certificate_page)
    with page.expect_download() as download:
        page.click("text=Con su cadena, PEM")
    assert Path(download.value.path()).read_text().count("BEGIN CERTIFICATE") == 2
    page.click("text=Revocar este certificado")
    officer.inspect("revocar")
    page.check("#reason-superseded")
    page.click("#submit")
    page.wait_for_selector("text=Sí, revocar para siempre")
    officer.inspect("revocar-confirmar")
    page.click("#submit")
    page.wait_for_selector("text=Revocado:")
    officer.inspect("certificado-revocado")
    officer.open("/admin/certificates")
    officer.inspect("certificados")
    page.click("thead a >> text=Vence")
    expect(page.locator("[aria-sort=ascending]")).to_contain_text("Vence")
    page.select_option("#status", "revoked")
    page.click("form[role=search] button")
    page.wait_for_url("**/admin/certificates?*status=revoked*")
    assert "order=expires" in page.url
    officer.inspect("certificados-filtrados")
    page.click(".chip")
    page.wait_for_url("**/admin/certificates?order=expires")
    officer.open("/admin/certificates?q=nadie")
    expect(page.locator("#unmatched a")).to_have_attribute("href", "/admin/certificates")
    officer.inspect("certificados-ninguno")
    page.set_viewport_size({"width": 1280, "height": 400})
    officer.open("/admin/certificates")
    page.evaluate("window.scrollTo(0, 400)")
    assert page.locator(".long thead th >> nth=0").bounding_box()["y"] >= 0  # the heads stay in sight
    officer.open("/admin/authorities")
    officer.inspect("jerarquia")
    officer.open("/admin/institutions")
    officer.inspect("instituciones")
    _give_a_credential(officer)
    _read_a_profile(officer)
    table = tmp_path / "lote.csv"
    table.write_text(f'csr\n"{make_csr(f"lote.{DOMAIN}").pem}"\n"{make_csr("lote.otra.gob.ec").pem}"\n')
    officer.open("/admin/batches")
    page.select_option("#profile", "tls-server")
    page.select_option("#institution", RUC)
    page.set_input_files("#table", table)
    page.click("#try")
    page.wait_for_selector("text=1 fila se negaría")
    officer.inspect("lote-probado")
    officer.open("/admin/handovers")
    officer.inspect("entregas")
    page.click("text=Firma de persona natural")
    officer.open("/admin/ceremonies")
    officer.inspect("ceremonias")
    assert officer.problems == approver.problems == []
    assert officer.said == approver.said == []


def _give_a_credential(officer: Desk) -> None:
    """An institution's server opens accounts by itself with it; its key is seen once."""
    page = officer.page
    officer.open("/admin/credentials")
    page.click("#new")
    officer.inspect("credencial-nueva")
    page.click("#submit")
    page.wait_for_selector(".sum")
    page.select_option("#institution", RUC)
    page.click("#submit")
    page.wait_for_selector("#secret")
    officer.inspect("credencial-lista")
    page.click("#done")
    officer.inspect("credencial")
    page.click("#withdraw")
    page.click("#submit")
    page.wait_for_selector("text=Retirada")
    officer.open("/admin/credentials")
    officer.inspect("credenciales")
    officer.open("/admin/credentials/est/new")


def _read_a_profile(officer: Desk) -> None:
    """What each is for, and what changed between two versions."""
    page = officer.page
    officer.open("/admin/profiles")
    page.click("text=Ingreso de persona")
    officer.inspect("perfil")
    page.click("text=con la anterior >> nth=0")
    page.select_option("#from", "2")
    page.click("button:has-text('Comparar')")
    page.wait_for_selector("text=partes cambiaron")
    officer.inspect("perfil-comparado")


def test_an_application_and_its_test_citizen(administrator: Desk, officer: Desk, browser: Browser) -> None:
    """Registered in plain words, tried by a test citizen, let into production by another, changed, undone, rotated."""
    page = administrator.page
    administrator.open("/admin/applications/new")
    administrator.inspect("registrar-aplicacion")
    page.fill("#name", "Turnos")
    page.fill("#redirect_uris", "http://localhost:9/vuelta#a")
    page.select_option("#institution", index=1)
    page.click("#submit")
    page.wait_for_selector("text=quite desde ahí")
    administrator.inspect("registrar-aplicacion-errores")
    page.fill("#redirect_uris", "http://localhost:9/vuelta")
    page.click("#submit")
    client_id = page.inner_text("#client-id")
    secret = page.inner_text("#client-secret")
    administrator.inspect("aplicacion-registrada")
    administrator.open("/admin/applications/test-people")
    administrator.inspect("personas-de-prueba")
    page.select_option("#institution", index=1)
    page.click("#submit")
    username, password = page.inner_text("#person-username"), page.inner_text("#person-password")
    administrator.inspect("persona-de-prueba")
    administrator.open(f"/admin/applications/{client_id}/go-live")
    assert page.locator("text=Cambie las de localhost").count()
    administrator.inspect("salir-a-produccion")
    administrator.open(f"/admin/applications/{client_id}")
    page.click("text=Código de ejemplo")
    page.select_option("#stack", "express")
    page.select_option("#acr", "urn:sau:acr:2fa")
    page.click("#submit")
    page.wait_for_selector("#code-1:has-text('openid-client')")
    administrator.inspect("codigo-de-ejemplo")
    with page.expect_download() as kept:
        page.click("#download-1")
    assert client_id in Path(kept.value.path()).read_text()
    administrator.open(f"/admin/applications/{client_id}")
    page.click("text=Qué recibiría")
    page.click("#submit")
    page.wait_for_selector("#id-token-text:has-text('preview-signed-by-nothing')")
    administrator.inspect("que-recibiria")
    administrator.open(f"/admin/developer/{client_id}/doctor")
    page.click("#submit")
    page.wait_for_selector("text=que desde aquí no se ve")
    administrator.inspect("vista-desde-fuera")
    administrator.open(f"/admin/developer/{client_id}/simulator")
    page.select_option("#fault", "alg_none")
    page.click("#submit")
    page.wait_for_selector("#stop")
    administrator.inspect("simulador")
    page.click("#stop")
    administrator.open(f"/admin/applications/{client_id}")
    page.click("text=Inspector de tokens")
    page.fill("#token", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL290cm8uZXhhbXBsZSIsImV4cCI6MX0.")
    page.click("#submit")
    page.wait_for_selector("text=Su aplicación debe rechazar este token")
    administrator.inspect("inspector")

    make_ready(administrator, client_id)
    try_it(browser, administrator.service.url, client_id, secret, username, password)
    administrator.service.command("role", "grant", officer.person.id, Role.PROVIDER_ADMINISTRATOR.value)
    go_live(administrator, officer, client_id)
    change_and_undo(administrator, officer, client_id)
    rotate(administrator, client_id)
    assert administrator.problems == officer.problems == []


def test_the_evidence_in_a_browser(auditor: Desk, officer: Desk) -> None:
    """Search, person with reason, event with proof, check."""
    page = auditor.page
    auditor.inspect("inicio-auditor")
    auditor.open("/admin/audit")
    auditor.inspect("auditoria")
    auditor.open("/admin/audit/person")
    page.fill("#cedula", officer.person.cedula)
    page.fill("#reason", "corto")
    page.click("#submit")
    page.wait_for_selector(".sum")
    auditor.inspect("persona-errores")
    page.fill("#reason", "Investigación 2026-014 de la Contraloría")
    page.click("#submit")
    page.wait_for_url("**/admin/audit?person=*")
    assert officer.person.cedula not in page.content()
    auditor.inspect("auditoria-persona")
    page.click("#save")
    auditor.inspect("busqueda-guardar")
    page.fill("#name", "El caso 14")
    page.click("#submit")
    page.click("text=El caso 14")
    expect(page.locator("h1")).to_have_text("El caso 14")
    auditor.inspect("busqueda-motivo")
    page.fill("#reason", "Investigación 2026-014 de la Contraloría")
    page.click("#submit")
    page.wait_for_url("**/admin/audit?person=*")
    auditor.inspect("auditoria-con-guardadas")
    page.click("tbody a >> nth=0")
    page.wait_for_selector("#seal")
    auditor.inspect("evento")
    auditor.open("/admin/audit/anomalies")
    auditor.inspect("fuera-de-lo-usual")
    auditor.open("/admin/audit/check")
    page.click("#submit")
    page.wait_for_selector("text=Registro íntegro")
    auditor.inspect("comprobar")
    auditor.open("/admin/applications")
    auditor.inspect("aplicaciones")
    _by_keyboard(auditor)
    page.click("tbody a >> nth=0")
    auditor.inspect("aplicacion")
    for name, path in (("error-permiso", "/admin/requests/new"), ("error-no-existe", "/admin/nada")):
        auditor.open(path)
        auditor.inspect(name)
    assert auditor.problems == []


def _by_keyboard(desk: Desk) -> None:
    """Rows, search, sections and the list of shortcuts; silent in fields, and off for who wants them off."""
    page, rows = desk.page, desk.page.locator("tbody tr a")
    desk.open("/admin/applications")
    page.keyboard.press("j")
    expect(rows.first).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("tbody tr >> nth=1").locator("a").first).to_be_focused()
    page.keyboard.press("k")
    expect(rows.first).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("gj?/")
    expect(page.locator("#q")).to_have_value("gj?/")
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    desk.inspect("atajos")
    page.uncheck("#keys-on")
    page.click("#keys-close")
    page.keyboard.press("?")
    page.keyboard.press("j")
    expect(page.locator("#keys")).to_be_hidden()
    desk.open("/admin/applications")  # it is remembered
    page.click("#keys-open")
    expect(page.locator("#keys-on")).not_to_be_checked()
    page.check("#keys-on")
    page.click("#keys-close")
    # Both at once: the second counts for two seconds only.
    page.evaluate(
        "for (const key of 'ge') document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}))"
    )
    page.wait_for_url("**/admin/audit")
    desk.open("/admin/applications")


def test_deliveries_in_a_browser(administrator: Desk, live_service: LiveService) -> None:
    """One that was given up, with a host name of every day; the button sends it again."""
    with live_service.composition() as composition, composition.database.transaction() as session:
        now = composition.clock.now()
        made = queue_delivery(
            session,
            kind="idp.backchannel_logout",
            client_id="ventanilla-unica",
            url="https://tramites.ministerio-de-gobierno.gob.ec:8443/salida-remota",
            payload={},
            now=now,
        )
        session.flush()
        row = session.get_one(OutboxTask, made)
        row.attempts, row.last_error, row.given_up_at = 12, "outgoing_refused_address", now
    administrator.open("/admin")
    expect(administrator.page.locator("#behind")).to_have_text("Detrás de las respuestas")
    administrator.inspect("inicio-administracion")
    administrator.open("/admin/deliveries")
    expect(administrator.page.locator("h1")).to_have_text("Envíos a aplicaciones")
    administrator.inspect("envios")
    administrator.page.click("[id^=repeat-]")
    expect(administrator.page.locator("h1")).to_have_text("Envíos a aplicaciones")
    assert administrator.problems == []


def test_how_institutions_come_in_and_who_gives_what_in_a_browser(
    administrator: Desk, auditor: Desk, live_service: LiveService
) -> None:
    """A directory is tried and kept, closed with its consequence named; roles are declared, reviewed and delegated."""
    page = administrator.page
    administrator.open("/admin/directories")
    page.click("text=Registrar")
    page.click("#submit")
    page.wait_for_selector(".sum")
    page.fill("#name", "tramites")
    page.select_option("#ruc", RUC)
    page.fill("#domains", DOMAIN)
    page.fill("#urls", "ldaps://127.0.0.1:9")
    page.fill("#search_base", "ou=Gente,dc=tramites,dc=gob,dc=ec")
    page.fill("#bind_template", "{username}@{domain}")
    page.click("#submit")
    page.wait_for_selector("text=Se probó y nadie respondió")
    administrator.inspect("directorio-no-responde")
    page.check("#unanswered-1")
    page.click("#submit")
    page.wait_for_selector("#test")
    administrator.inspect("directorio")
    page.click("#close")
    page.wait_for_selector("text=¿Cerrar este directorio?")
    page.click("#submit")
    page.wait_for_selector("text=Abrirlo de nuevo")
    administrator.open("/admin/directories")
    administrator.inspect("directorios")
    add_upstream(live_service)
    administrator.open("/admin/providers")
    page.click("tbody a >> nth=0")
    administrator.inspect("proveedor")
    page.click("#change")
    administrator.inspect("proveedor-cambiar")

    administrator.open("/admin/rights/declarations/ventanilla-unica/change")
    page.fill("#document", DECLARED)
    page.click("#submit")
    page.wait_for_selector("text=¿Declarar estos cambios?")
    administrator.inspect("roles-revisar")
    page.click("#submit")
    page.wait_for_selector("#roles")
    administrator.inspect("roles-declarados")
    administrator.open("/admin/rights/declarations")
    live_service.command("institution", "people", "add", RUC, auditor.person.id)
    administrator.open(f"/admin/rights/delegations/new?institution={RUC}")
    page.fill("#cedula", auditor.person.cedula)
    page.select_option("#role", index=1)
    page.fill("#reason", "Memorando 2026-90 de la dirección")
    administrator.inspect("delegar")
    page.click("#submit")
    page.wait_for_selector("tbody")
    administrator.inspect("delegaciones")
    page.click("tbody a")
    page.wait_for_selector("text=¿Retirar esta delegación?")
    page.click("#submit")
    administrator.open("/admin")
    administrator.inspect("inicio-administrador")
    assert administrator.problems == []


def test_roles_in_a_browser(administrator: Desk, auditor: Desk) -> None:
    """Find a person, give a role, take it."""
    page = administrator.page
    administrator.open("/admin/people")
    administrator.inspect("personas")
    page.click("text=Dar un rol")
    administrator.inspect("persona-buscar")
    page.fill("#cedula", auditor.person.cedula)
    page.fill("#reason", "Memorando 2026-88 de la dirección")
    page.click("#submit")
    page.wait_for_selector("#held")
    administrator.inspect("persona")
    page.select_option("#role", "pki_approver")
    page.click("#submit")
    page.wait_for_selector("a:has-text('Quitar') >> nth=1")
    page.click("a:has-text('Quitar') >> nth=1")
    page.wait_for_selector("text=¿Quitar este rol?")
    administrator.inspect("rol-quitar")
    page.click("#submit")
    page.wait_for_selector("#held")
    administrator.open("/admin/institutions/new")
    administrator.inspect("institucion-nueva")
    administrator.open("/admin/institutions")
    page.click("tbody a >> nth=0")
    page.wait_for_selector("#held")
    administrator.inspect("institucion")
    page.click("#change")
    page.fill("#contact_email", "certificados@ministerio.test")
    administrator.inspect("institucion-cambiar")
    page.click("#submit")
    expect(page.locator("#held ~ dl")).to_contain_text("certificados@ministerio.test")
    page.click("#close")
    page.wait_for_selector("text=¿Cerrar esta institución?")
    administrator.inspect("institucion-cerrar")
    administrator.open("/admin/audit")
    administrator.inspect("sin-permiso")
    _stay(administrator)
    assert administrator.problems == []


def _stay(desk: Desk) -> None:
    """Two minutes before the end the page asks; what was typed is there afterwards."""
    page = desk.page
    desk.open("/admin/people/search")
    page.clock.install()  # the last of this window: its clock stands from here on
    page.reload()
    page.fill("#reason", "Memorando 2026-89")
    page.clock.run_for(17 * 60 * 1000)
    page.wait_for_selector("#staying[open]")
    desk.inspect("sigue-ahi")
    page.focus("#stay")
    page.keyboard.press("Enter")
    page.wait_for_selector("#staying", state="hidden")
    expect(page.locator("#reason")).to_have_value("Memorando 2026-89")
