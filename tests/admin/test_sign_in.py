"""The console logs in through the provider itself, as a relying application of it."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

import idp.web
from admin.permissions import Role
from admin.redemption import verify_login
from admin.roles import grant_role
from idp.authentication.browser_session import start_browser_session
from idp.clients.console import ensure_console_client
from idp.protocol.jose import JwtError
from idp.tokens.jws import sign_jwt
from idp.tokens.key_rotation import ensure_signing_keys
from idp.tokens.session_name import sid_for
from kernel.clock import to_timestamp
from kernel.errors import Denied


@pytest.fixture
def app(app: Flask, composition, clock) -> Flask:
    """The console and the provider in one application, as installed."""
    with composition.database.transaction() as session:
        ensure_signing_keys(session, composition.idp, now=clock.now())
        ensure_console_client(session, composition.idp, "http://localhost:8000/admin/callback", now=clock.now())
    idp.web.mount(app, composition.idp)
    return app


@pytest.fixture
def log_in(app, composition, clock, make_person):
    """Give a browser in which somebody with ``roles`` has logged in at the provider."""

    def make(*roles: Role, amr: tuple[str, ...] = ("pwd", "otp")) -> tuple[FlaskClient, str]:
        person = make_person()
        browser = app.test_client()
        with composition.database.transaction() as session:
            for role in roles:
                grant_role(
                    session,
                    journal=composition.journal,
                    person_id=person.id,
                    role=role,
                    actor="command",
                    now=clock.now(),
                )
            _, secret = start_browser_session(
                session, journal=composition.journal, person_id=person.id, amr=amr, now=clock.now()
            )
        browser.set_cookie("sau_session", secret, domain="localhost")
        return browser, person.id

    return make


def test_a_login_at_the_provider_opens_the_console_without_another_screen(log_in, events) -> None:
    """/admin → /authorize → /admin/callback → the page that was asked for."""
    browser, person_id = log_in(Role.AUDITOR)
    shown = browser.get("/admin/audit?type=ca:*", follow_redirects=True)
    assert shown.status_code == 200, shown.get_data(as_text=True)
    assert shown.request.full_path == "/admin/audit?type=ca:*"
    assert "Auditoría" in shown.get_data(as_text=True)
    kinds = [event.type for event in events() if event.subject == person_id]
    assert kinds.index("idp:authorization:granted") < kinds.index("idp:token:issued")
    assert kinds.index("idp:token:issued") < kinds.index("admin:console:opened")


def test_a_person_without_a_role_is_told_so_and_it_is_on_record(log_in, events) -> None:
    """A clear page, and the event."""
    browser, person_id = log_in()
    shown = browser.get("/admin", follow_redirects=True)
    assert shown.status_code == 403
    assert "no tiene un rol en la consola" in shown.get_data(as_text=True)
    (event,) = [event for event in events() if event.type == "admin:console:access_refused"]
    assert (event.subject, event.reason) == (person_id, "no_console_role")
    assert browser.get_cookie("sau_console", domain="localhost") is None


def test_a_login_without_second_factor_is_asked_for_it(log_in) -> None:
    """acr_values=urn:sau:acr:2fa."""
    browser, _ = log_in(Role.AUDITOR, amr=("pwd",))
    sent = browser.get(browser.get("/admin").location)
    assert urlsplit(sent.location).path.startswith("/login/")


def test_a_login_older_than_a_quarter_of_an_hour_is_asked_again_to_sign(log_in, clock) -> None:
    """max_age=900 (OpenID Connect Core §3.1.2.1)."""
    browser, _ = log_in(Role.ADMINISTRATOR)
    assert browser.get("/admin", follow_redirects=True).status_code == 200
    clock.advance(timedelta(minutes=16))
    from tests.admin.conftest import Operator

    sent = Operator(person=None, browser=browser, sid="").post(
        "/admin/people/x", {"role": "auditor"}, page="/admin/institutions/new"
    )
    assert sent.status_code == 303
    again = browser.get(sent.location)
    assert urlsplit(again.location).path.startswith("/login/")


def test_the_way_back_works_once_and_only_in_its_browser(app, log_in) -> None:
    """state, and no second use: a reload of the callback is harmless."""
    browser, _ = log_in(Role.AUDITOR)
    callback = browser.get(browser.get("/admin").location).location
    assert app.test_client().get(callback).status_code == 400
    assert browser.get(callback).status_code == 303
    again = browser.get(callback, follow_redirects=True)
    assert again.status_code == 200
    assert again.request.path == "/admin"


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"state": "x"}, 400),
        ({"iss": "https://evil.example"}, 400),
        ({"iss": ""}, 400),
        ({"code": "x"}, 400),
        ({"code": ""}, 400),
    ],
)
def test_an_answer_that_was_changed_opens_nothing(log_in, changed, status: int) -> None:
    """RFC 9207 and RFC 6749 §10.12."""
    browser, _ = log_in(Role.AUDITOR)
    callback = urlsplit(browser.get(browser.get("/admin").location).location)
    query = {name: values[0] for name, values in parse_qs(callback.query).items()} | changed
    assert browser.get(callback.path, query_string=query).status_code == status
    assert browser.get_cookie("sau_console", domain="localhost") is None


def test_a_refusal_at_the_provider_leaves_the_console_closed(log_in) -> None:
    """error=access_denied."""
    browser, _ = log_in(Role.AUDITOR)
    state = parse_qs(urlsplit(browser.get("/admin").location).query)["state"][0]
    query = {"error": "access_denied", "state": state, "iss": "http://localhost:8000"}
    shown = browser.get("/admin/callback", query_string=query)
    assert shown.status_code == 403
    assert "No terminó de ingresar" in shown.get_data(as_text=True)


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://evil.example"},
        {"aud": "portal"},
        {"aud": ["sau-console", "portal"]},
        {"nonce": "other"},
        {"nonce": None},
        {"exp": 1},
        {"sub": None},
        {"sid": None},
        {"sid": "of another application"},
        {"acr": "urn:sau:acr:1fa"},
        {"acr": "made-up"},
        {"auth_time": None},
    ],
    ids=str,
)
def test_an_id_token_that_is_not_of_this_login_is_refused(app, composition, clock, changed) -> None:
    """OpenID Connect Core §3.1.3.7."""
    now = clock.now()
    claims = {
        "iss": "http://localhost:8000",
        "aud": "sau-console",
        "nonce": "n",
        "exp": to_timestamp(now) + 60,
        "sub": "ana",
        "sid": sid_for(composition.idp, "sau-console", "s"),
        "acr": "urn:sau:acr:2fa",
        "auth_time": to_timestamp(now),
    }

    def verify(document: dict) -> None:
        with composition.database.reading() as session:
            signer = composition.idp.token_keys.active_signer(session, "ES256")
            token = sign_jwt(document, signer=signer, typ="JWT")
            verify_login(session, services=composition.admin, id_token=token, expected_nonce="n", now=now)

    verify(claims)
    with pytest.raises((JwtError, Denied)):
        verify({name: value for name, value in (claims | changed).items() if value is not None})


def test_leaving_goes_through_the_providers_logout(log_in) -> None:
    """And once that session has ended, the console is closed."""
    browser, _ = log_in(Role.AUDITOR)
    browser.get("/admin", follow_redirects=True)
    sent = browser.get("/admin/leave")
    assert urlsplit(sent.location).path == "/logout"
    confirm = browser.get(sent.location)
    assert "logout-yes" in confirm.get_data(as_text=True)
