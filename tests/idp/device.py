"""A television, for tests through the real endpoints."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from composition import Composition
from idp.clients.policy import DEVICE_CODE
from tests.idp.relying_party import RelyingParty, Visitor, register

METADATA: dict[str, Any] = {
    "client_name": "Televisión Educativa",
    "redirect_uris": [],
    "post_logout_redirect_uris": [],
    "grant_types": [DEVICE_CODE, "refresh_token"],
    "scope": "openid profile email cedula offline_access",
    "token_endpoint_auth_method": "none",
    "application_type": "native",
}


@dataclass
class Television:
    """A public client without a browser."""

    party: RelyingParty
    http: FlaskClient

    def ask(self, **changes: str) -> dict[str, Any]:
        """Return the device authorization response."""
        response = self.http.post("/device_authorization", data=self.form(scope="openid profile") | changes)
        assert response.status_code == 200, response.get_data(as_text=True)
        answer: dict[str, Any] = response.get_json()
        return answer

    def form(self, **more: str) -> dict[str, str]:
        """Return form parameters of this client."""
        return {"client_id": self.party.client_id, **more}

    def poll(self, device_code: str, **more: str) -> TestResponse:
        """Ask for the tokens."""
        return self.http.post("/token", data=self.form(grant_type=DEVICE_CODE, device_code=device_code, **more))

    def error(self, device_code: str) -> str:
        """Return the error of a poll, which answers 400."""
        response = self.poll(device_code)
        assert response.status_code == 400, response.get_data(as_text=True)
        return str(response.get_json()["error"])


def add_television(composition: Composition, http: FlaskClient, **metadata: Any) -> Television:
    """Register a television."""
    return Television(register(composition, **(METADATA | metadata)), http)


def type_code(visitor: Visitor, user_code: str) -> TestResponse:
    """Type the code and go on to the decision, or the login."""
    response = send_code(visitor, user_code)
    if response.status_code != 303:
        return response
    return visitor.http.get(response.headers["Location"])


def send_code(visitor: Visitor, user_code: str) -> TestResponse:
    """Send the form with the code."""
    return visitor.http.post("/device", data=form_of(visitor.http.get("/device")) | {"user_code": user_code})


def form_of(page: TestResponse) -> dict[str, str]:
    """Return the hidden fields of a page's form."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.get_data(as_text=True)))


def press(visitor: Visitor, page: TestResponse, decision: str, scopes: tuple[str, ...] = ()) -> TestResponse:
    """Press a button of the decision and return the page that follows."""
    response = visitor.decide(page, decision, scopes)
    assert response.status_code == 303, response.get_data(as_text=True)
    return visitor.http.get(response.headers["Location"])


def text_of(page: TestResponse) -> str:
    """Return the words of a page."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.get_data(as_text=True)).split())
