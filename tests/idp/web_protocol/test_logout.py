"""Logout that an application begins."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient

from composition import Composition
from kernel.clock import ManualClock
from tests.idp.relying_party import RelyingParty, Visitor, add_visitor, answer_of, events, register

BYE = "https://portal.example/bye"


@pytest.fixture
def id_token(party: RelyingParty, visitor: Visitor, http: FlaskClient) -> str:
    """The ID token of the visitor's session."""
    return str(party.exchange(http, visitor.authorize(party)).get_json()["id_token"])


def _url(**parameters: str) -> str:
    return "/logout?" + urlencode(parameters)


def _is_logged_in(party: RelyingParty, visitor: Visitor) -> bool:
    return "code" in answer_of(visitor.http.get(party.authorization_url(prompt="none")))


def test_a_hint_of_this_session_ends_it_and_leads_back(
    composition: Composition, party: RelyingParty, visitor: Visitor, id_token: str, clock: ManualClock
) -> None:
    """RP-Initiated Logout §2, §3: with state; an expired hint is as good."""
    clock.advance(timedelta(minutes=20))
    response = visitor.http.get(_url(id_token_hint=id_token, post_logout_redirect_uri=BYE, state="s"))
    assert (response.status_code, response.headers["Location"]) == (303, f"{BYE}?state=s")
    assert not _is_logged_in(party, visitor)
    assert [event[0] for event in events(composition, "idp:logout:requested")] == ["success"]
    assert len(events(composition, "idp:session:ended")) == 1
    again = visitor.http.get(_url(id_token_hint=id_token, post_logout_redirect_uri=BYE))
    assert again.headers["Location"] == BYE


@pytest.mark.parametrize("named", [False, True])
def test_without_a_hint_the_person_is_asked(party: RelyingParty, visitor: Visitor, named: bool) -> None:
    """RP-Initiated Logout §2: or any site could log people out. Both buttons do what they say."""
    parameters = {"client_id": party.client_id, "post_logout_redirect_uri": BYE} if named else {}
    visitor.authorize(party)
    page = visitor.http.get(_url(**parameters))
    html = page.get_data(as_text=True)
    assert page.status_code == 200
    assert 'id="logout-yes"' in html
    assert 'id="logout-no"' in html
    assert _is_logged_in(party, visitor)
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html))
    assert visitor.http.post("/logout/confirm", data=fields | {"decision": "no"}).status_code == 200
    assert _is_logged_in(party, visitor)
    left = visitor.http.post("/logout/confirm", data=fields | {"decision": "yes"})
    assert left.headers.get("Location") == (BYE if named else None)
    assert not _is_logged_in(party, visitor)


def test_the_confirmation_needs_our_own_form(party: RelyingParty, visitor: Visitor) -> None:
    """A forged POST ends no session."""
    visitor.authorize(party)
    assert visitor.http.post("/logout/confirm", data={"decision": "yes"}).status_code >= 400
    assert visitor.http.post("/logout", data={"decision": "yes"}).status_code == 200
    assert _is_logged_in(party, visitor)


@pytest.mark.parametrize(
    "uri",
    [f"{BYE}/", f"{BYE}?x=1", "https://portal.example/BYE", "https://evil.example/", "javascript:alert(1)", "//x"],
)
def test_an_unregistered_address_gets_no_redirect_and_ends_nothing(
    composition: Composition, party: RelyingParty, visitor: Visitor, id_token: str, uri: str
) -> None:
    """RP-Initiated Logout §3: exactly the registered ones; on record."""
    refused = visitor.http.get(_url(id_token_hint=id_token, post_logout_redirect_uri=uri))
    assert refused.status_code == 400
    assert "Location" not in refused.headers
    assert _is_logged_in(party, visitor)
    assert events(composition, "idp:logout:refused")[0][1] == "invalid_post_logout_redirect_uri"


def test_an_address_without_a_client_gets_no_redirect(visitor: Visitor) -> None:
    """Nobody stands behind it."""
    assert visitor.http.get(_url(post_logout_redirect_uri=BYE)).status_code == 400


def test_a_hint_that_is_not_ours_or_not_this_clients_is_refused(
    composition: Composition, visitor: Visitor, id_token: str
) -> None:
    """RP-Initiated Logout §2."""
    other = register(composition)
    assert visitor.http.get(_url(id_token_hint="x.y.z")).status_code == 400
    assert visitor.http.get(_url(id_token_hint=id_token[:-4] + "AAAA")).status_code == 400
    assert visitor.http.get(_url(id_token_hint=id_token, client_id=other.client_id)).status_code == 400


def test_someone_elses_hint_does_not_end_this_session(
    composition: Composition, party: RelyingParty, visitor: Visitor, id_token: str, app: Flask
) -> None:
    """The hint proves nothing about who sits here: the person is asked."""
    other = add_visitor(composition, app, cedula="0926687856")
    other.log_in()
    other.authorize(party)
    assert other.http.get(_url(id_token_hint=id_token)).status_code == 200
    assert _is_logged_in(party, other)


def test_logout_by_post_from_the_application(party: RelyingParty, visitor: Visitor, id_token: str) -> None:
    """RP-Initiated Logout §2: both methods. Browsers send the POST without our cookies; the GET after it has them."""
    data = {"id_token_hint": id_token, "post_logout_redirect_uri": BYE}
    headers = {"Sec-Fetch-Site": "cross-site"}
    outside = visitor.http.application.test_client(use_cookies=False).post("/logout", data=data, headers=headers)
    response = visitor.http.get(outside.location)
    assert not _is_logged_in(party, visitor)
    assert (response.status_code, response.headers["Location"]) == (303, BYE)


def test_logout_at_one_portal_ends_the_session_for_all(
    composition: Composition, party: RelyingParty, visitor: Visitor, id_token: str
) -> None:
    """Single sign-on, single sign-out of the session."""
    second = register(composition)
    visitor.authorize(second)
    visitor.http.get(_url(id_token_hint=id_token))
    assert answer_of(visitor.http.get(second.authorization_url(prompt="none")))["error"] == "login_required"
