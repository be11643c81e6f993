"""A careful relying application and a person with a browser, for tests through the real endpoints."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import select
from werkzeug.test import TestResponse

from audit.model import AuditEvent
from composition import Composition
from idp.accounts.person import add_person
from idp.authentication.browser_session import BrowserSession, start_browser_session
from idp.clients.model import ClientRow
from idp.clients.register import RegisteredClient, register_client
from idp.clients.registration.client_registration import ClientRegistration
from idp.protocol.algorithms import TOKEN_ALGORITHMS
from kernel.identifiers import b64url, new_secret, sha256

REDIRECT_URI = "https://portal.example/cb"
METADATA: dict[str, Any] = {
    "client_name": "Portal",
    "redirect_uris": [REDIRECT_URI, "https://portal.example/cb?tenant=1"],
    "post_logout_redirect_uris": ["https://portal.example/bye"],
    "grant_types": ["authorization_code", "refresh_token"],
    "scope": "openid profile email cedula offline_access",
    "optional_scope": "email",
}


@dataclass
class RelyingParty:
    """What one application knows."""

    composition: Composition
    client_id: str
    secret: str
    redirect_uri: str = REDIRECT_URI
    verifier: str = field(default_factory=new_secret)

    def authorization_url(self, **changes: str | None) -> str:
        """Return the address to send the browser to; None removes a parameter."""
        return "/authorize?" + urlencode(self.parameters(**changes))

    def parameters(self, **changes: str | None) -> dict[str, str]:
        """Return the parameters of a correct authorization request."""
        values: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid profile",
            "state": "a state & more",
            "nonce": "n-0",
            "code_challenge": b64url(sha256(self.verifier)),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (values | changes).items() if value is not None}

    def basic(self, secret: str | None = None) -> dict[str, str]:
        """Return the header of client_secret_basic (RFC 6749 §2.3.1)."""
        pair = f"{quote_plus(self.client_id)}:{quote_plus(secret or self.secret)}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    def exchange(
        self, http: FlaskClient, issued: str, headers: Mapping[str, str] | None = None, **changes: str | None
    ) -> TestResponse:
        """Redeem a code."""
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": issued,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        values = {name: value for name, value in (form | changes).items() if value is not None}
        return http.post("/token", data=values, headers=self.basic() if headers is None else headers)

    def refresh(self, http: FlaskClient, refresh_token: str, **more: str) -> TestResponse:
        """Refresh."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, **more}
        return http.post("/token", data=form, headers=self.basic())

    def claims(self, token: str) -> dict[str, Any]:
        """Return the verified claims of a token of the provider."""
        with self.composition.database.reading() as session:
            keys: KeySet = self.composition.idp.token_keys.published(session).key_set
        return jwt.decode(token, keys, algorithms=list(TOKEN_ALGORITHMS)).claims


@dataclass
class Visitor:
    """A person with a browser."""

    composition: Composition
    http: FlaskClient
    person_id: str

    def log_in(self, amr: tuple[str, ...] = ("otp", "pwd")) -> BrowserSession:
        """Start a browser session, as the login pages do."""
        with self.composition.database.transaction() as session:
            started, secret = start_browser_session(
                session,
                journal=self.composition.journal,
                person_id=self.person_id,
                amr=amr,
                now=self.composition.clock.now(),
            )
        self.http.set_cookie("sau_session", secret, domain="localhost")
        return started

    def decide(self, page: TestResponse, decision: str = "allow", scopes: tuple[str, ...] = ()) -> TestResponse:
        """Press a button of the consent page."""
        path, form = self.decision(page, decision, scopes)
        return self.http.post(path, data=form)

    def decision(
        self, page: TestResponse, decision: str, scopes: tuple[str, ...] = ()
    ) -> tuple[str, dict[str, str | list[str]]]:
        """Return where a button of the consent page sends its form, and the form."""
        html = page.get_data(as_text=True)
        action = re.search(r'<form[^>]*action="([^"]+)"', html)
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html))
        assert action is not None, html
        return action[1], {**fields, "decision": decision, "scope": list(scopes)}

    def authorize(self, party: RelyingParty, scopes: tuple[str, ...] = (), **changes: str | None) -> str:
        """Go through authorization with consent and return the code."""
        response = self.http.get(party.authorization_url(**changes))
        location = response.headers["Location"]
        if location.startswith("/"):
            response = self.decide(self.http.get(location), scopes=scopes)
        answer = answer_of(response)
        assert "code" in answer, answer
        return answer["code"]


def answer_of(response: TestResponse) -> dict[str, str]:
    """Return the parameters that a redirect carries to the application."""
    assert response.status_code == 303, (response.status_code, response.get_data(as_text=True)[:500])
    address = urlsplit(response.headers["Location"])
    return dict(parse_qsl(address.fragment or address.query))


def register(composition: Composition, **metadata: Any) -> RelyingParty:
    """Register an application."""
    with composition.database.transaction() as session:
        registered: RegisteredClient = register_client(
            session,
            journal=composition.journal,
            registration=ClientRegistration.parse(METADATA | metadata),
            sealing_secret=composition.sealing_secret,
            now=composition.clock.now(),
        )
    secret = registered.secret.reveal() if registered.secret else ""
    return RelyingParty(composition, registered.client.client_id, secret)


def change(composition: Composition, party: RelyingParty, *, policy: str | None = None, **metadata: Any) -> None:
    """Change what an application registered, as an administrator may."""
    with composition.database.transaction() as session:
        row = session.get_one(ClientRow, party.client_id)
        row.policy = policy or row.policy
        row.metadata_ = row.metadata_ | metadata
        row.version += 1


def add_visitor(composition: Composition, app: Flask, cedula: str = "1710034065") -> Visitor:
    """Add a person with a fresh browser."""
    with composition.database.transaction() as session:
        person = add_person(
            session,
            journal=composition.journal,
            cedula=cedula,
            given_names="Manuela",
            surnames="Sáenz Aizpuru",
            email="manuela@correo.example",
            email_verified=True,
            now=composition.clock.now(),
        )
    return Visitor(composition, app.test_client(), person.id)


def events(composition: Composition, kind: str) -> list[tuple[str, str | None, str | None]]:
    """Return outcome, reason and client of the events of one kind, oldest first."""
    with composition.database.reading() as session:
        rows = session.execute(
            select(AuditEvent.outcome, AuditEvent.reason, AuditEvent.client_id)
            .where(AuditEvent.type == kind)
            .order_by(AuditEvent.id)
        ).all()
    return [(row.outcome, row.reason, row.client_id) for row in rows]


def leaves(composition: Composition, kind: str) -> list[dict[str, Any]]:
    """Return the leaves of the events of one kind, oldest first."""
    with composition.database.reading() as session:
        rows = session.scalars(select(AuditEvent.leaf).where(AuditEvent.type == kind).order_by(AuditEvent.id))
        return [json.loads(leaf) for leaf in rows]


def at(moment: datetime) -> int:
    """Return the seconds of a moment."""
    return int(moment.timestamp())
