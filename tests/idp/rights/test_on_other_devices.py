"""Who works for several institutions says with which one he goes in, also where he answers on another device."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from composition import Composition
from idp.clients.policy import CIBA, DEVICE_CODE
from idp.rights.catalog import declare_rights
from idp.rights.declaration import parse_declaration
from idp.web import mount
from keys.sealing import derive_secret
from tests.idp.call_centre import CallCentre, add_call_centre, approvals_of
from tests.idp.device import Television, add_television, form_of, type_code
from tests.idp.relying_party import RelyingParty, Visitor
from tests.idp.rights.conftest import AGENCY, MINISTRY, Office, declared
from tests.idp.signing import make_signing_keys
from web.application import create_app

SCOPE = "openid roles institution"


@pytest.fixture
def flask_app(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The provider with signing keys."""
    make_signing_keys(composition, monkeypatch)
    secret = derive_secret(composition.sealing_secret, "flask-session")
    app = create_app(settings=composition.settings, clock=composition.clock, secret_key=secret)
    mount(app, composition.idp)
    return app


@pytest.fixture
def visitor(composition: Composition, flask_app: Flask, office: Office) -> Visitor:
    """Somebody who works at the ministry and at the agency."""
    servant = office.person(0)
    office.hire(servant)
    office.hire(servant, office.agency)
    made = Visitor(composition, flask_app.test_client(), servant.id)
    made.log_in()
    return made


def give(office: Office, party: RelyingParty) -> None:
    """Declare the roles as the application's own; the ministry gives *reader*, the agency *auditor*."""
    with office.composition.database.transaction() as session:
        declaration = parse_declaration(declared(party.client_id))
        journal = office.composition.journal
        declare_rights(session, journal=journal, declaration=declaration, actor="command", now=office.now)
    office.app = party
    office.assign(office.person(0), "reader")
    office.assign(office.person(0), "auditor", office.agency)


def told(party: RelyingParty, tokens: dict[str, Any]) -> tuple[list[str], str | None]:
    """Return roles and institution in the ID token."""
    claims = party.claims(tokens["id_token"])
    return claims.get("roles", []), claims.get("institution", {}).get("ruc")


def test_a_device_is_allowed_for_one_institution(
    office: Office, composition: Composition, flask_app: Flask, visitor: Visitor
) -> None:
    """Nothing is decided without the choice; another's institution is none; the tokens carry the chosen one's alone."""
    television: Television = add_television(
        composition, flask_app.test_client(use_cookies=False), scope=SCOPE, optional_scope="", grant_types=[DEVICE_CODE]
    )
    give(office, television.party)
    asked = television.ask(scope=SCOPE)
    page = type_code(visitor, asked["user_code"])
    words = page.get_data(as_text=True)
    assert "Ministerio de Prueba" in words
    assert "Agencia de Prueba" in words
    address = page.request.path
    for named in ({}, {"institution": "01nobody"}):
        answer = visitor.http.post(address, data=form_of(page) | {"decision": "allow", **named})
        assert answer.headers["Location"].endswith("?choose=1#institution")
        assert "Elija una institución." in visitor.http.get(answer.headers["Location"]).get_data(as_text=True)
    assert television.error(asked["device_code"]) == "authorization_pending"
    visitor.http.post(address, data=form_of(page) | {"decision": "allow", "institution": office.agency.id})
    tokens = _poll_later(office, lambda: television.poll(asked["device_code"]))
    assert told(television.party, tokens) == (["auditor"], AGENCY)


def test_an_approval_is_for_one_institution(
    office: Office, composition: Composition, flask_app: Flask, visitor: Visitor
) -> None:
    """The page of CIBA asks too; saying no needs no choice."""
    centre: CallCentre = add_call_centre(
        composition, flask_app.test_client(use_cookies=False), scope=SCOPE, optional_scope="", grant_types=[CIBA]
    )
    give(office, centre.party)
    hint = office.person(0).cedula
    asked = centre.ask(scope=SCOPE, login_hint=hint)
    (address,) = approvals_of(visitor)
    page = visitor.http.get(address)
    answer = visitor.http.post(address, data=form_of(page) | {"decision": "allow"})
    assert answer.headers["Location"].endswith("?choose=1#institution")
    visitor.http.post(address, data=form_of(page) | {"decision": "allow", "institution": office.ministry.id})
    tokens = _poll_later(office, lambda: centre.poll(asked["auth_req_id"]))
    assert told(centre.party, tokens) == (["reader"], MINISTRY)
    refused = centre.ask(scope=SCOPE, login_hint=hint)
    (address,) = approvals_of(visitor)
    visitor.http.post(address, data=form_of(visitor.http.get(address)) | {"decision": "deny"})
    assert centre.error(refused["auth_req_id"]) == "access_denied"


def _poll_later(office: Office, poll: Any) -> dict[str, Any]:
    office.composition.clock.advance(timedelta(seconds=20))  # type: ignore[attr-defined]
    answer = poll()
    assert answer.status_code == 200, answer.get_data(as_text=True)
    tokens: dict[str, Any] = answer.get_json()
    return tokens
