"""The pictures of the tutorials, by their names in ``docs/images/tutorials``: each tutorial's way, gone in a browser.

Used by ``scripts/screenshots.py``. A step that no longer works as the tutorial says stops it.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyotp
from PIL import Image
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parent.parent
RUC = "1768150060001"
PASSWORD, OWN_PASSWORD = "colibri-quinua-lago-47", "mandarina-tren-lluvia-31"
OFFICER, APPROVER, AUDITOR = "1801234566", "1107654327", "1309988770"
CHIEF, SECOND, SERVANT = "0104567896", "1710034065", "0923456719"
NAME = "www.tramites-demo.gob.ec"
WINDOW = {"width": 1280, "height": 860}
QUALITY = 78


@dataclass
class Studio:
    """A demonstration, a browser, and the folder of the pictures."""

    browser: Browser
    base: str
    home: Path
    folder: Path
    taken: int = 0

    def window(self) -> Page:
        """Return a page of a browser that nobody has used yet."""
        page = self.browser.new_context(locale="es-EC", viewport=WINDOW, reduced_motion="reduce").new_page()
        page.set_default_timeout(20_000)
        return page

    def take(self, page: Page, name: str, *, at: str = "") -> None:
        """Write what the window shows as ``NAME.webp``. :param at: bring this element into the window first."""
        if at:
            page.locator(at).first.scroll_into_view_if_needed()
        else:
            page.evaluate("scrollTo(0, 0)")
        shown = Image.open(io.BytesIO(page.screenshot(animations="disabled", caret="hide")))
        self.folder.mkdir(parents=True, exist_ok=True)
        shown.convert("RGB").save(self.folder / f"{name}.webp", quality=QUALITY, method=6)
        self.taken += 1

    def command(self, *words: str, **variables: str) -> str:
        """Run ``sau`` on the demonstration's home; return what it says."""
        environ = os.environ | {"SAU_HOME": str(self.home), "SAU_DEMO": "1", "SAU_ISSUER": self.base} | variables
        done = subprocess.run(
            [sys.executable, "-m", "sau", *words], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"sau {' '.join(words)}: {done.stderr}")
        return done.stdout

    def of_demo(self, what: str) -> str:
        """Return a text of the page of the demonstration."""
        page = self.browser.new_page()
        page.goto(f"{self.base}/demo")
        said = page.locator(what).first.inner_text()
        page.close()
        return said

    def log_in(self, cedula: str, path: str = "/admin") -> Page:
        """Return a page that shows ``path`` to this person."""
        page = self.window()
        page.goto(self.base + path)
        self.answer(page, cedula)
        return page

    def answer(self, page: Page, cedula: str, *, second: bool = True) -> None:
        """Answer what a login asks."""
        page.fill("[name=username]", cedula)
        page.fill("[name=password]", PASSWORD)
        page.click("#submit")
        if second:
            page.wait_for_selector("[name=code]")
            page.fill("[name=code]", self.of_demo(f"tr:has-text('{cedula}') td:nth-of-type(2)").split()[0])
            page.click("#submit")
        page.wait_for_load_state()


def citizen(studio: Studio) -> None:
    """Sign up, second factor, two portals with one login, the account."""
    page = studio.window()
    port = int(studio.base.rpartition(":")[2])
    page.goto(f"http://localhost:{port + 1}")
    page.click("text=Ingresar")
    studio.take(page, "ciudadania-1-ingreso")
    page.click("text=Cree su cuenta")
    page.fill("#cedula", studio.of_demo("code.whole"))
    page.fill("#given_names", "Elena Isabel")
    page.fill("#surnames", "Ramón Torres")
    page.fill("#email", "elena@correo.test")
    studio.take(page, "ciudadania-2-datos")
    page.click("#submit")
    page.wait_for_selector("#code")
    mail = studio.of_demo("pre.mail")
    page.fill("#code", next(word for word in mail.replace(".", " ").split() if word.isdigit() and len(word) >= 6))
    studio.take(page, "ciudadania-3-codigo")
    page.click("#submit")
    page.fill("#password", OWN_PASSWORD)
    studio.take(page, "ciudadania-4-clave")
    page.click("#submit")
    page.wait_for_selector("#add-totp")
    studio.take(page, "ciudadania-5-segundo-paso")
    page.click("#add-totp")
    page.click("summary")
    key = page.inner_text("#totp-key").replace(" ", "")
    studio.take(page, "ciudadania-6-codigo-qr")
    page.fill("#code", _code(key))
    page.click("#submit")
    page.wait_for_selector("main")
    studio.take(page, "ciudadania-7-respaldo")
    page.click("#submit")
    page.wait_for_selector("#allow")
    studio.take(page, "ciudadania-8-permiso")
    page.click("#allow")
    page.wait_for_selector("text=Lo que este portal recibió")
    page.goto(f"http://localhost:{port + 2}")
    page.click("text=Ingresar")
    page.wait_for_selector("#allow")
    studio.take(page, "ciudadania-9-segundo-portal")
    page.click("#allow")
    page.goto(f"{studio.base}/account")
    studio.take(page, "ciudadania-10-cuenta")
    page.goto(f"{studio.base}/account/activity")
    studio.take(page, "ciudadania-11-actividad")
    page.context.close()


def developer(studio: Studio) -> None:
    """An application of one's own, from its registration to a login, and what is missing for production."""
    studio.command("role", "grant", CHIEF, "application_developer", "--institution", RUC)
    console = studio.log_in(CHIEF)
    console.goto(f"{studio.base}/admin/applications/new")
    console.select_option("#institution", index=1)
    console.fill("#name", "Mi aplicación")
    console.fill("#redirect_uris", "http://localhost:8010/callback")
    console.fill("#post_logout_redirect_uris", "http://localhost:8010/")
    console.check("[name=scope][value=profile]")
    console.check("[name=scope][value=cedula]")
    studio.take(console, "desarrollo-4-registrar")
    console.click("#submit")
    client = {name: console.inner_text(f"#{name.replace('_', '-')}") for name in ("client_id", "client_secret")}
    console.goto(f"{studio.base}/admin/applications/test-people")
    console.select_option("#institution", index=1)
    console.click("#submit")
    username, password = console.inner_text("#person-username"), console.inner_text("#person-password")
    studio.take(console, "desarrollo-5-persona")
    with _running_application(studio.base, client):
        page = studio.window()
        page.goto("http://localhost:8010/")
        page.click("#login")
        studio.take(page, "desarrollo-1-ingreso")
        page.fill("[name=username]", username)
        page.fill("[name=password]", password)
        page.click("#submit")
        page.wait_for_selector("#allow")
        studio.take(page, "desarrollo-2-permiso")
        page.click("#allow")
        page.wait_for_selector("#sub")
        page.set_viewport_size({"width": 1280, "height": 260})
        studio.take(page, "desarrollo-3-dentro")
        page.context.close()
    console.goto(f"{studio.base}/admin/applications/{client['client_id']}/go-live")
    studio.take(console, "desarrollo-6-lista")
    console.context.close()


def pki_operator(studio: Studio) -> None:
    """Request, approval by a second person, delivery, revocation."""
    request = studio.home.parent / "web.csr"
    command = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-keyout", str(request.with_suffix(".key")), "-out", str(request), "-subj", f"/CN={NAME}"]
    subprocess.run([*command, "-addext", f"subjectAltName=DNS:{NAME}"], check=True, capture_output=True)
    officer = studio.log_in(OFFICER)
    officer.goto(f"{studio.base}/admin/requests/new")
    studio.take(officer, "pki-1-clases")
    officer.click("text=Servidor TLS")
    officer.select_option("#institution", RUC)
    officer.set_input_files("#csr_file", request)
    studio.take(officer, "pki-2-pedir")
    officer.click("#submit")
    officer.wait_for_selector("#dif")
    studio.take(officer, "pki-3-solicitud")
    approver = studio.log_in(APPROVER)
    approver.goto(officer.url)
    studio.take(approver, "pki-4-revisar")
    approver.check("#decision-approve")
    approver.click("#submit")
    approver.wait_for_selector("text=¿Firmar este certificado?")
    studio.take(approver, "pki-5-confirmar")
    approver.click("#submit")
    approver.wait_for_url("**/admin/certificates/*")
    officer.goto(approver.url)
    studio.take(officer, "pki-6-certificado")
    officer.click("text=Revocar este certificado")
    officer.check("#reason-superseded")
    officer.click("#submit")
    officer.wait_for_selector("text=Sí, revocar para siempre")
    studio.take(officer, "pki-7-revocar")
    officer.click("#submit")
    officer.wait_for_selector("text=Revocado:")
    studio.take(officer, "pki-8-revocado")
    officer.context.close()
    approver.context.close()


def auditor(studio: Studio) -> None:
    """Search, a person with a reason, an event with its proof, the whole record."""
    page = studio.log_in(AUDITOR)
    time.sleep(1)  # until the last events have their place
    page.goto(f"{studio.base}/admin/audit")
    studio.take(page, "auditoria-1-buscar")
    page.goto(f"{studio.base}/admin/audit/person")
    page.fill("#cedula", SECOND)
    page.fill("#reason", "Investigación 2026-014 de la Contraloría")
    studio.take(page, "auditoria-2-persona")
    page.click("#submit")
    page.wait_for_url("**/admin/audit?person=*")
    page.click("tbody a >> nth=0")
    page.wait_for_selector("#seal")
    studio.take(page, "auditoria-3-evento")
    page.goto(f"{studio.base}/admin/audit/check")
    page.click("#submit")
    page.wait_for_selector("text=Registro íntegro")
    studio.take(page, "auditoria-4-integro")
    page.context.close()


def administrator(studio: Studio) -> None:
    """An institution's roles: who may give them, giving one, the second person."""
    rights = studio.home.parent / "roles.yaml"
    rights.write_text(ROLES)
    studio.command("role", "declare", str(rights))
    for cedula, post in ((CHIEF, "Dirección de talento humano"), (SECOND, "Dirección jurídica"), (SERVANT, "Analista")):
        studio.command("institution", "people", "add", RUC, cedula, "--post", post)
    studio.command("role", "grant", CHIEF, "institution_administrator", "--institution", RUC)
    for cedula, may in ((CHIEF, "assign"), (SECOND, "approve")):
        studio.command(
            *f"role delegate --client ventanilla-unica --institution {RUC} --may {may} {cedula} judge".split()
        )
    page = studio.log_in(CHIEF)
    studio.take(page, "institucion-1-inicio")
    page.goto(f"{studio.base}/admin/rights/institutions/{RUC}")
    studio.take(page, "institucion-2-personas")
    page.click("text=Mendoza")
    page.wait_for_selector("#role")
    page.select_option("#role", label="Decisión")
    page.fill("[name=reason]", "Memorando 7")
    studio.take(page, "institucion-3-dar", at="#role")
    page.click("#submit")
    page.wait_for_selector("text=Falta la segunda persona")
    second = studio.log_in(SECOND, "/admin/rights")
    second.click("text=Revisar")
    second.wait_for_selector("#submit")
    studio.take(second, "institucion-4-aprobar")
    second.click("#submit")
    second.wait_for_url("**/admin/rights?institution=*")
    studio.take(second, "institucion-5-quien-tiene")
    page.goto(f"{studio.base}/admin/rights/delegations")
    studio.take(page, "institucion-6-delegaciones")
    page.context.close()
    second.context.close()


def operator(studio: Studio) -> None:
    """The first administrator's link, and the console as an administrator sees it."""
    said = studio.command("init")
    link = next(word for word in said.split() if "/enroll/" in word)
    page = studio.window()
    page.goto(link)
    studio.take(page, "operacion-1-enlace")
    page.context.close()


ALL = (citizen, developer, pki_operator, auditor, administrator, operator)
ROLES = """\
application: ventanilla-unica
institutions: all
permissions:
  - {name: "tramite:read", es: Leer trámites, en: Read procedures}
  - {name: "tramite:decide", es: Decidir trámites, en: Decide procedures}
roles:
  - {name: reviewer, es: Revisión, en: Reviewer, permissions: ["tramite:read"], max_days: 365}
  - {name: judge, es: Decisión, en: Judge, permissions: ["tramite:read", "tramite:decide"], needs_approval: true}
"""


@contextmanager
def _running_application(issuer: str, client: dict[str, str]) -> Iterator[None]:
    environ = os.environ | {"SAU": issuer, "CLIENT_ID": client["client_id"], "CLIENT_SECRET": client["client_secret"]}
    process = subprocess.Popen([sys.executable, "examples/minimal/app.py"], cwd=ROOT, env=environ)
    try:
        time.sleep(2)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _code(key: str) -> str:
    return pyotp.TOTP(key).now()
