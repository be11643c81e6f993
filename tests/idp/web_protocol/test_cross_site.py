"""Requests that another site's page POSTs: browsers leave SameSite=Lax cookies out of them."""

from __future__ import annotations

from flask import Flask

from composition import Composition
from tests.idp.relying_party import RelyingParty, Visitor, answer_of

CROSS = {"Sec-Fetch-Site": "cross-site"}


def test_another_sites_form_logs_nobody_out(app: Flask, party: RelyingParty, visitor: Visitor) -> None:
    """Rule 17: POSTed without cookies, the request must not answer with the end of a cookie that it did not bring."""
    anonymous = app.test_client(use_cookies=False)
    for headers in ({}, CROSS):
        answer = anonymous.post("/logout", data={"state": "s"}, headers=headers)
        assert "sau_session" not in str(answer.headers.getlist("Set-Cookie"))
    visitor.authorize(party)
    assert "code" in answer_of(visitor.http.get(party.authorization_url(prompt="none")))


def test_a_posted_logout_is_asked_again_where_the_cookies_come_along(app: Flask) -> None:
    """RP-Initiated Logout §2: POST works like GET; the answer is 303 to the same request."""
    answer = app.test_client().post("/logout", data={"id_token_hint": "x.y.z", "state": "a b"}, headers=CROSS)
    assert (answer.status_code, answer.location) == (303, "/logout?id_token_hint=x.y.z&state=a+b")


def test_a_posted_authorization_request_finds_the_session(
    app: Flask, composition: Composition, party: RelyingParty, visitor: Visitor
) -> None:
    """OIDC Core §3.1.2.1: POSTed by the application's page, single sign-on still holds and no login under way dies."""
    visitor.authorize(party)
    outside = app.test_client(use_cookies=False).post("/authorize", data=party.parameters(), headers=CROSS)
    assert outside.status_code == 303
    assert outside.location.startswith("/authorize?")
    assert not outside.headers.getlist("Set-Cookie"), "the binding of a login under way must not be replaced"
    assert "code" in answer_of(visitor.http.get(outside.location))
