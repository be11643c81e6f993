"""Signing keys: published before they sign, published until nothing of theirs is of use."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner
from joserfc import jwt
from sqlalchemy import select

from audit.model import AuditEvent
from composition import Composition
from idp.commands import commands
from idp.tokens.jws import sign_jwt
from idp.tokens.key_ring import KeyRing
from idp.tokens.key_rotation import (
    ensure_signing_keys,
    list_signing_keys,
    remove_retired_keys,
    rotate_if_due,
    rotate_signing_keys,
)
from kernel.clock import ManualClock
from kernel.errors import Conflict, Fault
from tests.idp.signing import make_signing_keys


@pytest.fixture(autouse=True)
def _keys(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> None:
    make_signing_keys(composition, monkeypatch)


def _rotate(composition: Composition, *, force: bool = False) -> None:
    with composition.database.transaction() as session:
        rotate_signing_keys(session, composition.idp, now=composition.clock.now(), force=force)


def _published(composition: Composition) -> set[str]:
    with composition.database.reading() as session:
        return {key["kid"] for key in json.loads(composition.idp.token_keys.published(session).jwks_json)["keys"]}


def _active(composition: Composition, algorithm: str) -> str:
    with composition.database.reading() as session:
        return composition.idp.token_keys.active_signer(session, algorithm).key_id


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_the_next_key_is_published_before_it_signs(
    composition: Composition, clock: ManualClock, algorithm: str
) -> None:
    """OpenID Connect Core §10.1.1: a relying application that fetched the set an hour ago knows the new key."""
    published_before = _published(composition)
    clock.advance(timedelta(hours=2))
    _rotate(composition)
    assert _active(composition, algorithm) in published_before


def test_the_retired_key_stays_published_while_what_it_signed_may_come_back(
    composition: Composition, clock: ManualClock
) -> None:
    """ID tokens come back as logout hints; after a month the key is gone from set and store."""
    old = _active(composition, "ES256")
    clock.advance(timedelta(hours=2))
    _rotate(composition)
    assert old in _published(composition)
    clock.advance(timedelta(days=31))
    with composition.database.transaction() as session:
        removed = remove_retired_keys(session, composition.idp, now=clock.now())
    assert old in removed
    assert old not in _published(composition)
    assert old not in composition.keystore.names()


def test_a_next_key_that_nobody_can_know_yet_does_not_take_over(composition: Composition) -> None:
    """Without the lead, clients that cache the set would refuse fresh tokens; a stolen key is the exception."""
    before = _active(composition, "ES256")
    with pytest.raises(Conflict):
        _rotate(composition)
    assert _active(composition, "ES256") == before
    _rotate(composition, force=True)
    assert _active(composition, "ES256") != before


def test_the_worker_rotates_when_ninety_days_are_over(composition: Composition, clock: ManualClock) -> None:
    """Nobody has to rotate keys by hand."""
    for days, expected in ((89, False), (2, True), (1, False)):
        clock.advance(timedelta(days=days))
        with composition.database.transaction() as session:
            assert rotate_if_due(session, composition.idp, now=clock.now()) is expected


def test_keys_are_made_once_and_each_step_is_on_record(composition: Composition, clock: ManualClock) -> None:
    """Running the set-up again makes no further key."""
    with composition.database.transaction() as session:
        ensure_signing_keys(session, composition.idp, now=clock.now())
        assert [key.state for key in list_signing_keys(session)] == ["active", "next"] * 2
        types = session.scalars(select(AuditEvent.type)).all()
    assert types == ["keys:signing_key:created"] * 4


def test_every_published_key_names_itself_and_its_use_and_shows_no_private_part(composition: Composition) -> None:
    """RFC 7517 §4: ``kid``, ``use``, ``alg``."""
    with composition.database.reading() as session:
        for key in json.loads(composition.idp.token_keys.published(session).jwks_json)["keys"]:
            assert (key["use"], bool(key["kid"]), key["alg"] in ("ES256", "RS256")) == ("sig", True, True)
            assert not {"d", "p", "q", "k"} & set(key)


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_token_names_the_active_key_and_verifies_by_the_published_set(
    composition: Composition, algorithm: str
) -> None:
    """RFC 7515 §4.1.4; never a key picked at random."""
    with composition.database.reading() as session:
        signer = composition.idp.token_keys.active_signer(session, algorithm)
        token = sign_jwt({"sub": "ñ"}, signer=signer, typ="JWT")
        keys = composition.idp.token_keys.published(session).key_set
    verified = jwt.decode(token, keys, algorithms=[algorithm])
    assert verified.header == {"alg": algorithm, "typ": "JWT", "kid": signer.key_id}
    assert verified.claims == {"sub": "ñ"}


def test_another_process_sees_the_rotation_at_once(composition: Composition, clock: ManualClock) -> None:
    """Which key signs is asked of the database, not remembered."""
    other = KeyRing(composition.keystore)
    clock.advance(timedelta(hours=2))
    _rotate(composition)
    with composition.database.reading() as session:
        assert other.active_signer(session, "ES256").key_id == _active(composition, "ES256")


def test_without_keys_the_message_says_what_to_run(composition: Composition) -> None:
    """Before ``sau init``."""
    with composition.database.reading() as session, pytest.raises(Fault) as fault:
        composition.idp.token_keys.active_signer(session, "PS256")
    assert "sau init" in fault.value.public_detail


def test_the_command_lists_and_rotates(composition: Composition) -> None:
    """``sau keys list | rotate``."""
    (group,) = [item for item in commands(lambda: composition.idp) if item.name == "keys"]
    run = CliRunner()
    assert len(json.loads(run.invoke(group, ["list", "--json"]).stdout)) == 4
    assert len(json.loads(run.invoke(group, ["rotate", "--force", "--json"]).stdout)) == 6
