"""An employee's application that asks people to approve, for tests through the real endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from composition import Composition
from idp.clients.policy import CIBA
from kernel.identifiers import new_secret
from tests.idp.device import form_of
from tests.idp.relying_party import RelyingParty, Visitor, at, register

CEDULA = "1710034065"
ISSUER = "http://localhost:8000"
METADATA: dict[str, Any] = {
    "client_name": "Centro de Llamadas",
    "redirect_uris": [],
    "post_logout_redirect_uris": [],
    "grant_types": [CIBA, "refresh_token"],
    "scope": "openid profile email cedula offline_access",
    "backchannel_token_delivery_mode": "poll",
}


@dataclass
class CallCentre:
    """A confidential client of backchannel authentication."""

    party: RelyingParty
    http: FlaskClient

    def post(self, **form: str) -> TestResponse:
        """Send a request as it is given."""
        return self.http.post("/ciba", data=form, headers=self.party.basic())

    def ask(self, **changes: str | None) -> dict[str, Any]:
        """Return the acknowledgement of a correct request."""
        values = {"scope": "openid profile", "login_hint": CEDULA} | changes
        response = self.post(**{name: value for name, value in values.items() if value is not None})
        assert response.status_code == 200, response.get_data(as_text=True)
        answer: dict[str, Any] = response.get_json()
        return answer

    def refused(self, **changes: str | None) -> str:
        """Return the error of a request, which answers 400."""
        values = {"scope": "openid profile", "login_hint": CEDULA} | changes
        response = self.post(**{name: value for name, value in values.items() if value is not None})
        assert response.status_code == 400, response.get_data(as_text=True)
        return str(response.get_json()["error"])

    def poll(self, auth_req_id: str, **more: str) -> TestResponse:
        """Ask for the tokens."""
        form = {"grant_type": CIBA, "auth_req_id": auth_req_id, **more}
        return self.http.post("/token", data=form, headers=self.party.basic())

    def error(self, auth_req_id: str) -> str:
        """Return the error of a poll, which answers 400."""
        response = self.poll(auth_req_id)
        assert response.status_code == 400, response.get_data(as_text=True)
        return str(response.get_json()["error"])


def add_call_centre(composition: Composition, http: FlaskClient, **metadata: Any) -> CallCentre:
    """Register a call centre."""
    return CallCentre(register(composition, **(METADATA | metadata)), http)


def approvals_of(visitor: Visitor) -> list[str]:
    """Return the addresses of the requests that wait on the person's page."""
    html = visitor.http.get("/account/solicitudes").get_data(as_text=True)
    return [part.split('"')[0] for part in html.split('href="')[1:] if part.startswith("/account/solicitudes/")]


def press(visitor: Visitor, address: str, decision: str, *scopes: str) -> TestResponse:
    """Press a button of one request's page."""
    page = visitor.http.get(address)
    assert page.status_code == 200, (page.status_code, page.headers.get("Location"))
    return visitor.http.post(address, data=form_of(page) | {"decision": decision, "scope": list(scopes)})


@dataclass
class SigningCallCentre:
    """A client of the policy ``fapi-ciba``: it signs what it sends, and its tokens are bound to a key."""

    composition: Composition
    http: FlaskClient
    client_id: str
    key: ECKey

    def assertion(self, **changes: Any) -> dict[str, str]:
        """Return the parameters of private_key_jwt."""
        now = at(self.composition.clock.now())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": ISSUER,
            "jti": new_secret(),
            "iat": now,
            "exp": now + 60,
        }
        return {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims | changes, self.key),
        }

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of a correct signed request; None removes one."""
        now = at(self.composition.clock.now())
        claims = {
            "iss": self.client_id,
            "aud": ISSUER,
            "jti": new_secret(),
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "scope": "openid profile",
            "login_hint": CEDULA,
            "binding_message": "1234",
        }
        return {name: value for name, value in (claims | changes).items() if value is not None}

    def signed(self, claims: dict[str, Any], *, algorithm: str = "ES256", key: ECKey | None = None) -> str:
        """Return a signed request."""
        key = key or self.key
        return jwt.encode({"alg": algorithm, "kid": self.key.kid}, claims, key)

    def post(self, token: str | None, **more: str) -> TestResponse:
        """Send a request."""
        form = {"request": token} if token is not None else {}
        return self.http.post("/ciba", data=form | self.assertion() | more)

    def ask(self, **changes: Any) -> dict[str, Any]:
        """Return the acknowledgement of a correct request."""
        response = self.post(self.signed(self.claims(**changes)))
        assert response.status_code == 200, response.get_data(as_text=True)
        answer: dict[str, Any] = response.get_json()
        return answer
