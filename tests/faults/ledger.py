"""Tokens that the service says it has issued, kept to be looked for afterwards: what was acknowledged must be there."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import select

from audit.model import AuditEvent
from audit.vocabulary import EventType
from tests.flows.relying_parties.conftest import register
from tests.servers.service import LiveService

_API = "https://api.carga.test/"
_CALLERS = 4


@dataclass
class Ledger:
    """An application that asks for tokens for itself, and remembers each that it was given.

    :ivar acknowledged: the requests that were answered with a token.
    :ivar refusals: other answers by status, 0 for no answer at all.
    :ivar plain: of the refusals: status, Retry-After and body of one of each status.
    :ivar longest: seconds that the slowest answer took.
    """

    service: LiveService
    client: dict[str, Any]
    acknowledged: list[str] = field(default_factory=list)
    refusals: Counter[int] = field(default_factory=Counter)
    plain: dict[int, tuple[str | None, str]] = field(default_factory=dict)
    longest: float = 0.0

    @classmethod
    def open(cls, service: LiveService, folder: Path) -> Ledger:
        """Register the application."""
        metadata = {
            "client_name": "Libro de cuentas",
            "grant_types": ["client_credentials"],
            "token_endpoint_auth_method": "client_secret_post",
            "scope": "read",
            "resources": [_API],
        }
        return cls(service, register(service, folder, metadata))

    @property
    def form(self) -> dict[str, str]:
        """What is sent to ``/token``."""
        secret = {name: self.client[name] for name in ("client_id", "client_secret")}
        return {"grant_type": "client_credentials", **secret}

    def take(self, *, timeout: float = 60, session: requests.Session | None = None) -> int:
        """Ask for a token and return the status; 0 if the connection ended without an answer."""
        started = time.monotonic()
        try:
            answer = (session or requests).post(f"{self.service.url}/token", data=self.form, timeout=timeout)
        except requests.RequestException:
            self.refusals[0] += 1
            return 0
        finally:
            self.longest = max(self.longest, time.monotonic() - started)
        if answer.status_code == 200:
            assert answer.json()["access_token"]
            self.acknowledged.append(answer.headers["X-Request-Id"])
        else:
            self.refusals[answer.status_code] += 1
            self.plain[answer.status_code] = answer.headers.get("Retry-After"), answer.text
        return answer.status_code

    @contextmanager
    def filling(self, *, callers: int = _CALLERS, pause: float = 0.02) -> Iterator[None]:
        """Ask without end while the block runs."""
        stopped = threading.Event()

        def go_on() -> None:
            with requests.Session() as session:
                while not stopped.wait(pause):
                    self.take(session=session)

        threads = [threading.Thread(target=go_on) for _ in range(callers)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stopped.set()
            for thread in threads:
                thread.join(90)

    def require_all(self, home: Path | None = None) -> None:
        """Check that each acknowledged token is in the audit log.

        :param home: a copy of the service's home to look at. :raises AssertionError: if one is missing.
        """
        with self.service.composition(home) as composition, composition.database.reading() as session:
            on_record = set(
                session.scalars(select(AuditEvent.request_id).where(AuditEvent.type == EventType.TOKEN_ISSUED))
            )
        assert set(self.acknowledged) - on_record == set()

    def require_plain_refusals(self) -> None:
        """Check that whatever was refused was refused as OAuth wants it, with a time to come back.

        :raises AssertionError: if a refusal was no plain 503.
        """
        for status, (retry_after, body) in self.plain.items():
            assert status == 503, (status, body)
            assert retry_after
            assert int(retry_after) > 0
            assert '"temporarily_unavailable"' in body, body
