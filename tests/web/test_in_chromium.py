"""Pages as a real browser shows them: accessible, narrow, dark, without JavaScript, inside the policy."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from flask import Flask, redirect, request
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import BaseWSGIServer, make_server

from kernel.clock import SystemClock
from kernel.settings import load_settings
from tests.web.accessibility import violations
from web.application import create_app
from web.csrf import exempt
from web.headers import allow_form_redirect_to

pytestmark = pytest.mark.browser

PAGES = [
    "/",
    "/muestrario",
    "/muestrario/consola",
    "/muestrario/ingreso",
    "/muestrario/ingreso-con-errores",
    "/muestrario/confirmar",
    "/ayuda",
    "/privacidad",
    "/accesibilidad",
    "/nowhere",
    "/muestrario/error/caduco",
    "/muestrario/error/falla",
    "/muestrario/error/pausa",
]
#: What a finger must hit (WCAG 2.5.8 asks for 24 px; we keep 44). Links within a sentence are exempt.
TARGETS = "button, .btn, input:not([type=hidden]), select, textarea, summary, nav a, .ways a, .pick label"


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """A running service of the plumbing alone; the address of its start."""
    elsewhere, there = _serve(_relying_application())
    server, here = _serve(None, relying_application=there)
    yield here
    server.shutdown()
    elsewhere.shutdown()


@pytest.fixture(scope="module", params=["light", "dark"])
def inspected(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page in each colour scheme; the policy is lifted for axe's own script."""
    with browser.new_context(bypass_csp=True, color_scheme=request.param, reduced_motion="reduce") as context:
        yield context.new_page()


@pytest.fixture(scope="module")
def narrow(browser: Browser) -> Iterator[Page]:
    """A page of 320 pixels: 1280 at 400 %."""
    with browser.new_context(viewport={"width": 320, "height": 640}) as context:
        yield context.new_page()


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(inspected: Page, site: str, path: str) -> None:
    """WCAG 2.2 AA as far as a machine can tell, in both colour schemes."""
    inspected.goto(site + path)
    assert violations(inspected) == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_320_pixels_and_a_finger_and_stays_inside_the_policy(narrow: Page, site: str, path: str) -> None:
    """WCAG 1.4.10 reflow; 44 px controls; nothing of ours is blocked by the policy or by Trusted Types."""
    said: list[str] = []
    narrow.on("console", lambda message: said.append(message.text))
    narrow.on("pageerror", lambda error: said.append(str(error)))
    narrow.goto(site + path)
    assert narrow.evaluate("document.documentElement.scrollWidth") <= 320
    small = narrow.evaluate(
        """selector => [...document.querySelectorAll(selector)]
           .filter(e => e.getClientRects().length && !['checkbox', 'radio'].includes(e.type))
           .filter(e => e.matches('.pick label') ? e.closest('.pick').offsetHeight < 44
                                                 : e.getBoundingClientRect().height < 43.9)
           .map(e => e.outerHTML)""",
        TARGETS,
    )
    assert small == []
    assert [text for text in said if "the server responded with a status of" not in text] == []


def test_a_form_with_errors_starts_at_the_summary_which_leads_to_each_field(page: Page, site: str) -> None:
    """WCAG 3.3.1 and 3.3.3: what is wrong is said first, and each message leads to its field."""
    page.goto(site + "/muestrario/ingreso-con-errores")
    assert page.evaluate("document.activeElement.className") == "sum flow"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#username")).to_be_focused()
    page.keyboard.type("9")
    assert "9" in page.input_value("#username")
    assert page.get_attribute("#username", "aria-describedby") == "username-h username-e"
    assert page.input_value("#password") == ""


def test_the_first_tab_skips_to_the_content(page: Page, site: str) -> None:
    """WCAG 2.4.1 bypass blocks, 2.4.7 focus visible."""
    page.goto(site + "/ayuda")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    page.keyboard.press("Enter")
    page.wait_for_url("**#contenido")


def test_icons_are_drawn_from_the_page_itself(page: Page, site: str) -> None:
    """Every ``<use>`` finds its symbol."""
    page.goto(site + "/muestrario")
    missing = page.evaluate(
        "[...document.querySelectorAll('use')].map(u => u.getAttribute('href')).filter(h => !document.querySelector(h))"
    )
    assert missing == []


def test_everything_works_without_javascript(browser: Browser, site: str) -> None:
    """A form with its token is taken, and the choice of language is kept."""
    with browser.new_context(java_script_enabled=False, locale="es-EC") as context:
        page = context.new_page()
        page.goto(site + "/form")
        page.fill("#word", "ñandú")
        page.click("#submit")
        assert page.text_content("body") == "saved ñandú"
        page.goto(site + "/ayuda")
        page.click("text=English")
        page.goto(site + "/privacidad")
        assert page.title() == "Privacy · SAU"


def test_the_answer_to_a_form_may_lead_to_the_named_application_and_nowhere_else(page: Page, site: str) -> None:
    """CSP ``form-action`` holds for redirects in Chromium: only ``allow_form_redirect_to`` lets consent end outside."""
    page.goto(site + "/consent?allow=1")
    page.click("#submit")
    page.wait_for_url("**/welcome")
    assert page.text_content("body") == "welcome"
    page.goto(site + "/consent")
    with page.expect_console_message(lambda message: "form-action" in message.text):
        page.click("#submit", no_wait_after=True)
    assert "/welcome" not in page.url


def test_a_page_for_the_printer_leaves_out_what_is_only_for_the_screen(page: Page, site: str) -> None:
    """Print styles: no buttons, no languages, black on white."""
    page.goto(site + "/muestrario/error/falla")
    page.emulate_media(media="print")
    assert not page.is_visible(".btn")
    assert not page.is_visible("footer nav")
    assert page.is_visible(".ref")


def _serve(app: Flask | None, *, relying_application: str = "") -> tuple[BaseWSGIServer, str]:
    server = make_server("127.0.0.1", 0, app or Flask(__name__), threaded=True)
    address = f"http://localhost:{server.server_port}"
    if app is None:
        server.app = _service(address, relying_application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, address


def _relying_application() -> Flask:
    app = Flask(__name__)
    app.add_url_rule("/welcome", view_func=lambda: "welcome")
    return app


def _service(address: str, relying_application: str) -> Flask:
    app = create_app(settings=load_settings({"SAU_ISSUER": address}), clock=SystemClock(), secret_key=b"k" * 32)
    form = app.jinja_env.from_string(
        '{% import "components.html" as c %}<form method="post">{{ c.csrf() }}{{ c.field("word", "W") }}'
        '{{ c.button("Go") }}</form>'
    )

    @app.route("/form", methods=["GET", "POST"])
    def show_form() -> str:
        return f"saved {request.form['word']}" if request.method == "POST" else form.render()

    @app.route("/consent", methods=["GET", "POST"])
    @exempt
    def consent() -> object:
        if request.method == "POST":
            return redirect(relying_application + "/welcome")
        if "allow" in request.args:
            allow_form_redirect_to(relying_application + "/callback")
        return '<form method="post"><button id="submit">Go</button></form>'

    return app
