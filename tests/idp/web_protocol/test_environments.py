"""Test citizens enter sandboxes and nothing else; nobody else enters one."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from composition import Composition
from idp.accounts.model import PersonRow
from idp.clients.environment import (
    REAL_PERSON_IN_SANDBOX,
    TEST_PERSON_OUTSIDE,
    TEST_PREFIX,
    Environment,
    Place,
    may_call,
    misplaced,
    new_test_person_id,
)
from idp.clients.model import ClientRow
from kernel.identifiers import new_id
from tests.idp.relying_party import RelyingParty, Visitor, answer_of, events, register


def test_who_may_enter_where() -> None:
    """Four cases, two of them refused; the identifier of a test citizen says that he is one."""
    assert misplaced(Environment.PRODUCTION, is_test=False) is None
    assert misplaced(Environment.SANDBOX, is_test=True) is None
    assert misplaced(Environment.PRODUCTION, is_test=True) == TEST_PERSON_OUTSIDE
    assert misplaced(Environment.SANDBOX, is_test=False) == REAL_PERSON_IN_SANDBOX
    assert new_test_person_id().startswith(TEST_PREFIX)
    assert len(new_test_person_id()) == len(new_id())


@pytest.mark.parametrize(
    ("is_test", "environment", "reason", "words"),
    [
        (True, Environment.PRODUCTION, TEST_PERSON_OUTSIDE, "Esta persona es de prueba"),
        (False, Environment.SANDBOX, REAL_PERSON_IN_SANDBOX, "Esta aplicación es de prueba"),
    ],
)
def test_whoever_is_misplaced_is_told_and_goes_back(
    composition: Composition,
    visitor: Visitor,
    party: RelyingParty,
    is_test: bool,
    environment: Environment,
    reason: str,
    words: str,
) -> None:
    """A page with the reason, an event, no code; with prompt=none ``login_required``."""
    _place(composition, visitor, party, is_test=is_test, environment=environment)
    visitor.log_in()
    page = visitor.http.get(visitor.http.get(party.authorization_url()).location)
    assert (page.status_code, words in page.text) == (403, True)
    assert events(composition, "idp:authorization:refused") == [("refused", reason, party.client_id)]
    assert answer_of(visitor.http.get(party.authorization_url(prompt="none")))["error"] == "login_required"
    assert not events(composition, "idp:authorization:granted")


def test_a_test_citizen_is_at_home_in_a_sandbox_until_it_goes_live(
    app: Flask, composition: Composition, visitor: Visitor, party: RelyingParty, http: FlaskClient
) -> None:
    """He logs in and refreshes; once the application is in production, what it was given for him ends."""
    _place(composition, visitor, party, is_test=True, environment=Environment.SANDBOX)
    visitor.log_in()
    scopes = "openid profile offline_access"
    tokens = party.exchange(http, visitor.authorize(party, ("offline_access",), scope=scopes)).json
    tokens = party.refresh(http, tokens["refresh_token"]).json
    assert "access_token" in tokens
    _place(composition, visitor, party, is_test=True, environment=Environment.PRODUCTION)
    assert party.refresh(http, tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert http.get("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}).status_code == 401


def _place(
    composition: Composition, visitor: Visitor, party: RelyingParty, *, is_test: bool, environment: Environment
) -> None:
    with composition.database.transaction() as session:
        session.get_one(PersonRow, visitor.person_id).is_test = is_test
        client = session.get_one(ClientRow, party.client_id)
        client.environment, client.version = environment.value, client.version + 1


_OURS, _THEIRS = "01ours", "01theirs"
_SANDBOX, _PRODUCTION = Environment.SANDBOX, Environment.PRODUCTION


@pytest.mark.parametrize(
    ("caller", "api", "may"),
    [
        (Place(_PRODUCTION, _OURS), Place(_PRODUCTION, _THEIRS), True),
        (Place(_PRODUCTION, _OURS), None, True),
        (Place(_PRODUCTION, _OURS), Place(_SANDBOX, _OURS), False),
        (Place(_SANDBOX, _OURS), Place(_SANDBOX, _OURS), True),
        (Place(_SANDBOX, _OURS), Place(_SANDBOX, _THEIRS), False),
        (Place(_SANDBOX, None), Place(_SANDBOX, None), False),
        (Place(_SANDBOX, _OURS), Place(_PRODUCTION, _OURS), False),
        (Place(_SANDBOX, _OURS), None, False),
    ],
)
def test_who_may_call_what(caller: Place, api: Place | None, may: bool) -> None:
    """What nobody approved calls what its institution tries out, and real people's data goes into no sandbox."""
    assert may_call(caller, api) is may


def test_no_token_leaves_a_sandbox(composition: Composition, http: FlaskClient) -> None:
    """A service of a sandbox gets none for an API in production, nor for one that is not registered here."""
    api, elsewhere = "https://api.example", "https://elsewhere.example"
    register(composition, client_name="API", resource=api)
    service = register(
        composition,
        grant_types=["client_credentials"],
        redirect_uris=[],
        scope="leer",
        optional_scope="",
        resources=[api, elsewhere],
    )

    def ask(resource: str) -> str:
        given = {"grant_type": "client_credentials", "resource": resource}
        answer = http.post("/token", data=given, headers=service.basic()).get_json()
        return str(answer.get("error", "a token"))

    assert (ask(api), ask(elsewhere)) == ("a token", "a token")
    with composition.database.transaction() as session:
        row = session.get_one(ClientRow, service.client_id)
        row.environment, row.version = "sandbox", row.version + 1
    assert (ask(api), ask(elsewhere)) == ("invalid_target", "invalid_target")
