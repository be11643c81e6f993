"""Every route of the composed application under odd octets: refused plainly, never a crash.

The visitor is the strongest there is, logged in with every role, so that no door hides what lies behind it.
"""

from __future__ import annotations

import itertools
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from admin.console_session import open_console_session
from admin.permissions import BOUND_ROLES, Role
from admin.roles import grant_role
from composition import Composition
from idp.accounts.person import Person, add_person
from idp.authentication.browser_session import start_browser_session
from tests.idp.signing import make_signing_keys
from wsgi import create_app

# Each as it stands in an address, already percent-encoded.
ODD = (
    "%00",
    "%ff%fe",
    "%ed%a0%80",  # a lone surrogate in UTF-8's clothes
    "%0d%0aSet-Cookie:%20a=b",
    "..%2f..%2fetc%2fpasswd",
    "99999999999999999999999999",
)


@pytest.fixture
def app(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The application that a web process serves, for all roles."""
    make_signing_keys(composition, monkeypatch)
    return create_app(composition)


@pytest.fixture
def person(composition: Composition) -> Person:
    """Someone with every role."""
    now = composition.clock.now()
    with composition.database.transaction() as session:
        person = add_person(
            session,
            journal=composition.journal,
            cedula="1710034065",
            given_names="Ana",
            surnames="Prueba",
            email="ana@correo.test",
            email_verified=True,
            now=now,
        )
        for role in Role:
            grant_role(
                session,
                journal=composition.journal,
                person_id=person.id,
                role=role,
                institution_ruc="1768152560001" if role in BOUND_ROLES else None,
                actor="command",
                now=now,
            )
    return person


@pytest.fixture
def insider(app: Flask, composition: Composition, person: Person) -> FlaskClient:
    """That person's browser."""
    now = composition.clock.now()
    with composition.database.transaction() as session:
        login, secret = start_browser_session(
            session, journal=composition.journal, person_id=person.id, amr=("pwd", "otp"), now=now
        )
        _, console = open_console_session(
            session,
            journal=composition.journal,
            sid=login.sid,
            person_id=person.id,
            authenticated_at=now,
            acr=login.acr,
            now=now,
        )
    browser = app.test_client()
    browser.set_cookie("sau_session", secret, domain="localhost")
    browser.set_cookie("sau_browser", "b" * 43, domain="localhost")
    browser.set_cookie("sau_console", console, domain="localhost")
    return browser


def test_no_odd_octet_in_an_address_is_a_crash(app: Flask, insider: FlaskClient) -> None:
    """Line 27: whatever stands where an identifier belongs, the answer is a refusal and splits no header."""
    crashes = []
    for rule, value in itertools.product(list(app.url_map.iter_rules()), ODD):
        if not rule.arguments or rule.endpoint.startswith("static"):
            continue
        for method in {"GET", "POST"} & set(rule.methods or ()):
            answer = insider.open(re.sub(r"<(?:[^:>]+:)?[^>]+>", value, rule.rule), method=method)
            if _is_broken(answer):
                crashes.append(f"{method} {rule.rule} {value[:30]}: {answer.status_code}")
    assert crashes == []


def test_no_odd_parameter_of_a_page_is_a_crash(app: Flask, insider: FlaskClient) -> None:
    """The same for whatever a page reads from its query, all at once."""
    crashes = []
    for rule, value in itertools.product(list(app.url_map.iter_rules()), ODD):
        if rule.arguments or "GET" not in (rule.methods or ()) or rule.rule == "/ready":
            continue
        answer = insider.get(f"{rule.rule}?" + "&".join(f"{name}={value[:60]}" for name in NAMES))
        if _is_broken(answer):
            crashes.append(f"{rule.rule} {value[:30]}: {answer.status_code}")
    assert crashes == []


@pytest.mark.parametrize("name", ["since", "until"])
def test_a_day_at_the_end_of_the_calendar_is_an_error_of_the_form(insider: FlaskClient, name: str) -> None:
    """The last day here is none in UTC any more."""
    for day in ("9999-12-31T23:59:59", "9999-12-31", "0001-01-01"):
        assert insider.get(f"/admin/audit?{name}={day}").status_code in (200, 422)
        assert insider.get(f"/admin/audit/export.csv?{name}={day}").status_code < 500


@pytest.mark.parametrize("mimetype", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_nul_in_a_form_is_refused_before_any_view(app: Flask, mimetype: str) -> None:
    """PostgreSQL takes none: a name with one would be a crash there and a name on SQLite."""
    answer = app.test_client().post("/token", data={"grant_type": "a\0b"}, content_type=mimetype)
    assert answer.status_code == 400


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_odd_json_is_a_crash(app: Flask) -> None:
    """Nested deeper than a parser goes, texts that no table takes: from anybody, before any token is looked at."""
    crashes = []
    bodies = ["[" * 100_000, *(f'{{"subject":{{"type":"user","id":{each}}}}}' for each in ('"a\\u0000b"', '"\\ud800"'))]
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/admin/") and not rule.rule.startswith("/admin/api/"):
            continue  # pages take forms
        for method in {"POST", "PUT", "PATCH"} & set(rule.methods or ()):
            path = re.sub(r"<(?:[^:>]+:)?[^>]+>", "x", rule.rule)
            for body in bodies:
                answer = app.test_client().open(path, method=method, data=body, content_type="application/json")
                if _is_broken(answer):
                    crashes.append(f"{method} {rule.rule} {body[:30]}: {answer.status_code}")
    assert crashes == []


def _is_broken(answer: TestResponse) -> bool:
    # 501 is what is never served (RFC 7030 §4.4: keys are not made for servers), and said on purpose.
    crashed = answer.status_code >= 500 and answer.status_code != 501
    return crashed or any("a=b" in value for value in answer.headers.getlist("Set-Cookie"))


NAMES = re.findall(
    r"\w+",
    "q page status profile institution mine type outcome client object request person after kept lang interaction "
    "method which next return code state iss error client_id redirect_uri id_token_hint max_age",
)
