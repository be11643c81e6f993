"""RP-Initiated Logout as the OpenID Foundation's certification asks it (``oidcc-rp-initiated-logout-…``)."""

from __future__ import annotations

import base64
import json
import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import OctKey
from werkzeug.test import TestResponse

from composition import Composition
from idp.tokens.jws import sign_jwt
from kernel.clock import ManualClock
from tests.idp.relying_party import RelyingParty, Visitor, answer_of, register

BYE = "https://portal.example/bye"


@pytest.fixture
def id_token(party: RelyingParty, visitor: Visitor, http: FlaskClient) -> str:
    """The ID token of the visitor's session."""
    return str(party.exchange(http, visitor.authorize(party)).get_json()["id_token"])


def _ask(visitor: Visitor, **parameters: str) -> TestResponse:
    return visitor.http.get("/logout?" + urlencode(parameters))


def _is_logged_in(party: RelyingParty, visitor: Visitor) -> bool:
    return "code" in answer_of(visitor.http.get(party.authorization_url(prompt="none")))


def _confirm(visitor: Visitor, page: TestResponse) -> TestResponse:
    """Press the button with the id that automation looks for."""
    text = page.get_data(as_text=True)
    assert 'id="logout-yes"' in text
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text))
    return visitor.http.post("/logout/confirm", data=fields | {"decision": "yes"})


def test_with_hint_address_and_state(party: RelyingParty, visitor: Visitor, id_token: str) -> None:
    """``rp-initiated-logout``: back with the state, nothing else added, and logged out."""
    response = _ask(visitor, id_token_hint=id_token, post_logout_redirect_uri=BYE, state="A.5~x")
    assert response.location == f"{BYE}?state=A.5~x"
    assert not _is_logged_in(party, visitor)


def test_without_a_state(party: RelyingParty, visitor: Visitor, id_token: str) -> None:
    """``-no-state``: none comes back."""
    assert _ask(visitor, id_token_hint=id_token, post_logout_redirect_uri=BYE).location == BYE
    assert not _is_logged_in(party, visitor)


def test_with_a_hint_that_someone_else_signed(
    composition: Composition, party: RelyingParty, visitor: Visitor, id_token: str
) -> None:
    """``-bad-id-token-hint``: signed with the client's secret; an error page, no redirect."""
    claims = party.claims(id_token)
    forged = jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, OctKey.import_key(party.secret), algorithms=["HS256"])
    response = _ask(visitor, id_token_hint=forged, post_logout_redirect_uri=BYE, state="s")
    assert response.status_code == 400
    assert response.location is None
    assert _is_logged_in(party, visitor)


def test_with_a_hint_whose_signature_was_taken_away(party: RelyingParty, visitor: Visitor, id_token: str) -> None:
    """``-modified-id-token-hint``: alg none."""
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    unsigned = f"{header}.{id_token.split('.')[1]}."
    response = _ask(visitor, id_token_hint=unsigned, post_logout_redirect_uri=BYE, state="s")
    assert (response.status_code, response.location) == (400, None)
    assert _is_logged_in(party, visitor)


def test_with_a_logout_token_for_a_hint(
    composition: Composition, party: RelyingParty, visitor: Visitor, id_token: str
) -> None:
    """What we signed for another purpose is no ID token: its type says so."""
    signer_claims = {name: value for name, value in party.claims(id_token).items() if name != "nonce"}
    with composition.database.reading() as session:
        signer = composition.idp.token_keys.active_signer(session, "ES256")
    other = sign_jwt(signer_claims, signer=signer, typ="logout+jwt")
    assert _ask(visitor, id_token_hint=other, post_logout_redirect_uri=BYE).status_code == 400


def test_without_a_hint(party: RelyingParty, visitor: Visitor, id_token: str) -> None:
    """``-no-id-token-hint``: whose address it is nobody says; an error page, no redirect."""
    response = _ask(visitor, post_logout_redirect_uri=BYE, state="s")
    assert (response.status_code, response.location) == (400, None)


@pytest.mark.parametrize("wrong", ["https://portal.example/other", f"{BYE}?foo=bar"])
def test_with_an_address_that_is_not_registered(
    party: RelyingParty, visitor: Visitor, id_token: str, wrong: str
) -> None:
    """``-bad-post-logout-redirect-uri``, ``-query-added-to-post-logout-redirect-uri``."""
    response = _ask(visitor, id_token_hint=id_token, post_logout_redirect_uri=wrong, state="s")
    assert (response.status_code, response.location) == (400, None)


@pytest.mark.parametrize("parameters", [{}, {"state": "s"}], ids=["no-params", "only-state"])
def test_without_anything_that_says_who_asks(
    party: RelyingParty, visitor: Visitor, id_token: str, parameters: dict[str, str]
) -> None:
    """``-no-params``, ``-only-state``: the person is asked, then a page says that it is done."""
    done = _confirm(visitor, _ask(visitor, **parameters))
    assert (done.status_code, done.location) == (200, None)
    assert "Su sesión está cerrada" in done.get_data(as_text=True)
    assert not _is_logged_in(party, visitor)


def test_without_an_address(party: RelyingParty, visitor: Visitor, id_token: str) -> None:
    """``-no-post-logout-redirect-uri``: a page says that it is done."""
    done = _ask(visitor, id_token_hint=id_token, state="s")
    assert (done.status_code, done.location) == (200, None)
    assert not _is_logged_in(party, visitor)


def test_with_a_hint_that_has_expired_long_ago(
    party: RelyingParty, visitor: Visitor, id_token: str, clock: ManualClock
) -> None:
    """§2: "expired ID Tokens SHOULD be accepted"; of a session that is over, too: there is nothing left to end."""
    clock.advance(timedelta(days=3))
    response = _ask(visitor, id_token_hint=id_token, post_logout_redirect_uri=BYE, state="s")
    assert response.location == f"{BYE}?state=s"


def test_with_a_hint_of_an_earlier_session_of_this_browser(
    party: RelyingParty, visitor: Visitor, id_token: str, http: FlaskClient
) -> None:
    """§2: not the session at hand, so the person is asked; and then the browser goes where the hint's client wants."""
    visitor.log_in()
    page = _ask(visitor, id_token_hint=id_token, post_logout_redirect_uri=BYE, state="s")
    assert page.status_code == 200
    assert _is_logged_in(party, visitor)
    assert _confirm(visitor, page).location == f"{BYE}?state=s"


def test_with_a_logout_hint_and_a_language(party: RelyingParty, visitor: Visitor, id_token: str) -> None:
    """§2: the hint proves nothing, so the person is asked, in the language that the application names."""
    page = _ask(visitor, client_id=party.client_id, logout_hint="1710034065", ui_locales="en es")
    assert "Close your session?" in page.get_data(as_text=True)
    assert "Sign" in page.get_data(as_text=True) or 'lang="en"' in page.get_data(as_text=True)
    assert _is_logged_in(party, visitor)
    _confirm(visitor, page)
    assert not _is_logged_in(party, visitor)


def test_with_a_pairwise_subject(composition: Composition, visitor: Visitor, http: FlaskClient) -> None:
    """The hint's subject is the one of its client."""
    party = register(composition, subject_type="pairwise")
    answer = party.exchange(http, visitor.authorize(party)).get_json()
    assert _ask(visitor, id_token_hint=answer["id_token"], post_logout_redirect_uri=BYE).location == BYE
