"""The pictures of README.md and docs/, taken from a demonstration that this script starts and throws away.

usage: .venv/bin/python scripts/screenshots.py [--into FOLDER] [--only front|tutorials]
       (`make screenshots`; needs chromium)
"""

from __future__ import annotations

import argparse
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts import tutorial_pictures  # noqa: E402

MAX_BYTES = 150_000
DESK = {"width": 1280, "height": 1040}
TELEPHONE = {"width": 320, "height": 720}
NAME = "www.tramites-demo.gob.ec"
RUC = "1768150060001"
PASSWORD = "colibri-quinua-lago-47"
CITIZEN = "1710034065"
OFFICER, APPROVER, AUDITOR = "1801234566", "1107654327", "1309988770"


class Camera:
    """Takes pictures into a folder and complains about large ones."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.taken = folder, 0
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, page: Page, name: str) -> None:
        """Write what the window shows as ``NAME.png``."""
        place = self.folder / f"{name}.png"
        picture = page.screenshot(animations="disabled", caret="hide")
        place.write_bytes(picture if len(picture) <= MAX_BYTES else pack(picture))
        size = place.stat().st_size
        print(f"  {place.name:<28} {size // 1000:>4} kB{'   TOO LARGE' if size > MAX_BYTES else ''}")
        self.taken += 1


def main() -> int:
    """Take all pictures; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="of the demonstration; its portals take the next two")
    parser.add_argument("--into", type=Path, default=ROOT / "docs" / "images", help="folder of the pictures")
    parser.add_argument("--only", choices=("front", "tutorials"), help="these pictures alone")
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("Chromium is needed: apt install chromium", file=sys.stderr)
        return 1
    camera = Camera(arguments.into)
    base, portal = f"http://localhost:{arguments.port}", f"http://localhost:{arguments.port + 1}"
    with (
        tempfile.TemporaryDirectory() as folder,
        demonstration(arguments.port, Path(folder)),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        if arguments.only != "tutorials":
            citizens(browser, camera, base, portal)
            operators(browser, camera, base, Path(folder))
        if arguments.only != "front":
            studio = tutorial_pictures.Studio(browser, base, Path(folder) / "home", arguments.into / "tutorials")
            for tutorial in tutorial_pictures.ALL:
                tutorial(studio)
            camera.taken += studio.taken
        browser.close()
    print(f"{camera.taken} pictures in {arguments.into}")
    return 0


@contextmanager
def demonstration(port: int, folder: Path) -> Iterator[None]:
    """Run ``scripts/demo.py`` with a home of its own until the block ends."""
    command = [sys.executable, str(ROOT / "scripts" / "demo.py"), "--port", str(port), "--home", str(folder / "home")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "Ctrl-C stops it" in line:
                break
        else:
            sys.exit("The demonstration did not start; its reason stands above.")
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def citizens(browser: Browser, camera: Camera, base: str, portal: str) -> None:
    """Sign-in, second factor, consent, portal, account; sign-in on a telephone and in the dark."""
    page = window(browser)
    page.goto(portal)
    camera.take(page, "portal")
    page.click("text=Ingresar")
    camera.take(page, "ingreso")
    address = page.url
    page.emulate_media(color_scheme="dark")
    camera.take(page, "ingreso-oscuro")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(TELEPHONE)
    camera.take(page, "ingreso-celular")
    page.set_viewport_size(DESK)
    page.goto(address)
    type_password(page, CITIZEN)
    camera.take(page, "segundo-factor")
    type_code(page, base, CITIZEN)
    page.wait_for_selector("#allow")
    camera.take(page, "permiso")
    page.click("#allow")
    page.wait_for_selector("text=Lo que este portal recibió")
    camera.take(page, "portal-dentro")
    page.goto(f"{base}/account")
    camera.take(page, "cuenta")
    page.context.close()


def operators(browser: Browser, camera: Camera, base: str, folder: Path) -> None:
    """A certificate's way through the console, the record, and the public pages."""
    request = folder / "web.csr"
    make_request(request)
    officer = log_in(browser, base, OFFICER)
    officer.goto(f"{base}/admin/requests/new/tls-server")
    officer.select_option("#institution", RUC)
    officer.set_input_files("#csr_file", request)
    officer.click("#submit")
    officer.wait_for_selector("#dif")
    address = officer.url
    approver = log_in(browser, base, APPROVER)
    camera.take(approver, "consola")
    approver.goto(address)
    camera.take(approver, "solicitud")
    approver.check("#decision-approve")
    approver.click("#submit")
    approver.wait_for_selector("text=¿Firmar este certificado?")
    camera.take(approver, "confirmar")
    approver.click("#submit")
    approver.wait_for_url("**/admin/certificates/*")
    camera.take(approver, "certificado")
    approver.goto(f"{base}/admin/authorities")
    camera.take(approver, "jerarquia")
    approver.goto(f"{base}/pki/")
    camera.take(approver, "pki")
    auditor = log_in(browser, base, AUDITOR)
    time.sleep(1)  # until the last events have their place
    auditor.goto(f"{base}/admin/audit")
    camera.take(auditor, "auditoria")
    for page in (officer, approver, auditor):
        page.context.close()


def pack(png: bytes) -> bytes:
    """Return the same picture in fewer bytes: flat colours are smaller without the row filters that suit photographs.

    :param png: 8-bit RGB or RGBA, not interlaced, as Chromium writes it.
    """
    parts = dict.fromkeys((b"IHDR", b"IDAT"), b"")
    at = 8
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        parts[kind] = parts.get(kind, b"") + png[at + 8 : at + 8 + size]
        at += size + 12
    width, height, _, colour = struct.unpack(">IIBB", parts[b"IHDR"][:10])
    step = {2: 3, 6: 4}[colour]
    stride = width * step
    data = zlib.decompress(parts[b"IDAT"])
    above, rows = bytearray(stride), []
    for start in range(0, height * (stride + 1), stride + 1):
        above = unfilter(data[start], bytearray(data[start + 1 : start + 1 + stride]), above, step)
        rows.append(b"\0" + above)
    packed = zlib.compress(b"".join(rows), 9)
    chunks = ((b"IHDR", parts[b"IHDR"]), (b"IDAT", packed), (b"IEND", b""))
    return png[:8] + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def unfilter(method: int, row: bytearray, above: bytearray, step: int) -> bytearray:
    """Undo the filter of a row (PNG specification, §9)."""
    if method == 0:
        return row
    for index in range(len(row)):
        left = row[index - step] if index >= step else 0
        corner = above[index - step] if index >= step else 0
        guess = (0, left, above[index], (left + above[index]) // 2, paeth(left, above[index], corner))[method]
        row[index] = (row[index] + guess) & 255
    return row


def paeth(left: int, above: int, corner: int) -> int:
    """Return which of the three is nearest to ``left + above - corner``, the first of equals."""
    wanted = left + above - corner
    return min((left, above, corner), key=lambda value: abs(wanted - value))


def make_request(place: Path) -> None:
    """Write a certificate request as the README makes one."""
    command = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-keyout", str(place.with_suffix(".key")), "-out", str(place), "-subj", f"/CN={NAME}"]
    subprocess.run([*command, "-addext", f"subjectAltName=DNS:{NAME}"], check=True, capture_output=True)


def window(browser: Browser) -> Page:
    """Return a page of a browser that nobody has used yet."""
    page = browser.new_context(locale="es-EC", viewport=DESK, reduced_motion="reduce").new_page()
    page.set_default_timeout(20_000)
    return page


def log_in(browser: Browser, base: str, cedula: str) -> Page:
    """Return a page of the console with this person logged in."""
    page = window(browser)
    page.goto(f"{base}/admin")
    type_password(page, cedula)
    type_code(page, base, cedula)
    page.wait_for_url("**/admin")
    return page


def type_password(page: Page, cedula: str) -> None:
    """Take the first step of a login."""
    page.fill("[name=username]", cedula)
    page.fill("[name=password]", PASSWORD)
    page.click("#submit")
    page.wait_for_selector("[name=code]")


def type_code(page: Page, base: str, cedula: str) -> None:
    """Take the second step with the code that the demonstration shows."""
    reader = page.context.new_page()
    reader.goto(f"{base}/demo")
    code = reader.locator("tr", has_text=cedula).locator("td").nth(1).inner_text().split()[0]
    reader.close()
    page.fill("[name=code]", code)
    page.click("#submit")


if __name__ == "__main__":
    sys.exit(main())
