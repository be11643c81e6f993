"""Every page, as the route map has it: by keyboard and without JavaScript, on a narrow screen, in the dark, by axe.

A page that is added is walked by itself, if a person can come to it: by an address without arguments or by a link.
"""

from __future__ import annotations

import gzip
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.serving import make_server

from composition import Composition
from idp.authentication.totp import current_code
from idp.notices.mail import list_stored_mails
from kernel.settings import Settings
from tests.flows.citizens import new_cedula
from tests.flows.keyboard import Keyboard
from tests.idp.relying_party import register
from tests.servers.process import free_port
from tests.web.inspection import WIDE, problems_of
from wsgi import create_app

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PASSWORD = "mandarina-tren-lluvia-31"
#: Rooms that answer programs, and (the last line) those whose every page tests/web/test_in_chromium.py looks at.
MACHINES = frozenset(
    (
        *("acme", "acme_accounts", "acme_orders", "audit_log", "certificate_log", "cmp", "est", "files"),
        *(
            "idp_decisions",
            "idp_discovery",
            "idp_protected_resource",
            "idp_provisioning",
            "idp_protocol",
            "idp_register",
            "idp_shared_signals",
        ),
        *("operations", "pki_api", "pki_status", "time_stamps"),
        *("sheet", "shell", "start"),
    )
)
#: Pages that cannot be come to from where this walk stands, each with the test that shows it in a browser.
ELSEWHERE = {
    "account.ask_revocation": "tests/idp/web_people",
    "account.ask_suspension": "tests/idp/web_people",
    "account.closed": "tests/idp/web_people/test_in_chromium.py",
    "account.ask_stopping": "tests/idp/desk/test_recovery.py: only while a recovery is open",
    "account.report": "tests/idp/desk/test_in_chromium.py",
    "account.resume": "leads on",
    "approvals.show": "tests/flows/relying_parties",
    "broker.callback": "leads on",
    "broker.choose": "tests/idp/broker",
    "broker.logged_out": "leads on",
    "certificate_login.finish": "leads on",
    "certificate_login.show": "tests/flows/test_certificate_login.py",
    "contact.code": "tests/idp/web_people/test_in_chromium.py",
    "desk_recovery.step": "tests/idp/desk/test_in_chromium.py",
    "device.resume": "leads on",
    "enroll.step": "tests/idp/web_people/test_in_chromium.py",
    "handover.look": "tests/ca/handover",
    "idp_authorize.resume": "walked by keyboard below",
    "idp_authorize_entrance.authorize": "leads on",
    "idp_check_session.check_session": "a frame with nothing to see",
    "idp_logout.done": "walked by keyboard below",
    "login.start": "leads on",
    "login.step": "walked by keyboard below",
    "login_proof.download": "a file",
    "own.ask": "tests/ca/handover",
    "passkeys.ask_password_removal": "tests/idp/passkeys",
    "passkeys.one": "tests/idp/passkeys",
    "phone.code": "tests/idp/codes",
    "pki.certificate": "tests/ca",
    "pki.certificate_chain": "a file",
    "pki.certificate_der": "a file",
    "pki.certificate_pem": "a file",
    "pki.search_as_csv": "a file",
    "pki.search_as_json": "a file",
    "recovery_stop.ask": "tests/idp/desk/test_in_chromium.py",
    "ussd_pin.page": "tests/idp/web_people/test_in_chromium.py: where a USSD gateway is connected",
    "recovery.step": "tests/idp/web_people/test_in_chromium.py",
    "second_factor.enroll": "walked by keyboard below",
    "second_steps.card_as_pdf": "a file",
    "second_steps.sms": "tests/idp/codes",
    "signup.step": "walked by keyboard below",
}
#: The sign-in page's budget (experience, "Everyone").
MOST_BYTES, MOST_REQUESTS = 30_000, 5


@dataclass
class Site:
    """The whole service at a real address, and a portal beside it."""

    origin: str
    portal: str
    app: Flask
    composition: Composition

    def newest_code(self) -> str:
        """Return the code in the newest mail."""
        with self.composition.database.reading() as session:
            body = list_stored_mails(session, services=self.composition.idp)[0].body
        found = re.search(r"\b\d{8}\b", body)
        assert found
        return found[0]


@pytest.fixture
def site(settings: Settings) -> Iterator[Site]:
    """All roles in one process."""
    port, portal_port = free_port(), free_port()
    origin, portal = f"http://localhost:{port}", f"http://localhost:{portal_port}"
    composition = Composition(settings.model_copy(update={"issuer": origin, "demo": True}))
    party = register(
        composition,
        client_name="Ventanilla Única",
        redirect_uris=[f"{portal}/back"],
        post_logout_redirect_uris=[f"{portal}/bye"],
    )
    entrance = origin + party.authorization_url(redirect_uri=f"{portal}/back", scope="openid profile cedula email")
    leave = f"{origin}/logout?client_id={party.client_id}&post_logout_redirect_uri={portal}/bye"
    app = create_app(composition)
    with _serving(port, app), _serving(portal_port, _portal(entrance, leave)):
        yield Site(origin, portal, app, composition)
    composition.database.dispose()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_page_is_whole_and_the_main_journey_needs_no_pointer_and_no_script(browser: Browser, site: Site) -> None:
    """Sign-up, second step, consent, portal, every page of the account, logout (experience, "Everyone")."""
    with ExitStack() as stack:
        # Scripts off: whatever the keyboard reaches here, a form without JavaScript did.
        plain = stack.enter_context(browser.new_context(java_script_enabled=False, locale="es-EC", viewport=WIDE))  # type: ignore[arg-type]
        keys = Keyboard(plain.new_page())
        _sign_up_from_the_portal(keys, site)
        looking = stack.enter_context(
            browser.new_context(
                bypass_csp=True,
                locale="es-EC",
                reduced_motion="reduce",
                viewport=WIDE,  # type: ignore[arg-type]
                storage_state=plain.storage_state(),
            )
        )
        walk = Walk(site, looking)
        walk.through_everything()
        keys.press("#leave")
        assert site.origin in keys.page.url
        keys.press("#logout-yes")
        keys.page.wait_for_url(f"{site.portal}/bye")
    assert walk.problems == [], "\n".join(walk.problems)
    assert walk.not_seen() == [], "no address or link led there: name it in ELSEWHERE with the test that shows it"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_sign_in_page_is_light_and_asks_nobody_else(browser: Browser, site: Site) -> None:
    """At most 30 kB compressed in 5 requests, all of them ours (experience, "Everyone"); nothing moves by itself."""
    with browser.new_context(locale="es-EC", reduced_motion="reduce", contrast="more") as context:
        page = context.new_page()
        requests: list[str] = []
        answers: list[Response] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("response", lambda response: answers.append(response))
        page.goto(f"{site.origin}/login", wait_until="networkidle")
        bodies = {each.url: len(gzip.compress(each.body())) for each in answers if each.status == 200}
        assert bodies
        assert [url for url in requests if not url.startswith(site.origin)] == []
        assert len([url for url in requests if not url.endswith("/login")]) <= MOST_REQUESTS, requests
        assert sum(bodies.values()) <= MOST_BYTES, bodies
        moving = "document.getAnimations().filter(a => a.effect.getTiming().duration > 1).length"
        assert page.evaluate(moving) == 0
        # prefers-contrast: more makes the quiet text as strong as the rest.
        style = "getComputedStyle(document.documentElement).getPropertyValue"
        assert page.evaluate(f"{style}('--ink-2').trim() === {style}('--ink').trim()")


@dataclass
class Walk:
    """Somebody signed in who opens every page once."""

    site: Site
    context: BrowserContext
    problems: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def through_everything(self) -> None:
        """Open every address without arguments, and one address of every kind that a link leads to."""
        page = self.context.new_page()
        page.set_default_timeout(60_000)
        waiting = sorted(rule.rule for rule in self._rules() if not rule.arguments)
        known = set(waiting)
        while waiting:
            path = waiting.pop(0)
            if not self._is_page(path):
                continue
            self._look_at(page, path)
            links: list[str] = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
            for link in links:
                address = urlsplit(link)
                if f"{address.scheme}://{address.netloc}" != self.site.origin or address.path in known:
                    continue
                endpoint = self._endpoint(address.path)
                if endpoint and endpoint not in {self._endpoint(each) for each in known}:
                    known.add(address.path)
                    waiting.append(address.path + (f"?{address.query}" if address.query else ""))

    def not_seen(self) -> list[str]:
        """Return the pages that were not opened."""
        return sorted({str(rule.endpoint) for rule in self._rules()} - self.seen - set(ELSEWHERE))

    def _look_at(self, page: Page, path: str) -> None:
        said: list[str] = []
        page.once("pageerror", lambda error: said.append(str(error)))
        page.goto(self.site.origin + path)
        self.problems += problems_of(page, path.strip("/").replace("/", "-").replace("?", "-") or "start")
        self.problems += [f"{path}: {each}" for each in said]

    def _rules(self) -> Iterator[object]:
        for rule in self.site.app.url_map.iter_rules():
            blueprint = str(rule.endpoint).partition(".")[0]
            # The console has a walk of its own: tests/admin/test_in_chromium.py.
            if "GET" in (rule.methods or ()) and blueprint not in MACHINES and not rule.rule.startswith("/admin"):
                yield rule

    def _is_page(self, path: str) -> bool:
        answer = self.context.request.get(self.site.origin + path, max_redirects=0)
        endpoint = self._endpoint(path.partition("?")[0])
        if answer.status == 200 and answer.headers.get("content-type", "").startswith("text/html") and endpoint:
            self.seen.add(endpoint)
            return endpoint not in ELSEWHERE
        return False

    def _endpoint(self, path: str) -> str | None:
        try:
            endpoint, _ = self.site.app.url_map.bind("localhost").match(path.partition("?")[0])
        except (HTTPException, RequestRedirect):
            return None
        return None if endpoint.partition(".")[0] in MACHINES or path.startswith("/admin") else str(endpoint)


def _sign_up_from_the_portal(keys: Keyboard, site: Site) -> None:
    """From the portal's button to the portal's page, with a new account and a second step."""
    keys.page.set_default_timeout(60_000)
    keys.page.goto(f"{site.portal}/")
    keys.press("#enter")
    keys.press("main a[href*='/signup']")
    keys.press("#submit")
    assert keys.page.title().startswith("Error:")
    # The focus is at the summary: its first link leads to the first field that is wrong (WCAG 3.3.1).
    cedula = new_cedula()
    keys.write("#cedula", cedula)
    keys.write("#given_names", "Elena Isabel")
    keys.write("#surnames", "Ramón Torres")
    keys.write("#email", "elena@correo.test")
    keys.press("#submit")
    keys.write("#code", site.newest_code())
    keys.press("#submit")
    keys.write("#password", PASSWORD)
    keys.press("#submit")
    keys.press("#add-totp")
    key = keys.page.locator("#totp-key").text_content() or ""
    keys.write("#code", current_code(key.replace(" ", ""), now=datetime.now(UTC)))
    keys.press("#submit")
    keys.press("#submit")  # the recovery codes are written down
    assert cedula in keys.page.content(), "consent shows the values"
    keys.press("#allow")
    keys.page.wait_for_url(f"{site.portal}/back?*")


def _portal(entrance: str, leave: str) -> Flask:
    app = Flask("portal")
    page = '<!doctype html><html lang="es"><title>Portal</title><h1>Portal</h1><a id="{}" href="{}">Seguir</a>'
    app.add_url_rule("/", "start", lambda: page.format("enter", entrance.replace("&", "&amp;")))
    app.add_url_rule("/back", "back", lambda: page.format("leave", leave.replace("&", "&amp;")))
    app.add_url_rule("/bye", "bye", lambda: page.format("enter", "/"))
    return app


@contextmanager
def _serving(port: int, app: Flask) -> Iterator[None]:
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
