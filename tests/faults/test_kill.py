"""``kill -9`` of any process in the middle of its work loses nothing that was acknowledged (attacks and faults, 20)."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from sqlalchemy import func, select

from audit.model import AuditEvent
from tests.flows.citizens import Citizen, citizen_of
from tests.flows.form_browser import FormBrowser
from tests.flows.relying_parties.conftest import register
from tests.servers.postgresql import PostgreSqlServer
from tests.servers.service import LiveService

pytestmark = [pytest.mark.server, pytest.mark.slow]

_CALLBACK = "http://localhost:9/callback"  # never opened: the browser stops before it
_PEOPLE = 4
_LOAD_SECONDS = 2.5
_BACK_SECONDS = 15


@dataclass
class Load:
    """Citizens who log in again and again; ``acknowledged`` counts what the service told them it had done."""

    service: LiveService
    client_id: str
    acknowledged: Counter[tuple[str, str]] = field(default_factory=Counter)
    stopped: threading.Event = field(default_factory=threading.Event)

    def live(self, citizen: Citizen) -> None:
        """Log in, take tokens, and begin again, whatever happens to the service, until stopped."""
        while not self.stopped.is_set():
            try:
                browser = FormBrowser(stop_at=_CALLBACK)
                self._take_tokens(browser, citizen, also="idp:session:started")
                for _ in range(3):
                    self._take_tokens(browser, citizen)
            except (requests.RequestException, AssertionError, KeyError):
                time.sleep(0.1)  # refused or cut off: nothing was acknowledged

    def _take_tokens(self, browser: FormBrowser, citizen: Citizen, *, also: str = "") -> None:
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        browser.open(
            f"{self.service.url}/authorize?"
            + urlencode(
                {
                    "client_id": self.client_id,
                    "response_type": "code",
                    "scope": "openid",
                    "redirect_uri": _CALLBACK,
                    "state": "s",
                    "nonce": secrets.token_hex(8),
                    "code_challenge": challenge,
                    "code_challenge_method": "S256",
                }
            )
        )
        browser.log_in(citizen)
        assert browser.stopped_at
        (code,) = parse_qs(urlsplit(browser.stopped_at).query)["code"]
        self.acknowledged[citizen.id, "idp:authorization:granted"] += 1
        if also:
            self.acknowledged[citizen.id, also] += 1
        answer = requests.post(
            f"{self.service.url}/token",
            data={
                "grant_type": "authorization_code",
                "client_id": self.client_id,
                "code": code,
                "redirect_uri": _CALLBACK,
                "code_verifier": verifier,
            },
            timeout=10,
        )
        assert answer.status_code == 200
        assert answer.json()["access_token"]
        self.acknowledged[citizen.id, "idp:token:issued"] += 1


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_kills_under_load_lose_no_acknowledged_event(
    kind: str, start_service: Callable[..., LiveService], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A web worker, the background worker with its sequencer, and the whole service: each once, under load."""
    url = ""
    if kind == "postgresql":
        server: PostgreSqlServer = request.getfixturevalue("postgresql")
        url = server.url(server.create_database(with_schema=False))
    service = start_service(database_url=url, demo=False, more={"SAU_WORKERS": "2"})
    client = register(
        service,
        tmp_path,
        {
            "client_name": "Carga",
            "redirect_uris": [_CALLBACK],
            "token_endpoint_auth_method": "none",
            "application_type": "web",
            "scope": "openid",
        },
    )
    load = Load(service, client["client_id"])
    citizens = [citizen_of(service, with_totp=False) for _ in range(_PEOPLE)]
    threads = [threading.Thread(target=load.live, args=[citizen]) for citizen in citizens]
    for thread in threads:
        thread.start()
    try:
        for strike in (kill_a_web_worker, kill_the_background_worker, kill_everything):
            before = load.acknowledged.total()
            time.sleep(_LOAD_SECONDS)
            strike(service)
            wait_until(service.is_ready, "the service is back")
            wait_until(lambda before=before: load.acknowledged.total() > before, "it works again")
    finally:
        load.stopped.set()
        for thread in threads:
            thread.join(30)
    assert load.acknowledged.total() > 10
    wait_until(lambda: count_events(service, AuditEvent.log_index.is_(None)) == 0, "everything is sequenced")
    found = Counter[tuple[str, str]]()
    with service.composition() as composition, composition.database.reading() as session:
        rows = session.execute(
            select(AuditEvent.subject, AuditEvent.type, func.count()).group_by(AuditEvent.subject, AuditEvent.type)
        )
        for subject, event_type, number in rows:
            found[subject, event_type] = number
    lost = {key: (number, found[key]) for key, number in load.acknowledged.items() if found[key] < number}
    assert lost == {}
    service.command("audit", "verify", "--full")


def kill_a_web_worker(service: LiveService) -> None:
    """One of two: the other goes on, and it comes back."""
    worker = next(pid for pid, command in children_of(service).items() if not is_background(command))
    os.kill(worker, signal.SIGKILL)


def kill_the_background_worker(service: LiveService) -> None:
    """The sequencer dies with it, its lease still held."""
    worker = next(pid for pid, command in children_of(service).items() if is_background(command))
    os.kill(worker, signal.SIGKILL)


def kill_everything(service: LiveService) -> None:
    """As when a machine's power fails."""
    service.kill()
    service.start()


def is_background(command: str) -> bool:
    """Tell the background worker from web workers by its name."""
    return command == "sau worker"


def children_of(service: LiveService) -> dict[int, str]:
    """Return the names of the service's child processes, by process id."""
    assert service.process is not None
    found: dict[int, str] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            command = (path / "cmdline").read_text()
            if parent == service.process.pid and "resource_tracker" not in command:
                found[int(path.name)] = (path / "comm").read_text().strip()
        except OSError:
            continue
    return found


def count_events(service: LiveService, condition: Any) -> int:
    """Return how many events meet a condition."""
    with service.composition() as composition, composition.database.reading() as session:
        return session.scalar(select(func.count()).select_from(AuditEvent).where(condition)) or 0


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Wait for something. :raises AssertionError: if it takes too long."""
    deadline = time.monotonic() + _BACK_SECONDS
    while time.monotonic() < deadline:
        if true():
            return
        time.sleep(0.1)
    raise AssertionError(f"{what}: not in {_BACK_SECONDS} s")
