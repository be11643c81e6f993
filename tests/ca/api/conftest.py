"""The API with the provider beside it: two institutions, each with a system that has a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import ca.web
import idp.web
from ca.api.caller import AUDIENCE, Scope
from ca.ceremony.hierarchy import create_hierarchy
from composition import Composition
from idp.clients.model import ClientRow
from idp.directory.institutions import add_institution
from keys.sealing import derive_secret
from tests.ca.est.conftest import own_lints_only
from tests.idp.relying_party import RelyingParty, register
from tests.idp.signing import make_signing_keys
from web.application import create_app

__all__ = ["own_lints_only"]

RUC, OTHER_RUC = "1768152560001", "1760013210001"
EVERYTHING = " ".join(Scope)


@dataclass
class System:
    """A system of an institution."""

    party: RelyingParty
    http: FlaskClient

    def token(self, scope: str = EVERYTHING) -> str:
        """A fresh access token."""
        form = {"grant_type": "client_credentials", "scope": scope}
        answer = self.http.post("/token", data=form, headers=self.party.basic())
        assert answer.status_code == 200, answer.text
        return str(answer.get_json()["access_token"])

    def call(self, method: str, path: str, *, token: str | None = None, **more: Any) -> TestResponse:
        """Call the API."""
        headers = {"Authorization": f"Bearer {token or self.token()}"} | more.pop("headers", {})
        return self.http.open(f"/pki/api/v1/{path}", method=method, headers=headers, **more)

    def ask(self, csr: str, profile: str = "tls-client", **headers: str) -> TestResponse:
        """Ask for a certificate."""
        return self.call("POST", "requests", json={"profile": profile, "csr": csr}, headers=headers)


@pytest.fixture
def app(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """Provider and authority."""
    make_signing_keys(composition, monkeypatch)
    create_hierarchy(composition.ca, now=composition.clock.now())
    app = create_app(
        settings=composition.settings,
        clock=composition.clock,
        secret_key=derive_secret(composition.sealing_secret, "flask-session"),
    )
    idp.web.mount(app, composition.idp)
    ca.web.mount(app, composition.ca)
    words = {scope.value: f"Certificados: {scope.value}" for scope in Scope}
    register(composition, client_name="Autoridad", resource=AUDIENCE, resource_scopes=words)
    return app


def make_system(composition: Composition, app: Flask, *, ruc: str, name: str, domain: str) -> System:
    """Register a system of a new institution."""
    service = register(
        composition,
        client_name=f"Sistema de {name}",
        redirect_uris=[],
        post_logout_redirect_uris=[],
        grant_types=["client_credentials"],
        scope=EVERYTHING,
        optional_scope="",
        resources=[AUDIENCE],
    )
    with composition.database.transaction() as session:
        institution = add_institution(
            session,
            journal=composition.journal,
            ruc=ruc,
            name=name,
            domains=[domain],
            actor="command",
            now=composition.clock.now(),
        )
        session.get_one(ClientRow, service.client_id).institution_id = institution.id
    return System(service, app.test_client(use_cookies=False))


@pytest.fixture
def system(composition: Composition, app: Flask) -> System:
    """The ministry's."""
    return make_system(composition, app, ruc=RUC, name="Ministerio de Pruebas", domain="pruebas.gob.ec")


@pytest.fixture
def other(composition: Composition, app: Flask) -> System:
    """Another institution's."""
    return make_system(composition, app, ruc=OTHER_RUC, name="Servicio de Rentas", domain="rentas.gob.ec")
