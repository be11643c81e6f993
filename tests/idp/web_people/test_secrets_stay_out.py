"""Whole journeys at the most talkative log level: no password, code, token or key is in clear anywhere after."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import structlog
from flask import Flask
from sqlalchemy import select

from composition import Composition
from idp.authentication.totp import current_code
from kernel.clock import ManualClock
from kernel.database import Base
from tests.idp.relying_party import answer_of, register
from tests.idp.signing import make_signing_keys
from tests.idp.web_people.conftest import PASSWORD, Walker, mail_code
from tests.idp.web_people.test_sign_up import FORM
from web.logging import configure_logging

NEW = "nube-cacao-sombrero-88"
WRONG = "clave-equivocada-del-todo-99"


@pytest.fixture
def talkative(capfd: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    """Logs as ``sau serve`` writes them with SAU_LOG_LEVEL=debug."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    configure_logging(level="debug", form="json")
    yield capfd
    root.handlers, root.level = before[0], before[1]
    structlog.reset_defaults()


def test_no_secret_of_a_journey_is_in_clear_in_database_or_log(
    talkative: pytest.CaptureFixture[str],
    app: Flask,
    walker: Walker,
    composition: Composition,
    clock: ManualClock,
    mails: Callable[[], list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Keys 18: sign-up, second factor, application, tokens, failures, reset; then every row and line is read."""
    make_signing_keys(composition, monkeypatch)
    party = register(composition)
    secrets: dict[str, str] = {"password": PASSWORD, "new password": NEW, "typed in error": WRONG}

    walker.get("/signup")
    step = walker.post("/signup", FORM).location
    walker.get(step)
    secrets["mail code"] = mail_code(mails()[0].body)
    walker.post(step, {"step": "code", "code": secrets["mail code"]})
    walker.follow(walker.post(step, {"step": "password", "password": PASSWORD}))
    page = walker.get("/account/second-factor")
    found = re.search(r'id="totp-key">([A-Z2-7 ]+)<', page.text)
    assert found
    secrets["totp key"] = found[1].replace(" ", "")
    first = current_code(secrets["totp key"], now=clock.now())
    page = walker.follow(walker.post("/account/second-factor", {"code": first}))
    for number, code in enumerate(re.findall(r"[0-9A-Z]{5}-[0-9A-Z]{5}", page.text)):
        secrets[f"recovery code {number}"] = code
        secrets[f"recovery letters {number}"] = code.replace("-", "")

    location = walker.get(party.authorization_url(scope="openid profile offline_access", prompt="consent")).location
    page = walker.get(location)
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    secrets["authorization code"] = answer_of(walker.post(location, fields | {"decision": "allow"}))["code"]
    http = app.test_client(use_cookies=False)
    tokens = party.exchange(http, secrets["authorization code"]).get_json()
    again = party.refresh(http, tokens["refresh_token"]).get_json()
    party.refresh(http, tokens["refresh_token"])
    party.exchange(http, secrets["authorization code"])
    http.get("/userinfo", headers={"Authorization": f"Bearer {again['access_token']}"})
    http.post("/introspect", data={"token": again["access_token"]}, headers=party.basic())
    http.post("/revoke", data={"token": again["refresh_token"]}, headers=party.basic())
    for name in ("access_token", "id_token", "refresh_token"):
        secrets[name], secrets[f"{name} again"] = tokens[name], again[name]
    secrets |= {"client secret": party.secret, "verifier": party.verifier}
    secrets["basic"] = party.basic()["Authorization"].removeprefix("Basic ")
    for cookie in ("sau_session", "sau_browser", "sau_device"):
        secrets[cookie] = walker.cookie(cookie) or ""

    stranger = Walker(app)
    stranger.log_in(password=WRONG)
    clock.advance(timedelta(minutes=3))
    stranger.get("/recovery")
    step = stranger.post("/recovery", {"username": FORM["cedula"]}).location
    stranger.get(step)
    secrets["reset code"] = mail_code(mails()[0].body)
    stranger.post(step, {"step": "mail_code", "code": secrets["reset code"]})
    stranger.post(step, {"step": "second_factor", "code": current_code(secrets["totp key"], now=clock.now())})
    assert "Su contraseña cambió" in stranger.post(step, {"step": "password", "password": NEW}).text

    assert all(len(secret) >= 8 for secret in secrets.values()), secrets
    kept = _everything_in(composition)
    written = talkative.readouterr()
    assert "idp_protocol.token" in written.err, "the log was captured"
    leaks = [
        f"{name} in the {place}"
        for place, text in (("database", kept), ("log", written.err + written.out))
        for name, secret in secrets.items()
        if _stands_in(secret, text)
    ]
    assert leaks == []


def _stands_in(secret: str, text: str) -> bool:
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    return secret in text or encoded in text or secret.encode().hex() in text


def _everything_in(composition: Composition) -> str:
    """Return each value of each row as text, octets as they are and in hex."""
    parts = []
    with composition.database.reading() as session:
        for table in Base.metadata.sorted_tables:
            for row in session.execute(select(table)):
                for value in row:
                    parts.append(value.decode("latin-1") + value.hex() if isinstance(value, bytes) else str(value))
    return "\n".join(parts)
