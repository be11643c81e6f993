"""A directory, a provider, a gateway of short messages that hang: their people hear so, others notice nothing.

Each stands behind a relay that goes silent, as when packets are dropped on the way; the directory's process is stopped,
too (it takes connections then, and says nothing). Lines 10 and 23.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from idp.notices.sms import send_sms
from tests.faults import Figure, rounds
from tests.faults.ledger import Ledger
from tests.flows.citizens import Citizen, citizen_of
from tests.flows.form_browser import FormBrowser
from tests.servers.mail import MailServer, run_mail_server
from tests.servers.relay import Relay, run_relay
from tests.servers.service import LiveService, run_service
from tests.servers.slapd import BASE, DOMAIN, PASSWORD, SEARCHER, SEARCHER_PASSWORD, Slapd, run_slapd
from tests.servers.sms import SmsGateway, run_http_gateway

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.faults]

_RUC = "1760013210001"
_SERVANT = f"rchimbo@{DOMAIN}"
_CROWD = 24  # more than a web worker has threads
_LONGEST = 60.0  # seconds: what takes longer hangs
_WAITING_MESSAGES = 5


@dataclass
class Site:
    """The service and what institutions run, each behind its relay."""

    service: LiveService
    ledger: Ledger
    citizen: Citizen
    slapd: Slapd
    mail: MailServer
    gateway: SmsGateway
    relays: dict[str, Relay] = field(default_factory=dict)

    def others_go_on(self, figure: Figure, while_: str) -> None:
        """A citizen logs in by password and an application takes a token, while the block's crowd waits."""
        began = time.monotonic()
        browser = FormBrowser()
        browser.open(f"{self.service.url}/login")
        browser.log_in(self.citizen)
        assert browser.page.status_code == 200, browser.page.text
        assert not browser.has_field("password")
        figure(f"while {while_}: a citizen's login", time.monotonic() - began, "s")
        began = time.monotonic()
        assert self.ledger.take() == 200
        figure(f"while {while_}: a token", time.monotonic() - began, "s")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service that knows one of each."""
    folder = tmp_path_factory.mktemp("institutions")
    with ExitStack() as held:
        slapd = held.enter_context(run_slapd(_made(folder / "slapd")))
        mail = held.enter_context(run_mail_server())
        gateway = held.enter_context(run_http_gateway())
        targets = {"directory": slapd.tls_port, "gateway": urlsplit(gateway.url).port or 0}
        relays = {name: held.enter_context(run_relay(port)) for name, port in targets.items()}
        more = {
            "SAU_SMTP_URL": mail.url,
            "SAU_SMS_URL": gateway.url.replace(f":{targets['gateway']}/", f":{relays['gateway'].port}/"),
            "SAU_LDAP_CA_FILE": str(slapd.ca),
        }
        service = held.enter_context(run_service(_made(folder / "sau"), demo=False, more=more))
        relays["provider"] = held.enter_context(_provider())
        service.command("institution", "add", "--ruc", _RUC, "--name", "Salud", "--domain", DOMAIN)
        service.command(
            "directory", "add", "salud", "--ruc", _RUC, "--domain", DOMAIN, "--kind", "ldap", "--level", "2",
            "--url", f"ldaps://localhost:{relays['directory'].port}", "--search-base", f"ou=gente,{BASE}",
            "--bind-dn", SEARCHER, "--password-stdin", "--attribute", "cedula=employeeNumber", "--create-people",
            input=SEARCHER_PASSWORD,
        )  # fmt: skip
        service.command(
            "provider", "add", "otra", "--ruc", _RUC, "--issuer", f"http://127.0.0.1:{relays['provider'].port}",
            "--client-id", "sau", "--secret-stdin", input="secreto\n",
        )  # fmt: skip
        citizen = citizen_of(service, with_totp=False)
        ledger = Ledger.open(service, folder)
        yield Site(service, ledger, citizen, slapd, mail, gateway, relays)
        ledger.require_all()


@pytest.mark.parametrize("way", ["silent", "stopped"])
def test_a_directory_that_hangs_keeps_nobody_else_waiting(site: Site, way: str, figure: Figure) -> None:
    """Its people are told in bounded time, citizens log in meanwhile, and it is back when it answers."""
    assert _servant(site.service)[0] == 200
    process = int((site.slapd.folder / "slapd.pid").read_text())
    for _ in range(rounds(1, 5)):
        hang: Callable[[bool], None] = (
            (lambda on: setattr(site.relays["directory"], "silent", on))
            if way == "silent"
            else (lambda on: os.kill(process, signal.SIGSTOP if on else signal.SIGCONT))
        )
        hang(True)
        try:
            with _crowd(lambda: _servant(site.service)) as answers:
                site.others_go_on(figure, f"the directory is {way}")
        finally:
            hang(False)
        assert {status for status, _ in answers} <= {422, 429, 503}, answers
        figure(f"the directory is {way}: longest answer to its people", max(took for _, took in answers), "s")
        assert max(took for _, took in answers) < _LONGEST
        began = time.monotonic()
        _until(lambda: _servant(site.service)[0] == 200, "its people get in again")
        figure(f"the directory was {way}: its people get in again after", time.monotonic() - began, "s")


def test_a_provider_that_hangs_keeps_nobody_else_waiting(site: Site, figure: Figure) -> None:
    """Those who come back from it are told in bounded time; its threads are four, and after three failures none."""
    relay = site.relays["provider"]

    def come_back() -> int:
        return _come_back(site.service, comers.pop())

    def is_asked() -> bool:
        opened = relay.opened
        return _come_back(site.service, _on_the_way(site.service)) == 503 and relay.opened > opened

    for _ in range(rounds(1, 5)):
        comers = [_on_the_way(site.service) for _ in range(_CROWD)]
        relay.silent = True
        try:
            with _crowd(come_back) as answers:
                site.others_go_on(figure, "a provider is silent")
        finally:
            relay.silent = False
        assert {status for status, _ in answers} == {503}, answers
        figure("a provider is silent: longest answer to its people", max(took for _, took in answers), "s")
        assert max(took for _, took in answers) < _LONGEST
        # It answers again, and says no to a code that it never gave: asked, then, not left alone.
        _until(is_asked, "it is asked again")


@pytest.mark.parametrize("way", ["silent", "closed"])
def test_messages_wait_for_their_gateway_and_hold_nobody_up(site: Site, way: str, figure: Figure) -> None:
    """Logins go on, mails leave, the log grows; when it is back every message arrives, under one id however often."""
    relay, to = site.relays["gateway"], {"silent": "+59399123450", "closed": "+59399123451"}[way]

    def arrived() -> list[str]:
        return [message["id"] for message in site.gateway.messages if message["to"].startswith(to)]

    setattr(relay, way, True)
    relay.cut()
    try:
        _queue_messages(site.service, to)
        site.others_go_on(figure, f"the gateway is {way}")
        began = time.monotonic()
        mails = len(site.mail.messages)
        browser = FormBrowser()
        browser.open(f"{site.service.url}/recovery")
        browser.submit("submit", {"username": site.citizen.cedula})
        _until(lambda: len(site.mail.messages) > mails, "a mail leaves")
        figure(f"while the gateway is {way}: a mail leaves after", time.monotonic() - began, "s")
        _until(lambda: site.service.json("audit", "status")["waiting"] == 0, "the log goes on")
    finally:
        setattr(relay, way, False)
        relay.cut()
    began = time.monotonic()
    _until(lambda: len(set(arrived())) == _WAITING_MESSAGES, "every message arrives", seconds=300)
    figure(f"the gateway was {way}: all messages have arrived after", time.monotonic() - began, "s")


@contextmanager
def _crowd(act: Callable[[], int | tuple[int, float]]) -> Iterator[list[tuple[int, float]]]:
    """Have many do the same at once while the block runs; afterwards status and seconds of each are in the list."""
    answers: list[tuple[int, float]] = []
    began = threading.Barrier(_CROWD + 1)

    def one() -> tuple[int, float]:
        began.wait(60)
        started = time.monotonic()
        answer = act()
        return (answer if isinstance(answer, int) else answer[0]), time.monotonic() - started

    with ThreadPoolExecutor(_CROWD) as pool:
        waiting = [pool.submit(one) for _ in range(_CROWD)]
        began.wait(60)
        time.sleep(0.5)  # until they wait
        yield answers
        answers += [each.result() for each in waiting]


def _servant(service: LiveService) -> tuple[int, float]:
    """Log in by the institution's password; 422 says that it did not lead to a page without a form."""
    started = time.monotonic()
    browser = FormBrowser()
    browser.open(f"{service.url}/login")
    browser.submit("submit", {"username": _SERVANT, "password": PASSWORD})
    status = browser.page.status_code
    return (422 if status == 200 and browser.has_field("password") else status), time.monotonic() - started


def _on_the_way(service: LiveService) -> FormBrowser:
    """Somebody who was sent to the provider."""
    browser = FormBrowser(stop_at="http://127.0.0.1:")
    browser.open(f"{service.url}/login")
    found = re.search(r'id="institution" href="([^"]+)"', browser.page.text)
    assert found, browser.page.text
    browser.open(service.url + found[1])
    browser.submit("to-otra")
    return browser


def _come_back(service: LiveService, browser: FormBrowser) -> int:
    """Come back with a code."""
    asked = parse_qs(urlsplit(browser.stopped_at).query)
    query = urlencode({"state": asked["state"][0], "code": "x"})
    answer = browser.session.get(f"{service.url}/broker/otra/callback?{query}", timeout=120)
    assert answer.status_code != 503 or int(answer.headers["Retry-After"]) > 0
    return answer.status_code


def _queue_messages(service: LiveService, to: str) -> None:
    with service.composition() as composition, composition.database.transaction() as session:
        for number in range(_WAITING_MESSAGES):
            send_sms(
                session,
                services=composition.idp,
                to=f"{to}{number}",
                locale="es",
                template="sign_up_code",
                context={"code": "12345678"},
                person_id=None,
                now=composition.clock.now(),
            )


@contextmanager
def _provider() -> Iterator[Relay]:
    """A provider that publishes where it is asked, and knows no code; behind a relay, whose address is its issuer."""

    class Handler(BaseHTTPRequestHandler):
        def _say(self, status: int, document: object) -> None:
            octets = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def do_GET(self) -> None:
            self._say(
                200,
                {
                    "issuer": issuer,
                    "authorization_endpoint": f"{issuer}/auth",
                    "token_endpoint": f"{issuer}/token",
                    "jwks_uri": f"{issuer}/jwks",
                    "response_types_supported": ["code"],
                    "id_token_signing_alg_values_supported": ["ES256"],
                },
            )

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._say(400, {"error": "invalid_grant"})

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with run_relay(server.server_port) as relay:
            issuer = f"http://127.0.0.1:{relay.port}"
            assert requests.get(issuer, timeout=60).status_code == 200
            yield relay
    finally:
        server.shutdown()
        server.server_close()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _until(true: Callable[[], object], what: str, *, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)
