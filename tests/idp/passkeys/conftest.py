"""People with passkeys, and browsers that use them without a browser's own help."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from idp.accounts.person import Person
from tests.idp.passkeys.software_authenticator import SoftwareAuthenticator
from tests.idp.web_people.conftest import Walker
from tests.idp.web_people.conftest import app as app
from tests.idp.web_people.conftest import code as code
from tests.idp.web_people.conftest import events as events
from tests.idp.web_people.conftest import mails as mails
from tests.idp.web_people.conftest import make_person as make_person
from tests.idp.web_people.conftest import walker as walker


def options_in(page: TestResponse) -> dict[str, Any]:
    """Return what a page's script would give to the browser."""
    found = re.search(r'data-passkey-options="([^"]*)"', page.text)
    assert found, page.text
    told: dict[str, Any] = json.loads(unescape(found[1]))
    return told


def ask(walker: Walker, path: str) -> dict[str, Any]:
    """Return what the script of the login page at ``path`` would fetch."""
    answer = walker.client.post(
        f"{path}/passkey/options", environ_base=walker._origin(), headers={"X-CSRFToken": walker.token}
    )
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json
    return told


def add_passkey(walker: Walker, authenticator: SoftwareAuthenticator, name: str = "") -> TestResponse:
    """Have the person who is logged in with ``walker`` add a passkey."""
    options = options_in(walker.get("/account/passkeys/new"))
    return walker.post("/account/passkeys/new", {"code": authenticator.register(options), "name": name})


@pytest.fixture
def holder(
    app: Flask, make_person: Callable[..., Person]
) -> Callable[..., tuple[Person, Walker, SoftwareAuthenticator]]:
    """Make a person with a passkey, and the browser that made it."""

    def make(**given: Any) -> tuple[Person, Walker, SoftwareAuthenticator]:
        person, browser = make_person(*given.pop("cedula", ())), Walker(app)
        authenticator = SoftwareAuthenticator(**given)
        browser.log_in(person.cedula)
        assert add_passkey(browser, authenticator, "Mi celular").status_code == 303
        return person, browser, authenticator

    return make
