"""The personnel system of an institution, as a program that speaks SCIM."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from composition import Composition
from idp.clients.model import ClientRow
from idp.directory.institutions import Institution
from idp.rights.provisioning.users import PERSON, USER
from tests.idp.relying_party import register

METADATA = {
    "grant_types": ["client_credentials"],
    "redirect_uris": [],
    "post_logout_redirect_uris": [],
    "scope": "scim",
    "optional_scope": "",
    "resources": ["urn:sau:scim:v1"],
}


class Personnel:
    """The personnel system of one institution."""

    def __init__(self, composition: Composition, http: FlaskClient, institution: Institution) -> None:
        self.http, party = http, register(composition, **METADATA)
        self.client_id = party.client_id
        with composition.database.transaction() as session:
            row = session.get_one(ClientRow, party.client_id)
            row.institution_id, row.version = institution.id, row.version + 1
        form = {"grant_type": "client_credentials", "scope": "scim"}
        token = http.post("/token", data=form, headers=party.basic()).get_json()["access_token"]
        self.headers = {"Authorization": f"Bearer {token}"}

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """Send a request."""
        return self.http.open(f"/scim/v2{path}", method=method, json=body, headers=self.headers | headers)

    def create(self, cedula: str, **more: Any) -> TestResponse:
        """Link a person."""
        body = {"schemas": [USER, PERSON], "userName": "u1", PERSON: {"cedula": cedula}, **more}
        return self.send("POST", "/Users", body)
