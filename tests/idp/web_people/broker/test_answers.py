"""Answers of another provider that are worth nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from joserfc.jwk import ECKey, OctKey

from audit.vocabulary import EventType
from composition import Composition
from tests.idp.web_people.broker.upstream import (
    Events,
    Sessions,
    Way,
)
from tests.idp.web_people.conftest import Walker


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "https://otro.test"}, "wrong_iss"),
        ({"aud": "otra"}, "wrong_aud"),
        ({"aud": ["sau", "otra"]}, "wrong_azp"),
        ({"aud": ["sau", "otra"], "azp": "otra"}, "wrong_azp"),
        ({"nonce": "otro"}, "wrong_nonce"),
        ({"nonce": None}, "bad_nonce"),
        ({"exp": 1}, "expired"),
        ({"iat": 1}, "wrong_iat"),
        ({"exp": None}, "bad_exp"),
        ({"sub": None}, "bad_sub"),
        ({"at_hash": "otro"}, "wrong_at_hash"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_id_token_that_is_wrong(
    way: Way,
    session_of: Sessions,
    events: Events,
    claims: dict[str, Any],
    why: str,
) -> None:
    """OpenID Connect Core §3.1.3.7: one page, nobody logged in, the reason on record."""
    way.upstream.claims |= claims
    answer = way.go().back()
    assert answer.status_code == 403
    assert "no prueba quién es usted" in answer.text
    assert session_of(way.walker) is None
    refused = events(EventType.UPSTREAM_VERIFIED)[-1]
    assert refused.reason == "upstream_answer_wrong"
    assert f'"why":"{why}"' in bytes(refused.leaf).decode()


@pytest.mark.parametrize("kind", ["none", "HS256", "other_key"])
def test_a_signature_that_proves_nothing(way: Way, session_of: Sessions, kind: str) -> None:
    """No algorithm, one by a shared secret, another key of the same name."""
    if kind == "none":
        way.upstream.header = {"alg": "none"}
    elif kind == "HS256":
        way.upstream.header, way.upstream.signer = {"alg": "HS256", "kid": "one"}, OctKey.import_key(b"s" * 32)
    else:
        way.upstream.signer = ECKey.generate_key("P-256", {"kid": "one"})
    assert way.go().back().status_code == 403
    assert session_of(way.walker) is None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"state": "otro"}, "ya no existe"),
        ({"state": None}, "ya no existe"),
        ({"iss": "https://otro.test"}, "otra institución"),
        ({"iss": None}, "otra institución"),
        ({"error": "access_denied", "code": None}, "no lo dejó"),
        ({"code": None}, "no lo dejó"),
        ({"code": "otro"}, "no responde"),
    ],
    ids=["state", "no-state", "mix-up", "no-iss", "denied", "no-code", "code"],
)
def test_an_answer_that_is_wrong(way: Way, session_of: Sessions, changed: dict[str, str | None], words: str) -> None:
    """Each its own page (RFC 9207 §2.4 for the mix-up)."""
    answer = way.go().back(**changed)
    assert answer.status_code in (403, 404, 503), answer.text
    assert words in answer.text
    assert session_of(way.walker) is None


def test_an_answer_is_taken_once_and_in_its_own_browser(way: Way, app: Flask, session_of: Sessions) -> None:
    """A replay, and somebody else's browser: which uses it up (login CSRF)."""
    way.go().back()
    assert way.back().status_code == 404
    second, victim = Way(Walker(app), way.upstream), Walker(app)
    victim.open_login()
    second.go()
    assert "otro navegador" in second.back(victim).text
    assert session_of(victim) is None
    assert second.back().status_code == 404


def test_an_answer_that_comes_too_late(way: Way, composition: Composition) -> None:
    """Ten minutes."""
    way.go()
    composition.clock.advance(timedelta(minutes=11))  # type: ignore[attr-defined]
    assert way.back().status_code == 404


def test_where_it_goes_on_is_not_for_the_answer_to_say(way: Way) -> None:
    """No open redirect."""
    answer = way.go().back(next="https://mal.test", redirect_uri="https://mal.test")
    assert urlsplit(answer.location).netloc in ("", "localhost")


def test_the_provider_is_down(way: Way, events: Events) -> None:
    """A plain page, and the reason on record."""
    way.upstream.down = True
    assert way.go().back().status_code == 503
    assert events(EventType.UPSTREAM_VERIFIED)[-1].reason == "upstream_unavailable"
