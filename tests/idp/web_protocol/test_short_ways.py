"""The short ways before Flask and the views behind it answer alike."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import cast
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog
from flask import Flask, Request
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from audit.model import AuditEvent
from composition import Composition
from idp.authentication.model import InteractionRow
from kernel.identifiers import b64url
from tests.idp.dpop import Holder
from tests.idp.relying_party import RelyingParty, Visitor, change, register
from web.application import SauFlask
from web.short_way import ShortRequest, ShortWay

Ask = Callable[[], TestResponse]


@pytest.fixture
def taken(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The endpoints that were answered on the short way."""
    ways, taken = cast(SauFlask, app).short_ways, []

    def watched(way: ShortWay, environ: dict[str, object]) -> object:
        response = answer(way, environ)
        if response is not None:
            taken.append(way.endpoint)
        return response

    answer = ways.answer
    monkeypatch.setattr(ways, "answer", watched)
    return taken


def both_ways(app: Flask, ask: Ask, taken: list[str], *, short: bool = True) -> TestResponse:
    """Ask on the short way and on the long one: answer, log, counts and events are alike. Return the short answer."""
    ways = cast(SauFlask, app).short_ways
    with _traces(app) as quick_traces:
        quick = ask()
    assert bool(taken) == short
    del taken[:]
    ways.open = False
    with _traces(app) as slow_traces:
        slow = ask()
    ways.open = True
    assert not taken
    assert quick.status_code == slow.status_code
    assert _shape(quick) == _shape(slow)
    assert quick_traces == slow_traces
    return quick


@contextmanager
def _traces(app: Flask) -> Iterator[dict[str, object]]:
    """What one request leaves behind, request ids and times apart: counts, its line in the log, events."""
    traces: dict[str, object] = {}
    before, seen = _counts(app), _events(app)
    logger = logging.getLogger("web.requests")
    logger.setLevel(logging.INFO)
    try:
        with structlog.testing.capture_logs() as lines:
            yield traces
    finally:
        logger.setLevel(logging.NOTSET)
    after = _counts(app)
    traces["counts"] = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    unlike = ("ms", "reference")
    traces["lines"] = [{name: value for name, value in line.items() if name not in unlike} for line in lines]
    traces["events"] = sorted(repr(kind) for name, kind in _events(app).items() if name not in seen)


def _counts(app: Flask) -> dict[tuple[str, ...], float]:
    found = {}
    for family in app.extensions["metrics"].registry.collect():
        for sample in family.samples:
            if sample.name.endswith("_total") or sample.name.endswith("_count"):
                found[sample.name, *sorted(sample.labels.values())] = sample.value
    return found


def _events(app: Flask) -> dict[str, tuple[str | None, ...]]:
    with app.extensions["idp"].database.reading() as session:
        rows = session.scalars(select(AuditEvent))
        return {row.id: (row.type, row.outcome, row.reason, row.client_id, row.actor, row.subject) for row in rows}


def _shape(response: TestResponse) -> object:
    fresh = ("X-Request-Id", "Content-Length", "Location", "DPoP-Nonce")
    headers = sorted((name, value) for name, value in response.headers if name not in fresh)
    assert len(response.headers["X-Request-Id"]) == 26
    assert response.headers["Content-Length"] == str(len(response.data))
    parts = urlsplit(response.headers.get("Location", ""))
    names = sorted(response.json) if response.is_json and response.json else response.mimetype
    path = parts.path.split("/")[:3]  # what follows names an interaction
    return sorted(name for name, _ in response.headers), headers, parts[:2], path, sorted(parse_qs(parts.query)), names


@pytest.mark.parametrize(
    "path", ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/jwks"]
)
def test_documents(app: Flask, http: FlaskClient, taken: list[str], path: str) -> None:
    """Public documents."""
    assert both_ways(app, lambda: http.get(path), taken).status_code == 200


def test_code_flow(app: Flask, http: FlaskClient, party: RelyingParty, visitor: Visitor, taken: list[str]) -> None:
    """Silent authorization, redemption, UserInfo, introspection."""
    visitor.authorize(party)  # consents
    del taken[:]
    both_ways(app, lambda: visitor.http.get(party.authorization_url()), taken)
    codes = iter([visitor.authorize(party) for _ in range(2)])
    del taken[:]
    tokens = both_ways(app, lambda: party.exchange(http, next(codes)), taken).json
    assert tokens is not None
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert both_ways(app, lambda: http.get("/userinfo", headers=bearer), taken).status_code == 200
    asked = {"token": tokens["access_token"]}
    answer = both_ways(app, lambda: http.post("/introspect", data=asked, headers=party.basic()), taken)
    assert answer.json is not None and answer.json["active"]


def test_refusals(app: Flask, http: FlaskClient, party: RelyingParty, taken: list[str]) -> None:
    """What is wrong is answered alike, too."""
    for ask in (
        lambda: http.post("/token", data={"grant_type": "authorization_code"}, headers=party.basic("wrong")),
        lambda: http.post("/token", data={"grant_type": "authorization_code", "code": "x"}, headers=party.basic()),
        lambda: http.post("/token", data={"grant_type": "unknown"}, headers=party.basic()),
        lambda: http.post("/token?code=x", data={"grant_type": "authorization_code"}, headers=party.basic()),
        lambda: http.post("/token", data={"code": ["a", "b"]}, headers=party.basic()),
        lambda: http.post("/token", data={f"n{number}": "x" for number in range(80)}, headers=party.basic()),
        lambda: http.get("/userinfo"),
        lambda: http.get("/userinfo", headers={"Authorization": "Bearer none"}),
        lambda: http.get("/userinfo", headers={"Authorization": "DPoP none", "DPoP": "none"}),
        lambda: http.get("/userinfo?access_token=x"),
    ):
        assert both_ways(app, ask, taken).status_code in (400, 401)


def test_refresh_tokens(app: Flask, http: FlaskClient, party: RelyingParty, visitor: Visitor, taken: list[str]) -> None:
    """Redeemed once each; one that is used again, and one that is nobody's."""
    tokens = iter(
        [
            party.exchange(http, visitor.authorize(party, scope="openid offline_access")).get_json()["refresh_token"]
            for _ in range(2)
        ]
    )
    del taken[:]
    assert both_ways(app, lambda: party.refresh(http, next(tokens)), taken).status_code == 200
    assert both_ways(app, lambda: party.refresh(http, "x" * 43), taken).status_code == 400


def test_services(app: Flask, composition: Composition, http: FlaskClient, taken: list[str]) -> None:
    """Their own tokens, JWT and opaque, and more than they may have."""
    service = register(
        composition,
        redirect_uris=[],
        post_logout_redirect_uris=[],
        grant_types=["client_credentials"],
        scope="read",
        optional_scope="",
        resources=["https://api.example/"],
    )
    form = {"grant_type": "client_credentials", "scope": "read"}
    assert both_ways(app, lambda: http.post("/token", data=form, headers=service.basic()), taken).status_code == 200
    change(composition, service, access_token_format="opaque")
    assert both_ways(app, lambda: http.post("/token", data=form, headers=service.basic()), taken).status_code == 200
    wrong = form | {"scope": "write"}
    assert both_ways(app, lambda: http.post("/token", data=wrong, headers=service.basic()), taken).status_code == 400


def test_tokens_bound_to_a_key(
    app: Flask, composition: Composition, http: FlaskClient, party: RelyingParty, visitor: Visitor, taken: list[str]
) -> None:
    """With a nonce for the next proof, in answers and in errors."""
    holder = Holder(composition)
    codes = iter([visitor.authorize(party) for _ in range(2)])
    del taken[:]
    answer = both_ways(app, lambda: party.exchange(http, next(codes), party.basic() | holder.headers()), taken)
    assert answer.headers["DPoP-Nonce"]
    token = answer.get_json()["access_token"]
    seen = both_ways(app, lambda: http.get("/userinfo", headers=holder.showing(token)), taken)
    assert seen.status_code == 200
    assert seen.headers["DPoP-Nonce"]
    refused = both_ways(app, lambda: http.get("/userinfo", headers={"Authorization": f"Bearer {token}"}), taken)
    assert refused.status_code == 401
    wrong = party.basic() | {"DPoP": "none"}
    assert both_ways(app, lambda: party.exchange(http, "x", wrong), taken).headers["DPoP-Nonce"]


def test_signed_answers_and_posted_tokens(
    app: Flask, composition: Composition, http: FlaskClient, party: RelyingParty, visitor: Visitor, taken: list[str]
) -> None:
    """UserInfo and introspection as JWTs; the token in a form; tokens that are worth nothing."""
    token = party.exchange(http, visitor.authorize(party)).get_json()["access_token"]
    del taken[:]
    posted = both_ways(app, lambda: http.post("/userinfo", data={"access_token": token}), taken)
    assert posted.status_code == 200
    accept = party.basic() | {"Accept": "application/token-introspection+jwt"}
    jwt = both_ways(app, lambda: http.post("/introspect", data={"token": token}, headers=accept), taken)
    assert jwt.mimetype == "application/token-introspection+jwt"
    for ask in (
        lambda: http.post("/introspect", data={"token": "x"}, headers=party.basic()),
        lambda: http.post("/introspect", data={"token": ""}, headers=party.basic()),
        lambda: http.post("/introspect", data={"token": token}, headers=party.basic("wrong")),
        lambda: http.post("/introspect", data={"token": token}),
        lambda: http.post("/userinfo", data={"access_token": "x"}),
        lambda: http.post("/userinfo", data={"access_token": token}, headers={"Authorization": f"Bearer {token}"}),
    ):
        assert both_ways(app, ask, taken).status_code in (200, 400, 401)
    change(composition, party, userinfo_signed_response_alg="ES256")
    bearer = {"Authorization": f"Bearer {token}"}
    assert both_ways(app, lambda: http.get("/userinfo", headers=bearer), taken).mimetype == "application/jwt"


def test_who_is_not_logged_in_or_asked_for_no_page(
    app: Flask, party: RelyingParty, visitor: Visitor, taken: list[str]
) -> None:
    """``prompt=none``, answers in a fragment, a login that is too old, a request that goes nowhere."""
    visitor.authorize(party)
    del taken[:]
    wishes: list[dict[str, str | None]] = [
        {"prompt": "none"},
        {"response_mode": "fragment"},
        {"response_mode": "jwt"},
        {"prompt": "none", "max_age": "0"},
        {"prompt": "login"},
    ]
    for wish in wishes:
        both_ways(app, partial(visitor.http.get, party.authorization_url(**wish)), taken)
        del taken[:]


@pytest.mark.parametrize(
    "change",
    [{"client_id": "nobody"}, {"redirect_uri": "https://evil.example/"}, {"response_mode": "form_post"}],
    ids=str,
)
def test_pages_come_the_long_way(
    app: Flask, party: RelyingParty, visitor: Visitor, taken: list[str], change: dict[str, str]
) -> None:
    """An error's page and a form are Flask's; what was decided is not decided twice."""
    if "response_mode" in change:
        visitor.authorize(party)
        del taken[:]
    both_ways(app, lambda: visitor.http.get(party.authorization_url(**change)), taken, short=False)


def test_an_error_of_the_authorization_travels_alike(
    app: Flask, party: RelyingParty, visitor: Visitor, taken: list[str]
) -> None:
    """To the application, with its code."""
    answer = both_ways(app, lambda: visitor.http.get(party.authorization_url(scope="profile")), taken)
    assert "error=invalid_scope" in answer.headers["Location"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://portal.example"},
        {"Host": "elsewhere.example"},
        {"Client-Cert": ":AAAA:"},
        {"Content-Type": "text/plain"},
        {"X-Forwarded-For": "nonsense"},
    ],
    ids=str,
)
def test_what_is_not_plain_comes_the_long_way(
    app: Flask, http: FlaskClient, party: RelyingParty, taken: list[str], headers: dict[str, str]
) -> None:
    """Scripts of other sites, other hosts, certificates, other bodies."""
    form = "grant_type=authorization_code"
    plain = {"Content-Type": "application/x-www-form-urlencoded"}
    both_ways(
        app,
        lambda: http.post("/token", data=form, headers=plain | party.basic() | headers),
        taken,
        short="X-Forwarded-For" in headers,
    )


@pytest.mark.parametrize("octet", [b"%00", b"\0", b"\xff"])
def test_a_form_that_is_not_plain_text_comes_the_long_way(
    app: Flask, http: FlaskClient, party: RelyingParty, taken: list[str], octet: bytes
) -> None:
    """And is read there from its beginning."""
    both_ways(
        app,
        lambda: http.post(
            "/token",
            data=b"grant_type=authorization_code&code=" + octet,
            headers=party.basic(),
            content_type="application/x-www-form-urlencoded",
        ),
        taken,
        short=False,
    )


def test_limits_hold_on_the_short_way(
    app: Flask, http: FlaskClient, party: RelyingParty, visitor: Visitor, taken: list[str]
) -> None:
    """Too many failed authentications are refused, and too many authorizations."""
    wrong, form = party.basic("wrong"), {"grant_type": "authorization_code"}
    statuses = [http.post("/token", data=form, headers=wrong).status_code for _ in range(31)]
    assert statuses == [401] * 30 + [429]
    assert http.post("/token", data=form, headers=wrong).headers["Retry-After"]


def test_a_view_that_gives_up_leaves_nothing_behind(
    app: Flask, party: RelyingParty, visitor: Visitor, taken: list[str]
) -> None:
    """A person who has not consented yet begins one interaction, not two."""
    other = register(party.composition)
    answer = visitor.http.get(other.authorization_url())
    assert answer.status_code == 303 and answer.headers["Location"].startswith("/authorize/resume/")
    assert not taken
    with party.composition.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(InteractionRow)) == 1


@pytest.mark.parametrize(
    "query",
    [
        "",
        "&",
        "=",
        "a",
        "a=1&a=2&b=&c=%C3%B1+x&d=%FF",
        "%61=b&c+d=e%2Bf",
        "a=b=c&&=x&",
        "a=%&b=%1&c=%zz&d=%C3",
        "a;b=c;d",
        "a=%00&b=%0A",
    ],
)
def test_a_request_is_read_as_flask_reads_it(query: str) -> None:
    """Repetitions, empty names and values, octets that are no UTF-8, escapes that are none."""
    flask = Request({"QUERY_STRING": query, "REQUEST_METHOD": "GET", "wsgi.url_scheme": "http", "SERVER_NAME": "x"})
    short = ShortRequest({"QUERY_STRING": query}, "GET", "/authorize", query.encode())
    assert sorted(short.query) == sorted(flask.args.items(multi=True))
    assert short.form == short.query


@pytest.mark.parametrize("cookie", ["a=\x80", "\xff", "a=b; sau_session=x\x80; c=\xc3\xb1", 'a="\\200"', "=; ;=b", ""])
def test_cookies_are_read_as_flask_reads_them(cookie: str) -> None:
    """Octets that are no UTF-8 are no crash: on both ways they are a cookie that nobody gave."""
    flask = Request({"HTTP_COOKIE": cookie, "REQUEST_METHOD": "GET", "wsgi.url_scheme": "http", "SERVER_NAME": "x"})
    short = ShortRequest({"HTTP_COOKIE": cookie}, "GET", "/authorize", b"")
    assert dict(short.cookies) == dict(flask.cookies)


@pytest.mark.parametrize("name", ["client_id", "jti", "family"])
@pytest.mark.parametrize("value", ["\0", "\ud800", 7, None, ["x"], "x" * 5000])
def test_nothing_that_a_token_says_of_itself_breaks_the_reading_ahead(
    http: FlaskClient, party: RelyingParty, name: str, value: object
) -> None:
    """It is a hint from a stranger: the answer is that of any token that is not ours."""
    claims = {"client_id": party.client_id, "jti": "j", "family": "f"} | {name: value}
    token = f"e30.{b64url(json.dumps(claims).encode())}.c2ln"
    assert http.get("/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    answer = http.post("/introspect", data={"token": token}, headers=party.basic())
    assert (answer.status_code, answer.json) == (200, {"active": False})


@pytest.mark.parametrize("client_id", ["%00", "%ED%A0%80", "x" * 100, "", "%C3%B1"])
def test_a_client_id_that_cannot_be_is_unknown(
    http: FlaskClient, visitor: Visitor, party: RelyingParty, client_id: str
) -> None:
    """At the authorization endpoint, and among credentials."""
    page = visitor.http.get(f"/authorize?client_id={client_id}")
    assert page.status_code == 400
    form = f"grant_type=client_credentials&client_id={client_id}&client_secret=x"
    answer = http.post("/token", data=form, content_type="application/x-www-form-urlencoded")
    assert answer.status_code in (400, 401)
