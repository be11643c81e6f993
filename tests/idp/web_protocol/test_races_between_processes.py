"""Two processes over one database: what is of single use is used once, whoever commits whose batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from composition import Composition
from idp.web import mount
from kernel.clock import ManualClock
from keys.sealing import derive_secret
from tests.idp.relying_party import RelyingParty, Visitor
from web.application import create_app

AT_ONCE = 12


@pytest.fixture
def clients(app: Flask, composition: Composition, clock: ManualClock) -> Iterator[list[FlaskClient]]:
    """The same service in two processes' clothes: each has its own engine and its own writer."""
    other = Composition(composition.settings, clock=clock)
    secret_key = derive_secret(other.sealing_secret, "flask-session")
    second = create_app(settings=other.settings, clock=clock, secret_key=secret_key)
    mount(second, other.idp)
    yield [each.test_client(use_cookies=False) for each in (app, second)]
    other.database.dispose()


def at_once(clients: list[FlaskClient], ask: Callable[[FlaskClient], TestResponse]) -> list[int]:
    """Ask from many threads, half of them at each process; return the statuses, sorted."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = pool.map(lambda number: ask(clients[number % 2]).status_code, range(AT_ONCE))
    return sorted(answers)


def test_a_code_presented_at_once_is_redeemed_once(
    clients: list[FlaskClient], party: RelyingParty, visitor: Visitor
) -> None:
    """RFC 6749 §4.1.2: never twice, and the other tries revoke what the first gave."""
    for _ in range(4):
        code = visitor.authorize(party)
        assert at_once(clients, lambda http, code=code: party.exchange(http, code)) == [200] + [400] * (AT_ONCE - 1)


def test_a_refresh_token_presented_at_once_works_once(
    clients: list[FlaskClient], party: RelyingParty, visitor: Visitor
) -> None:
    """RFC 9700 §4.14.2."""
    for _ in range(4):
        tokens = party.exchange(clients[0], visitor.authorize(party, scope="openid offline_access")).json
        assert tokens is not None
        token = tokens["refresh_token"]
        statuses = at_once(clients, lambda http, token=token: party.refresh(http, token))
        assert statuses == [200] + [400] * (AT_ONCE - 1)
