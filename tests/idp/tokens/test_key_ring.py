"""Token keys are opened when a process starts, and never again."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

import wsgi
from composition import Composition
from idp.protocol.algorithms import TOKEN_ALGORITHMS
from idp.tokens.key_ring import CACHE_LIFETIME
from kernel.clock import ManualClock
from keys.file_store import FileKeyStore
from keys.signer import Signer
from tests.idp.signing import make_signing_keys, rotate_all


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys that were read from their files."""
    names: list[str] = []
    read = FileKeyStore.open

    def note(self: FileKeyStore, name: str) -> Signer:
        names.append(name)
        return read(self, name)

    monkeypatch.setattr(FileKeyStore, "open", note)
    return names


def test_no_request_waits_for_a_key(
    composition: Composition, monkeypatch: pytest.MonkeyPatch, opened: list[str]
) -> None:
    """An encrypted RSA key takes a tenth of a second to open: all are open before the first citizen comes."""
    make_signing_keys(composition, monkeypatch)
    app = wsgi.create_app(composition)
    assert len([name for name in opened if name.startswith("token-")]) == 2 * len(TOKEN_ALGORITHMS)
    opened.clear()
    kids = {key["kid"] for key in app.test_client().get("/jwks").get_json()["keys"]}
    with composition.database.reading() as session:
        for algorithm in TOKEN_ALGORITHMS:
            assert composition.idp.token_keys.active_signer(session, algorithm).key_id in kids
    assert opened == []


def test_a_process_starts_before_there_are_keys(composition: Composition) -> None:
    """Readiness says what is missing; the keys are found when they are there."""
    app = wsgi.create_app(composition)
    assert app.test_client().get("/jwks").get_json() == {"keys": []}


def test_another_process_sees_a_rotation_seconds_later(
    composition: Composition, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, opened: list[str]
) -> None:
    """What is kept are opened keys; which of them count is asked of the database, and only new ones are opened."""
    make_signing_keys(composition, monkeypatch)
    other = Composition(composition.settings, clock=composition.clock)
    with other.database.reading() as session:
        other.idp.token_keys.open_all(session)
        before = {key["kid"] for key in json.loads(other.idp.token_keys.published(session).jwks_json)["keys"]}
    clock.advance(timedelta(hours=1))
    rotate_all(composition)
    opened.clear()
    clock.advance(CACHE_LIFETIME)
    with other.database.reading() as session:
        after = {key["kid"] for key in json.loads(other.idp.token_keys.published(session).jwks_json)["keys"]}
        signer = other.idp.token_keys.active_signer(session, "ES256")
    assert before < after
    assert signer.key_id in before  # it was published before it signs
    assert set(opened) == after - before
    other.database.dispose()
