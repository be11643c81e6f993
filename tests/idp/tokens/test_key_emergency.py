"""A key is lost or stolen: it leaves the set at once and what it signed is worth nothing."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from composition import Composition
from idp.commands import commands
from idp.protocol.algorithms import TOKEN_ALGORITHMS
from idp.protocol.jose import JwtError, verify_jwt
from idp.tokens.encryption_keys import list_encryption_keys
from idp.tokens.jws import sign_jwt
from idp.tokens.key_emergency import revoke_signing_keys
from idp.tokens.key_ring import CACHE_LIFETIME, KeyRing
from idp.tokens.key_rotation import list_signing_keys
from kernel.clock import ManualClock
from kernel.errors import Rejected
from tests.idp.relying_party import events
from tests.idp.signing import make_signing_keys, rotate_all


@pytest.fixture(autouse=True)
def _keys(composition: Composition, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    make_signing_keys(composition, monkeypatch)
    clock.advance(timedelta(hours=1))
    rotate_all(composition)


def _kids(composition: Composition, state: str, algorithm: str | None = None) -> set[str]:
    with composition.database.reading() as session:
        keys = list_signing_keys(session)
    return {key.kid for key in keys if key.state == state and algorithm in (None, key.algorithm)}


def _published(composition: Composition) -> set[str]:
    with composition.database.reading() as session:
        return {key["kid"] for key in json.loads(composition.idp.token_keys.published(session).jwks_json)["keys"]}


def _sign(composition: Composition, algorithm: str) -> str:
    with composition.database.reading() as session:
        signer = composition.idp.token_keys.active_signer(session, algorithm)
        return sign_jwt({"sub": "a"}, signer=signer, typ="JWT")


def _require_ours(composition: Composition, ring: KeyRing, token: str) -> None:
    with composition.database.reading() as session:
        verify_jwt(token, keys=ring.published(session).key_set, algorithms=TOKEN_ALGORITHMS)


def _run(composition: Composition, *arguments: str) -> None:
    (group,) = [item for item in commands(lambda: composition.idp) if item.name == "keys"]
    result = CliRunner().invoke(group, ["rotate", "--json", *arguments])
    if result.exception is not None:
        raise result.exception


@pytest.mark.parametrize("algorithm", TOKEN_ALGORITHMS)
def test_a_revoked_key_is_not_published_and_what_it_signed_is_refused(composition: Composition, algorithm: str) -> None:
    """Unlike the planned rotation, after which both go on."""
    ring = composition.idp.token_keys
    token, other = _sign(composition, algorithm), _sign(composition, "RS256" if algorithm != "RS256" else "ES256")
    ended = _kids(composition, "active", algorithm) | _kids(composition, "retired", algorithm)
    _require_ours(composition, ring, token)
    _run(composition, "--emergency", "--algorithm", algorithm)
    assert ended == _kids(composition, "revoked")
    assert ended.isdisjoint(_published(composition))
    assert ended.isdisjoint(composition.keystore.names())
    with pytest.raises(JwtError):
        _require_ours(composition, ring, token)
    _require_ours(composition, ring, other)
    _require_ours(composition, ring, _sign(composition, algorithm))
    revoked = events(composition, "keys:signing_key:revoked")
    assert len(revoked) == len(ended) == 2


def test_the_next_key_that_takes_over_was_known_before(composition: Composition) -> None:
    """So applications that cache the set verify new tokens without fetching it again."""
    known = _kids(composition, "next")
    _run(composition, "--emergency")
    assert _kids(composition, "active") == known
    assert _kids(composition, "next").isdisjoint(known)


def test_after_the_whole_store_was_read_no_key_of_it_is_used_again(composition: Composition) -> None:
    """Whoever has the folder and its passphrase has the next keys too, and could read what is encrypted to us."""
    before = _published(composition)
    with composition.database.reading() as session:
        others = {key.kid for key in list_encryption_keys(session)}
    _run(composition, "--emergency", "--whole-store")
    assert before.isdisjoint(_published(composition))
    assert (before | others).isdisjoint(composition.keystore.names())
    for algorithm in TOKEN_ALGORITHMS:
        _require_ours(composition, composition.idp.token_keys, _sign(composition, algorithm))


def test_another_process_refuses_within_seconds(composition: Composition, clock: ManualClock) -> None:
    """What a process knows of the keys is at most that old."""
    other = KeyRing(composition.keystore, clock)
    token = _sign(composition, "ES256")
    _require_ours(composition, other, token)
    with composition.database.transaction() as session:
        revoke_signing_keys(session, composition.idp, whole_store=False, now=clock.now())
    clock.advance(CACHE_LIFETIME)
    with pytest.raises(JwtError):
        _require_ours(composition, other, token)


@pytest.mark.parametrize("options", [["--whole-store"], ["--emergency", "--whole-store", "--algorithm", "ES256"]])
def test_options_that_do_not_go_together_change_nothing(composition: Composition, options: list[str]) -> None:
    """A tired operator is told."""
    before = _published(composition)
    with pytest.raises(Rejected):
        _run(composition, *options)
    assert _published(composition) == before
