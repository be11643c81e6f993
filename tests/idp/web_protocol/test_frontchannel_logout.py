"""Front-Channel Logout 1.0: the browser that logs out tells each application of the session."""

from __future__ import annotations

import html
import re
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from composition import Composition
from idp.clients.registration.client_registration import ClientRegistration
from idp.protocol.frontchannel_logout import frame_address
from kernel.errors import Rejected
from tests.idp.relying_party import METADATA, RelyingParty, Visitor, answer_of, register

BYE = "https://portal.example/bye"
OUT = "https://portal.example/out?tenant=1"


def _log_in(party: RelyingParty, visitor: Visitor, http: FlaskClient) -> str:
    return str(party.exchange(http, visitor.authorize(party)).get_json()["id_token"])


def _frames(page: TestResponse) -> list[str]:
    return [html.unescape(found) for found in re.findall(r'<iframe[^>]* src="([^"]*)"', page.get_data(as_text=True))]


def test_a_frame_of_each_application_and_then_on(composition: Composition, visitor: Visitor, http: FlaskClient) -> None:
    """§2, §3: iss and sid as in the ID token, the address's own query kept; then the post-logout address with state."""
    party = register(composition, frontchannel_logout_uri=OUT, frontchannel_logout_session_required=True)
    plain = register(composition, frontchannel_logout_uri="https://portal.example/plain")
    id_token = _log_in(party, visitor, http)
    _log_in(plain, visitor, http)
    page = visitor.http.get(
        "/logout?" + urlencode({"id_token_hint": id_token, "post_logout_redirect_uri": BYE, "state": "a state"})
    )
    assert page.status_code == 200
    with_session, without = sorted(_frames(page))
    assert without == "https://portal.example/plain"
    query = parse_qs(urlsplit(with_session).query)
    claims = party.claims(id_token)
    assert query == {"tenant": ["1"], "iss": ["http://localhost:8000"], "sid": [claims["sid"]]}
    assert page.headers["Refresh"] == f"3;url={BYE}?state=a+state"
    assert f'href="{BYE}?state=a+state"' in page.get_data(as_text=True)
    assert answer_of(visitor.http.get(party.authorization_url(prompt="none")))["error"] == "login_required"


def test_only_that_page_shows_frames_and_only_these(
    composition: Composition, visitor: Visitor, http: FlaskClient
) -> None:
    """The policy names exactly the origins of the frames; no other page may hold any."""
    party = register(composition, frontchannel_logout_uri=OUT)
    id_token = _log_in(party, visitor, http)
    page = visitor.http.get("/logout?" + urlencode({"id_token_hint": id_token}))
    assert "; frame-src https://portal.example; " in page.headers["Content-Security-Policy"]
    assert page.headers["Refresh"] == "3;url=/logout/done"
    done = visitor.http.get("/logout/done")
    assert "frame-src" not in done.headers["Content-Security-Policy"]
    assert "Su sesión está cerrada" in done.get_data(as_text=True)


def test_without_such_applications_nobody_waits(party: RelyingParty, visitor: Visitor, http: FlaskClient) -> None:
    """The browser is sent on at once."""
    id_token = _log_in(party, visitor, http)
    response = visitor.http.get("/logout?" + urlencode({"id_token_hint": id_token, "post_logout_redirect_uri": BYE}))
    assert (response.status_code, response.location) == (303, BYE)


def test_frames_cannot_lead_the_window_away(composition: Composition, visitor: Visitor, http: FlaskClient) -> None:
    """An application's page in our frame runs with its own cookies, and navigates only itself."""
    party = register(composition, frontchannel_logout_uri=OUT)
    page = visitor.http.get("/logout?" + urlencode({"id_token_hint": _log_in(party, visitor, http)}))
    assert 'sandbox="allow-scripts allow-same-origin"' in page.get_data(as_text=True)
    assert 'referrerpolicy="no-referrer"' in page.get_data(as_text=True)


@pytest.mark.parametrize(
    "uri",
    [
        "https://other.example/out",
        "https://portal.example:8443/out",
        "http://portal.example/out",
        "https://portal.example/out#x",
        "https://user@portal.example/out",
        "javascript:alert(1)",
        "",
        7,
    ],
)
def test_its_address_stands_where_a_redirect_address_stands(uri: object) -> None:
    """§2: scheme, host and port of a registered redirection URI."""
    with pytest.raises(Rejected, match="frontchannel_logout_uri"):
        ClientRegistration.parse(METADATA | {"frontchannel_logout_uri": uri})


def test_a_flag_is_true_or_false() -> None:
    """A text would be taken for true."""
    with pytest.raises(Rejected, match="session_required"):
        ClientRegistration.parse(METADATA | {"frontchannel_logout_session_required": "false"})


def test_iss_and_sid_go_together_or_not_at_all() -> None:
    """§2: "if either is included, both MUST be"."""
    bare = frame_address("https://a.example/o", session_required=False, issuer="https://i", sid="s")
    assert bare == "https://a.example/o"
    full = frame_address("https://a.example/o", session_required=True, issuer="https://i", sid="s")
    assert full == "https://a.example/o?iss=https%3A%2F%2Fi&sid=s"


def test_discovery_says_so(http: FlaskClient) -> None:
    """§3."""
    document = http.get("/.well-known/openid-configuration").get_json()
    assert document["frontchannel_logout_supported"] is True
    assert document["frontchannel_logout_session_supported"] is True
