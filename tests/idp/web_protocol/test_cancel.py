"""Going back to the application without logging in."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from flask import Flask

from kernel.clock import ManualClock
from tests.idp.relying_party import RelyingParty


def test_going_back_without_logging_in_tells_the_application(
    app: Flask, party: RelyingParty, clock: ManualClock
) -> None:
    """RFC 6749 §4.1.2.1: access_denied, with state and issuer (RFC 9207). A second press says it again."""
    browser = app.test_client()
    login = browser.get(party.authorization_url()).location
    page = browser.get(login)
    assert "Volver a Portal sin ingresar" in page.text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token
    back = browser.post(f"{urlsplit(login).path}/cancel", data={"csrf_token": token[1]})
    answer = browser.get(back.location)
    assert answer.status_code == 303
    values = parse_qs(urlsplit(answer.location).query)
    assert answer.location.startswith("https://portal.example/cb")
    assert (values["error"], values["state"]) == (["access_denied"], ["a state & more"])
    assert values["iss"] == ["http://localhost:8000"]
    assert browser.get(back.location).location == answer.location
    clock.advance(timedelta(seconds=61))
    assert browser.get(back.location).status_code == 409
