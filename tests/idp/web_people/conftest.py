"""A small application with the provider's pages, and browsers (Flask test clients) that walk through them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from composition import Composition
from idp.accounts.person import Person, add_person
from idp.authentication.model import TotpRow
from idp.authentication.password import hash_password, store_password
from idp.authentication.totp import current_code, new_totp_row
from idp.notices.mail import list_stored_mails
from idp.web import mount
from kernel.clock import ManualClock
from kernel.secret_text import SecretText
from web.application import create_app

PASSWORD = "mandarina-tren-lluvia-31"
KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
CEDULA = "1710034065"
_HASHES: dict[str, str] = {}


@dataclass
class Walker:
    """A browser: keeps cookies, sends the CSRF token that the last page held."""

    app: Flask
    address: str = "203.0.113.7"
    client: Any = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return self._remember(self.client.get(path, environ_base=self._origin(), **kwargs))

    def post(self, path: str, data: dict[str, str] | None = None, **kwargs: Any) -> TestResponse:
        token = getattr(self, "token", "")
        body = {"csrf_token": token, **(data or {})}
        return self._remember(self.client.post(path, data=body, environ_base=self._origin(), **kwargs))

    def follow(self, response: TestResponse) -> TestResponse:
        while response.status_code in (302, 303):
            response = self.get(response.location)
        return response

    def open_login(self) -> str:
        """Begin a login and return its path."""
        path = self.get("/login").location
        self.get(path)
        return path

    def log_in(self, cedula: str = CEDULA, password: str = PASSWORD) -> TestResponse:
        """Do the password step of a new login."""
        path = self.open_login()
        return self.post(path, {"step": "password", "username": cedula, "password": password})

    def cookie(self, name: str) -> str | None:
        found = self.client.get_cookie(name)
        return found.value if found else None

    def _origin(self) -> dict[str, str]:
        return {"REMOTE_ADDR": self.address}

    def _remember(self, response: TestResponse) -> TestResponse:
        match = re.search(r'name="csrf_token" value="([^"]+)"', response.text)
        if match:
            self.token = unescape(match[1])
        return response


@pytest.fixture
def app(composition: Composition) -> Flask:
    """The provider's pages and nothing else."""
    app = create_app(settings=composition.settings, clock=composition.clock, secret_key=b"k" * 32)
    mount(app, composition.idp)
    return app


@pytest.fixture
def walker(app: Flask) -> Walker:
    """A browser that nobody knows."""
    return Walker(app)


@pytest.fixture
def make_person(composition: Composition) -> Callable[..., Person]:
    """Add a person with a password, and a second factor if wanted."""

    def make(cedula: str = CEDULA, *, totp: bool = False, password: str = PASSWORD) -> Person:
        now, services = composition.clock.now(), composition.idp
        phc = _HASHES.setdefault(password, hash_password(SecretText(password)))
        with composition.database.transaction() as session:
            person = add_person(
                session,
                journal=services.journal,
                cedula=cedula,
                given_names="Ana María",
                surnames="Quispe Toapanta",
                email=f"ana{cedula[-2:]}@correo.test",
                email_verified=True,
                now=now,
            )
            store_password(session, journal=services.journal, person_id=person.id, phc=phc, reason="operator", now=now)
            if totp:
                row: TotpRow = new_totp_row(services, person_id=person.id, key=KEY, now=now)
                row.confirmed_at = now
                session.add(row)
        return person

    return make


@pytest.fixture
def code(clock: ManualClock) -> Callable[[], str]:
    """The TOTP code of the moment."""
    return lambda: current_code(KEY, now=clock.now())


@pytest.fixture
def mails(composition: Composition) -> Callable[[], list[Any]]:
    """Mails that were sent, newest first."""

    def read() -> list[Any]:
        with composition.database.reading() as session:
            return list_stored_mails(session, services=composition.idp)

    return read


@pytest.fixture
def events(composition: Composition) -> Callable[..., list[Any]]:
    """Events by type, oldest first."""

    def read(kind: Any = None) -> list[Any]:
        from sqlalchemy import select

        from audit.model import AuditEvent

        statement = select(AuditEvent).order_by(AuditEvent.occurred_at, AuditEvent.id)
        if kind is not None:
            statement = statement.where(AuditEvent.type == kind.value)
        with composition.database.reading() as session:
            found = list(session.scalars(statement))
            session.expunge_all()
            return found

    return read


def mail_code(text: str) -> str:
    """Return the 8-digit code in a mail."""
    match = re.search(r"\b\d{8}\b", text)
    assert match
    return match[0]
