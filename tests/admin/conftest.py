"""Operators at the console: people with roles, logged in at the provider and at the console without the login pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from stdnum.ec import ci
from werkzeug.test import TestResponse

from admin.console_session import open_console_session
from admin.permissions import BOUND_ROLES, Role
from admin.roles import grant_role
from admin.web import mount
from audit.model import AuditEvent
from ca.ceremony.hierarchy import create_hierarchy
from composition import Composition
from idp.accounts.person import Person, add_person
from idp.authentication.browser_session import start_browser_session
from idp.directory.institutions import Institution, add_institution
from kernel.clock import ManualClock
from web.application import create_app


@pytest.fixture
def app(composition: Composition, clock: ManualClock) -> Flask:
    """The service with only the console mounted."""
    made = create_app(settings=composition.settings, clock=clock, secret_key=b"k" * 32)
    made.extensions["idp"], made.extensions["ca"] = composition.idp, composition.ca
    mount(made, composition.admin)
    return made


@dataclass
class Operator:
    """A person at a browser of the console."""

    person: Person
    browser: FlaskClient
    sid: str

    def get(self, path: str, **more: object) -> TestResponse:
        """Open a page."""
        return self.browser.get(path, **more)

    def post(self, path: str, data: dict[str, object] | None = None, *, page: str | None = None) -> TestResponse:
        """Send the form of ``page`` (default: the same path) with its CSRF token."""
        shown = self.browser.get(page or path).get_data(as_text=True)
        token = re.search(r'name="csrf_token" value="([^"]+)"', shown)
        assert token, f"no form on {page or path}: {shown[:400]}"
        return self.browser.post(path, data={"csrf_token": token[1], **(data or {})})


MakePerson = Callable[..., Person]
MakeOperator = Callable[..., Operator]


@pytest.fixture
def make_person(composition: Composition, clock: ManualClock) -> MakePerson:
    """Add a person with the next valid cédula."""
    cedulas = iter(_valid_cedulas())

    def make(given_names: str = "Ana", surnames: str = "Prueba") -> Person:
        with composition.database.transaction() as session:
            cedula = next(cedulas)
            return add_person(
                session,
                journal=composition.journal,
                cedula=cedula,
                given_names=given_names,
                surnames=surnames,
                email=f"p{cedula}@example.test",
                email_verified=True,
                now=clock.now(),
            )

    return make


@pytest.fixture
def make_operator(app: Flask, composition: Composition, clock: ManualClock, make_person: MakePerson) -> MakeOperator:
    """Log a person with ``roles`` in to the console, as its login would."""

    def make(*roles: Role, name: str = "Ana", institution_ruc: str | None = None) -> Operator:
        person = make_person(name)
        now = clock.now()
        with composition.database.transaction() as session:
            for role in roles:
                grant_role(
                    session,
                    journal=composition.journal,
                    person_id=person.id,
                    role=role,
                    institution_ruc=institution_ruc or ("1760001550001" if role in BOUND_ROLES else None),
                    actor="command",
                    now=now,
                )
            login, _ = start_browser_session(
                session, journal=composition.journal, person_id=person.id, amr=("pwd", "otp"), now=now
            )
            _, secret = open_console_session(
                session,
                journal=composition.journal,
                sid=login.sid,
                person_id=person.id,
                authenticated_at=now,
                acr=login.acr,
                now=now,
            )
        browser = app.test_client()
        browser.set_cookie("sau_console", secret, domain="localhost")
        return Operator(person=person, browser=browser, sid=login.sid)

    return make


@pytest.fixture
def institution(composition: Composition, clock: ManualClock) -> Institution:
    """An institution with a domain."""
    return _add_institution(composition, clock, "1760001550001", "Ministerio de Prueba", "ministerio.gob.ec")


@pytest.fixture
def other_institution(composition: Composition, clock: ManualClock) -> Institution:
    """Another institution."""
    return _add_institution(composition, clock, "1760013210001", "Agencia de Prueba", "agencia.gob.ec")


Events = Callable[[], list[AuditEvent]]


@pytest.fixture
def events(composition: Composition) -> Events:
    """Read all events, oldest first."""

    def read() -> list[AuditEvent]:
        with composition.database.reading() as session:
            return list(session.scalars(select(AuditEvent).order_by(AuditEvent.occurred_at, AuditEvent.id)))

    return read


def _add_institution(composition: Composition, clock: ManualClock, ruc: str, name: str, domain: str) -> Institution:
    with composition.database.transaction() as session:
        return add_institution(
            session, journal=composition.journal, ruc=ruc, name=name, domains=[domain], now=clock.now()
        )


def _valid_cedulas() -> list[str]:
    candidates = (f"17{serial}{digit}" for serial in range(1003406, 1003800) for digit in range(10))
    return [cedula for cedula in candidates if ci.is_valid(cedula)]


@pytest.fixture
def authority(composition: Composition, clock: ManualClock) -> None:
    """Root and issuing authority."""
    create_hierarchy(composition.ca, now=clock.now())


@dataclass
class KeyAndRequest:
    """A private key and the CSR made with it, in PEM."""

    key: ec.EllipticCurvePrivateKey
    pem: str


def make_csr(*names: str, uses: x509.KeyUsage | None = None) -> KeyAndRequest:
    """Make a P-256 key and a request for ``names``; the first is the common name."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    if uses is not None:
        builder = builder.add_extension(uses, critical=True)
    return KeyAndRequest(key, builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode())
