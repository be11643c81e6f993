"""Ten times the load that the machine can do: the work goes on, the rest is told when to come back (line 25).

What is rated is measured in the same run, with the same generator on the same machine: no figure depends on its speed.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from tests.faults import Figure, rounds
from tests.faults.fronted import Fronted, run_fronted, status_of
from tests.faults.ledger import Ledger
from tests.faults.memory import proportional_megabytes
from tests.flows.citizens import Citizen, citizen_of
from tests.flows.form_browser import FormBrowser
from tests.servers.process import find_program

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.faults]

_TIMES = 10
_RATED_CONNECTIONS = 16
_RATED_PEOPLE = 8
_GOODPUT = 0.8
_RELOAD = 0.5  # seconds after which somebody who was told to come back in ten tries again
_FLAT = 96.0  # megabytes: two passwords being looked at, and what threads take that were not used before


@pytest.fixture(scope="module")
def fronted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronted]:
    """A service and nginx before it; shared by the tests here."""
    with run_fronted(tmp_path_factory.mktemp("fronted")) as fronted:
        yield fronted


@pytest.fixture(scope="module")
def ledger(fronted: Fronted, tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """An application that takes tokens."""
    return Ledger.open(fronted.service, tmp_path_factory.mktemp("ledger"))


@pytest.mark.parametrize("way", ["direct", "nginx"])
def test_ten_times_the_callers_get_what_the_rated_number_gets(
    fronted: Fronted, ledger: Ledger, way: str, figure: Figure, tmp_path: Path
) -> None:
    """Tokens: at least four fifths as many as without the overload, plain refusals, memory flat, nothing broken."""
    seconds = rounds(1, 10)
    _flood(fronted, ledger, way, connections=_RATED_CONNECTIONS, seconds=seconds, folder=tmp_path)  # caches fill
    before = proportional_megabytes(fronted.service)
    shares, refused = [], 0
    for _ in range(rounds(1, 5)):
        rated = _flood(fronted, ledger, way, connections=_RATED_CONNECTIONS, seconds=seconds, folder=tmp_path)
        overload = _flood(
            fronted, ledger, way, connections=_TIMES * _RATED_CONNECTIONS, seconds=seconds, folder=tmp_path
        )
        for told in (rated, overload):
            assert told["other"] == told["silent"] == told["broken"] == 0, told
        shares.append((overload["good"] / overload["seconds"]) / (rated["good"] / rated["seconds"]))
        refused += overload["refused"]
    figure(f"tokens, {way}: rated", rated["good"] / rated["seconds"], "/s")
    figure(f"tokens, {way}: goodput under ten times the callers", 100 * statistics.median(shares), "% of rated")
    figure(f"tokens, {way}: refused", refused, "")
    figure(f"tokens, {way}: p99 under overload", overload["p99_ms"], "ms")
    after = proportional_megabytes(fronted.service)
    figure(f"tokens, {way}: memory", after - before, "MB more")
    assert after < before + _FLAT
    if rounds(1, 5) > 1:
        assert statistics.median(shares) >= _GOODPUT
    assert status_of(fronted.ask(way, fronted.request("GET /health"))) == 200


def test_a_flood_of_logins_takes_neither_the_threads_nor_the_memory_of_others(
    fronted: Fronted, ledger: Ledger, figure: Figure
) -> None:
    """Passwords cost a core and 46 MiB each: ten times as many people as can be served, and tokens go on beside."""
    # Nobody logs in ten times at once: those of one account wait for each other.
    people = [citizen_of(fronted.service, with_totp=False) for _ in range(rounds(3, _TIMES * _RATED_PEOPLE))]
    seconds, before = rounds(2, 60), proportional_megabytes(fronted.service)
    crowds = [_Crowd(fronted, people, number) for number in (_RATED_PEOPLE, _TIMES * _RATED_PEOPLE)]
    with crowds[0].pressing(settle=seconds / 3):
        crowds[0].wait(seconds)
    with crowds[1].pressing(settle=seconds / 3):
        time.sleep(seconds / 2)
        during = proportional_megabytes(fronted.service)
        asked = time.monotonic()
        answer = requests.post(
            f"https://{fronted.host}/token",
            data=ledger.form,
            timeout=30,
            verify=str(fronted.certificate),
        )
        token_after = time.monotonic() - asked
        crowds[1].wait(seconds / 2)
    for crowd in crowds:
        assert crowd.strange == []
        assert crowd.logins > 0
    rated, overload = (crowd.logins / crowd.seconds for crowd in crowds)
    figure("logins: rated", rated, "/s")
    figure("logins: goodput under ten times the people", 100 * overload / rated, "% of rated")
    figure("logins: refused", crowds[1].refused.total(), "")
    figure("logins: a token meanwhile", token_after, "s")
    figure("logins: memory in the flood", during - before, "MB more")
    assert answer.status_code == 200
    assert during < before + 2 * _FLAT
    if seconds > 2:
        assert overload >= _GOODPUT * rated
    assert status_of(fronted.ask("nginx", fronted.request("GET /health"))) == 200


class _Crowd:
    """People who press the button again and again, and reload when they are told to come back.

    :ivar refused: by status. :ivar strange: what was neither a login nor a plain refusal.
    """

    def __init__(self, fronted: Fronted, people: list[Citizen], number: int) -> None:
        self._url = f"https://{fronted.host}"
        self._fronted = fronted
        self._people = [people[each % len(people)] for each in range(number)]
        self._stopped = threading.Event()
        self.logins, self.seconds = 0, 0.0
        self.refused: Counter[int] = Counter()
        self.strange: list[str] = []

    @contextmanager
    def pressing(self, *, settle: float) -> Iterator[None]:
        """Let them press while the block runs, from ``settle`` seconds after they began; count what happens in it.

        Of eighty who begin at once nobody is through for a while, and at the end eighty are on their way: what is
        counted is what comes through between.
        """
        threads = [threading.Thread(target=self._go_on, args=[citizen]) for citizen in self._people]
        for thread in threads:
            thread.start()
        time.sleep(settle)
        self.logins, started = 0, time.monotonic()
        try:
            yield
        finally:
            self._stopped.set()
            self.seconds = time.monotonic() - started
            for thread in threads:
                thread.join(60)

    def wait(self, seconds: float) -> None:
        """Wait so long, and for somebody to have come in, within a minute."""
        time.sleep(seconds)
        deadline = time.monotonic() + 60
        while not self.logins and time.monotonic() < deadline:
            time.sleep(0.05)

    def _go_on(self, citizen: Citizen) -> None:
        while not self._stopped.is_set():
            browser = FormBrowser(trust=self._fronted.certificate)
            try:
                browser.open(f"{self._url}/login")
                while browser.page.status_code == 200 and not self._stopped.is_set():
                    page = browser.page
                    browser.submit("submit", {"username": citizen.cedula, "password": citizen.password})
                    if not self._is_refusal(browser.page):
                        break
                    browser.page = page  # the same page again, half a second later
                    self._stopped.wait(_RELOAD)
                else:
                    if not self._is_refusal(browser.page):
                        continue
                    self._stopped.wait(_RELOAD)
                    continue
            except requests.RequestException as error:
                self.strange.append(repr(error)[:200])
                continue
            if self._stopped.is_set():
                return
            if browser.page.status_code == 200 and not browser.has_field("password"):
                self.logins += 1
            else:
                self.strange.append(f"{browser.page.status_code} {browser.page.text[:500]}")

    def _is_refusal(self, page: requests.Response) -> bool:
        if page.status_code not in (429, 503):
            return False
        self.refused[page.status_code] += 1
        if not page.headers.get("Retry-After"):
            self.strange.append(f"{page.status_code} without Retry-After")
        return True


def _flood(
    fronted: Fronted, ledger: Ledger, way: str, *, connections: int, seconds: float, folder: Path
) -> dict[str, Any]:
    """Ask for tokens over so many connections, each as fast as it is answered, and return what came of it."""
    wrk = find_program("wrk", package="wrk")
    out = folder / "counts.json"
    url = f"http://127.0.0.1:{fronted.service.port}/token" if way == "direct" else f"https://{fronted.host}/token"
    command = [wrk, "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "10s"]
    script = ["-s", str(Path(__file__).with_name("flood.lua")), url, "--", urlencode(ledger.form), str(out)]
    done = subprocess.run(
        [*command, *script, fronted.host], capture_output=True, text=True, timeout=seconds + 60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(out.read_text()))
