"""Name servers that say nothing, mail servers that hang or refuse, a security module that is gone (lines 19 and 23)."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey

from kernel.identifiers import new_id
from tests.faults import Figure, rounds
from tests.faults.ledger import Ledger
from tests.flows.form_browser import FormBrowser
from tests.flows.relying_parties.conftest import register
from tests.servers.dns import run_name_server
from tests.servers.mail import run_mail_server
from tests.servers.process import free_port
from tests.servers.service import LiveService, run_service
from tests.servers.small_disk import run_small_disk
from tests.servers.softhsm import DistantModule, SoftHsm, run_distant_module

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.faults]

_NAME_SERVER = "127.0.0.254"
_CEDULA, _EMAIL, _PASSWORD = "1710034065", "ana@correo.test", "volcán-4711-cóndor"
_LONGEST = 30.0  # seconds in which an answer comes that needs a neighbour who does not answer


def test_dead_dns_and_mail_hold_nobody_up_and_lose_no_mail(tmp_path: Path, figure: Figure) -> None:
    """People log in, records get their place, tokens are given; mails wait, and arrive when somebody takes them."""
    port = free_port()
    more = {"SAU_SMTP_URL": f"smtp://correo.pruebas.test:{port}"}
    with ExitStack() as held:
        disk = held.enter_context(run_small_disk(megabytes=32, name_server=_NAME_SERVER))
        silent = held.enter_context(_silent_name_server())
        service = held.enter_context(run_service(tmp_path, disk=disk, demo=False, more=more))
        service.command(
            "user", "add", "--cedula", _CEDULA, "--email", _EMAIL, "--name", "Ana Prueba", "--level", "2",
            "--password-stdin", input=_PASSWORD,
        )  # fmt: skip
        ledger = Ledger.open(service, tmp_path)
        for _ in range(3):
            _ask_for_a_mail(service)
        _goes_on(service, ledger, figure, "names are not resolved")
        _an_application_whose_keys_are_elsewhere_hears_soon(service, tmp_path, figure)
        silent.close()
        held.enter_context(run_name_server(tmp_path, address=(_NAME_SERVER, 53)))
        with closing(socket.create_server(("127.0.0.1", port))):  # takes connections and says nothing
            _ask_for_a_mail(service)
            time.sleep(3)
            _goes_on(service, ledger, figure, "the mail server hangs")
        _goes_on(service, ledger, figure, "the mail server refuses connections")
        with run_mail_server(port) as mail:
            mail.refusing = True
            time.sleep(3)
            mail.refusing = False
            started = time.monotonic()
            mail.wait_for(lambda message: _EMAIL in str(message["To"]), seconds=150)
            while len(mail.messages) < 4:
                assert time.monotonic() < started + 150, "mails were lost"
                time.sleep(0.2)
        figure("mails arrive after the server is back", time.monotonic() - started, "s")


def test_without_the_security_module_nothing_is_signed_and_people_stay_logged_in(
    softhsm: SoftHsm, tmp_path: Path, figure: Figure
) -> None:
    """Line 19: signing answers 503 in bounded time, sessions and documents live on, it comes back by itself."""
    with run_distant_module(softhsm) as module:
        address = softhsm.new_token(f"faults{new_id()[:8]}").replace(str(softhsm.module), str(module.module))
        with run_service(tmp_path, demo=False, more={"SAU_KEYSTORE": address, **module.environ}) as service:
            service.command(
                "user", "add", "--cedula", _CEDULA, "--email", _EMAIL, "--name", "Ana Prueba", "--level", "2",
                "--password-stdin", input=_PASSWORD,
            )  # fmt: skip
            ledger = Ledger.open(service, tmp_path)
            browser = FormBrowser()
            browser.open(f"{service.url}/login")
            browser.submit("submit", {"username": _CEDULA, "password": _PASSWORD})
            assert ledger.take() == 200
            for _ in range(rounds(2, 10)):
                _pull_and_plug_in(service, module, ledger, browser, figure)
            _start_without_it(service, module, ledger, browser, figure)
        ledger.require_plain_refusals()


def _start_without_it(
    service: LiveService, module: DistantModule, ledger: Ledger, browser: FormBrowser, figure: Figure
) -> None:
    """All processes begin while the module is away: what needs no key is served, the rest is told when to come back."""
    service.stop()
    module.stop()
    service.start(until=lambda: _status(f"{service.url}/health") == 200)
    assert _status(f"{service.url}/ready") == 503
    assert requests.get(f"{service.url}/ready", timeout=60).json()["checks"]["keys"] is False
    for path in ("/.well-known/openid-configuration", "/pki/"):
        assert _status(service.url + path) == 200, path
    assert ledger.take() == 503
    visitor = FormBrowser()
    visitor.open(f"{service.url}/login")
    browser.open(f"{service.url}/account")
    for page in (
        visitor.page,
        browser.page,
        requests.post(f"{service.url}/login/any", data={"username": "x"}, timeout=60),
    ):
        assert page.status_code == 503, page.text
        assert int(page.headers["Retry-After"]) > 0
    said = [finding["said"] for finding in _doctor(service) if finding["severity"] == "broken"]
    assert any("does not answer" in each for each in said), said
    module.start()
    started = time.monotonic()
    _until(service.is_ready, "it is ready without a restart")
    figure("started without the module: ready after it is back, after", time.monotonic() - started, "s")
    _until(lambda: ledger.take() == 200, "it signs")
    browser.open(f"{service.url}/account")
    assert "Ana" in browser.page.text
    _until(
        lambda: _starts(service) >= 4, "the start of both processes is on record"
    )  # two of them are the first start's


def _status(url: str) -> int:
    try:
        return requests.get(url, timeout=60).status_code
    except requests.ConnectionError:
        return 0


def _doctor(service: LiveService) -> list[dict[str, str]]:
    return list(json.loads(service.command("doctor", "--json", check=False)))


def _starts(service: LiveService) -> int:
    return len(service.json("audit", "search", "--type", "service:process:started", "--limit", "20")["events"])


def _pull_and_plug_in(
    service: LiveService, module: DistantModule, ledger: Ledger, browser: FormBrowser, figure: Figure
) -> None:
    module.stop()
    ledger.longest = 0.0
    for _ in range(3):
        assert ledger.take() == 503
    figure("without the security module: longest answer", ledger.longest, "s")
    assert ledger.longest < _LONGEST
    browser.open(f"{service.url}/account")
    assert browser.page.status_code == 200
    assert "Ana" in browser.page.text
    for path in ("/jwks", "/.well-known/openid-configuration", "/health"):
        assert requests.get(service.url + path, timeout=60).status_code == 200, path
    module.start()
    started = time.monotonic()
    _until(lambda: ledger.take() == 200, "it signs again")
    figure("signs again after the module is back, after", time.monotonic() - started, "s")


@contextmanager
def _silent_name_server() -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as silent:
        try:
            silent.bind((_NAME_SERVER, 53))
        except PermissionError:
            pytest.skip("port 53 is not to be had here (neither root nor user namespaces)")
        yield silent


def _ask_for_a_mail(service: LiveService) -> None:
    browser = FormBrowser()
    browser.open(f"{service.url}/recovery")
    started = time.monotonic()
    browser.submit("submit", {"username": _CEDULA})
    assert browser.page.status_code == 200
    assert time.monotonic() - started < _LONGEST


def _goes_on(service: LiveService, ledger: Ledger, figure: Figure, what: str) -> None:
    """Log in and take a token; both get their place in the log."""
    started = time.monotonic()
    browser = FormBrowser()
    browser.open(f"{service.url}/login")
    browser.submit("submit", {"username": _CEDULA, "password": _PASSWORD})
    assert browser.page.status_code == 200
    assert not browser.has_field("password")
    assert ledger.take() == 200
    figure(f"while {what}: login and token", time.monotonic() - started, "s")
    _until(lambda: service.json("audit", "status")["waiting"] == 0, "the log goes on")


def _an_application_whose_keys_are_elsewhere_hears_soon(service: LiveService, folder: Path, figure: Figure) -> None:
    """Its keys cannot be fetched: it is told so, and nobody else notices."""
    key = ECKey.generate_key("P-256", auto_kid=True)
    metadata = {
        "client_name": "Lejana",
        "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "jwks_uri": "https://lejana.pruebas.test/jwks",
        "scope": "read",
        "resources": ["https://api.lejana.test/"],
    }
    client = register(service, folder, metadata)["client_id"]
    now = int(time.time())
    claims = {"iss": client, "sub": client, "aud": service.url, "jti": new_id(), "iat": now, "exp": now + 60}
    assertion = jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key, algorithms=["ES256"])
    started = time.monotonic()
    answer = requests.post(
        f"{service.url}/token",
        data={
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
        },
        timeout=60,
    )
    figure("an application whose keys cannot be fetched hears after", time.monotonic() - started, "s")
    assert answer.status_code in (400, 401, 503), answer.text
    assert time.monotonic() - started < _LONGEST


def _until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)
