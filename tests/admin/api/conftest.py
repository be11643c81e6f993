"""People with roles, each with an application that got a token for the console's API at the real token endpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import admin.web
import idp.web
from admin.permissions import BOUND_ROLES, Role
from admin.roles import grant_role
from composition import Composition
from idp.accounts.model import PersonRow
from idp.accounts.person import add_person
from idp.clients.own_apis import ADMINISTRATION, ADMINISTRATION_SCOPES
from kernel.clock import ManualClock
from tests.admin.conftest import _valid_cedulas, authority, institution, other_institution
from tests.idp.relying_party import RelyingParty, Visitor, register
from tests.idp.signing import make_signing_keys
from web.application import create_app

__all__ = ["authority", "institution", "other_institution"]
EVERYTHING = " ".join(ADMINISTRATION_SCOPES)
RUC = "1760001550001"


@dataclass
class Person:
    """A person and an application of his."""

    party: RelyingParty
    http: FlaskClient
    visitor: Visitor

    def tokens(self, scope: str = EVERYTHING, amr: tuple[str, ...] = ("otp", "pwd")) -> dict[str, Any]:
        """Log in, allow it, and redeem the code."""
        self.visitor.log_in(amr)
        code = self.visitor.authorize(self.party, scope=f"openid {scope}".strip(), resource=ADMINISTRATION)
        answer = self.party.exchange(self.http, code)
        assert answer.status_code == 200, answer.text
        return dict(answer.get_json())

    def token(self, scope: str = EVERYTHING, amr: tuple[str, ...] = ("otp", "pwd")) -> str:
        """An access token."""
        return str(self.tokens(scope, amr)["access_token"])

    def get(self, path: str, *, token: str, **headers: str) -> TestResponse:
        """Call the API, without a cookie."""
        told = {"Authorization": f"Bearer {token}"} | {name.replace("_", "-"): text for name, text in headers.items()}
        return self.http.application.test_client(use_cookies=False).get(f"/admin/api/v1{path}", headers=told)

    def send(self, method: str, path: str, body: object = None, *, token: str, **headers: str) -> TestResponse:
        """Change something by the API, without a cookie."""
        told = {"Authorization": f"Bearer {token}"} | {name.replace("_", "-"): text for name, text in headers.items()}
        sent = {} if body is None else {"json": body}
        return self.http.application.test_client(use_cookies=False).open(
            f"/admin/api/v1{path}", method=method, headers=told, **sent
        )


MakePerson = Callable[..., Person]


def make_second_account(composition: Composition, account: Person, *, of: Person) -> Person:
    """Let ``account`` be another account of the person ``of``: his mailbox is behind both."""
    with composition.database.transaction() as session:
        mailbox = session.get_one(PersonRow, of.visitor.person_id).email
        session.get_one(PersonRow, account.visitor.person_id).email = mailbox
    return account


@pytest.fixture
def app(composition: Composition, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """Provider and console."""
    make_signing_keys(composition, monkeypatch)
    made = create_app(settings=composition.settings, clock=clock, secret_key=b"k" * 32)
    made.config["WTF_CSRF_ENABLED"] = False
    idp.web.mount(made, composition.idp)
    made.extensions["ca"] = composition.ca
    admin.web.mount(made, composition.admin)
    return made


@pytest.fixture
def make_person(app: Flask, composition: Composition, clock: ManualClock) -> MakePerson:
    """A person with roles, whose application may ask for every scope."""
    cedulas = iter(_valid_cedulas())

    def make(*roles: Role, institution_ruc: str | None = None) -> Person:
        cedula = next(cedulas)
        with composition.database.transaction() as session:
            person = add_person(
                session,
                journal=composition.journal,
                cedula=cedula,
                given_names="Ana",
                surnames="Prueba",
                email=f"p{cedula}@example.test",
                email_verified=True,
                now=clock.now(),
            )
            for role in roles:
                grant_role(
                    session,
                    journal=composition.journal,
                    person_id=person.id,
                    role=role,
                    institution_ruc=institution_ruc or (RUC if role in BOUND_ROLES else None),
                    actor="command",
                    now=clock.now(),
                )
        party = register(
            composition,
            client_name="Automatización",
            scope=f"openid {EVERYTHING}",
            optional_scope="",
            grant_types=["authorization_code"],
            resources=[ADMINISTRATION],
        )
        http = app.test_client()
        return Person(party, http, Visitor(composition, http, person.id))

    return make
