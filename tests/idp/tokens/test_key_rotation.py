"""Signing keys: published before they sign, published until nothing of theirs is of use."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from itertools import product

import pytest
from click.testing import CliRunner
from joserfc import jwt
from joserfc.errors import JoseError
from sqlalchemy import delete, select

from audit.model import AuditEvent
from composition import Composition
from idp.commands import commands
from idp.protocol.algorithms import TOKEN_ALGORITHMS
from idp.tokens.encryption_keys import (
    OPENS_AFTER_RETIREMENT,
    ensure_encryption_keys,
    list_encryption_keys,
    rotate_encryption_keys_if_due,
)
from idp.tokens.jobs import periodic_jobs
from idp.tokens.jws import sign_jwt
from idp.tokens.key_ring import CACHE_LIFETIME, KeyRing
from idp.tokens.key_rotation import ACTIVE_LIFETIME, ensure_signing_keys, list_signing_keys
from idp.tokens.model import EncryptionKeyRow, SigningKeyRow
from kernel.clock import ManualClock
from kernel.errors import Conflict, Fault
from keys.decrypter import EncryptionKind
from tests.idp.signing import make_signing_keys, rotate_all

EACH = len(TOKEN_ALGORITHMS)


@pytest.fixture(autouse=True)
def _keys(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> None:
    make_signing_keys(composition, monkeypatch)


def _documents(composition: Composition) -> list[dict[str, str]]:
    with composition.database.reading() as session:
        keys: list[dict[str, str]] = json.loads(composition.idp.token_keys.published(session).jwks_json)["keys"]
        return keys


def _published(composition: Composition, use: str = "sig") -> set[str]:
    return {key["kid"] for key in _documents(composition) if key["use"] == use}


def _active(composition: Composition, algorithm: str) -> str:
    with composition.database.reading() as session:
        return composition.idp.token_keys.active_signer(session, algorithm).key_id


def _work(composition: Composition) -> None:
    (job,) = [job for job in periodic_jobs(composition.idp) if job.name == "idp.signing_keys"]
    job.run()


@pytest.mark.parametrize("algorithm", TOKEN_ALGORITHMS)
def test_the_next_key_is_published_before_it_signs(
    composition: Composition, clock: ManualClock, algorithm: str
) -> None:
    """OpenID Connect Core §10.1.1: a relying application that fetched the set an hour ago knows the new key."""
    published_before = _published(composition)
    clock.advance(timedelta(hours=2))
    rotate_all(composition)
    assert _active(composition, algorithm) in published_before


def test_the_retired_key_stays_published_while_what_it_signed_may_come_back(
    composition: Composition, clock: ManualClock
) -> None:
    """ID tokens come back as logout hints; after a month the key is gone from set and store."""
    old = _active(composition, "ES256")
    clock.advance(timedelta(hours=2))
    rotate_all(composition)
    assert old in _published(composition)
    clock.advance(timedelta(days=31))
    _work(composition)
    assert old not in _published(composition)
    assert old not in composition.keystore.names()


def test_a_next_key_that_nobody_can_know_yet_does_not_take_over(composition: Composition, clock: ManualClock) -> None:
    """Without the lead, clients that cache the set would refuse fresh tokens."""
    before = _active(composition, "ES256")
    clock.advance(timedelta(minutes=59))
    with pytest.raises(Conflict):
        rotate_all(composition)
    assert _active(composition, "ES256") == before


def test_the_worker_rotates_when_ninety_days_are_over(composition: Composition, clock: ManualClock) -> None:
    """Nobody has to rotate keys by hand."""
    for days, expected in ((89, False), (2, True), (1, False)):
        clock.advance(timedelta(days=days))
        before = {_active(composition, algorithm) for algorithm in TOKEN_ALGORITHMS}
        _work(composition)
        after = {_active(composition, algorithm) for algorithm in TOKEN_ALGORITHMS}
        assert after.isdisjoint(before) is expected
        assert (after == before) is not expected


def test_keys_are_made_once_and_each_step_is_on_record(composition: Composition, clock: ManualClock) -> None:
    """Running the set-up again makes no further key."""
    with composition.database.transaction() as session:
        session.execute(delete(SigningKeyRow))
        session.execute(delete(EncryptionKeyRow))
        for _ in range(2):
            ensure_signing_keys(session, composition.idp, now=clock.now())
            ensure_encryption_keys(session, composition.idp, now=clock.now())
        states = Counter((key.algorithm, key.state) for key in list_signing_keys(session))
        assert states == dict.fromkeys(product(TOKEN_ALGORITHMS, ("active", "next")), 1)
        assert [key.state for key in list_encryption_keys(session)] == ["active", "active"]
    with composition.database.reading() as session:
        types = session.scalars(select(AuditEvent.type)).all()
    assert sorted(types) == ["keys:encryption_key:created"] * 2 + ["keys:signing_key:created"] * 2 * EACH


def test_every_published_key_names_itself_and_its_use_and_shows_no_private_part(composition: Composition) -> None:
    """RFC 7517 §4: ``kid``, ``use``, ``alg``; RFC 7518 §6: no private member."""
    seen = set()
    for key in _documents(composition):
        assert key["kid"]
        seen.add((key["use"], key["kty"], key.get("alg")))
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key)
    assert seen == {
        ("sig", "EC", "ES256"),
        ("sig", "RSA", "RS256"),
        ("sig", "RSA", "PS256"),
        ("sig", "EC", "ES384"),
        ("sig", "OKP", "EdDSA"),
        ("enc", "RSA", "RSA-OAEP-256"),
        ("enc", "EC", None),
    }


@pytest.mark.parametrize("algorithm", TOKEN_ALGORITHMS)
def test_a_token_names_the_active_key_and_verifies_by_the_published_set(
    composition: Composition, algorithm: str
) -> None:
    """RFC 7515 §4.1.4; never a key picked at random, and by no other algorithm (RFC 8725 §3.1)."""
    with composition.database.reading() as session:
        signer = composition.idp.token_keys.active_signer(session, algorithm)
        token = sign_jwt({"sub": "ñ"}, signer=signer, typ="JWT")
        keys = composition.idp.token_keys.published(session).key_set
    verified = jwt.decode(token, keys, algorithms=[algorithm])
    assert verified.header == {"alg": algorithm, "typ": "JWT", "kid": signer.key_id}
    assert verified.claims == {"sub": "ñ"}
    with pytest.raises(JoseError):
        jwt.decode(token, keys, algorithms=[other for other in TOKEN_ALGORITHMS if other != algorithm])


def test_another_process_follows_a_rotation_within_seconds(composition: Composition, clock: ManualClock) -> None:
    """Until then it signs with the key before, which stays published for a month."""
    other = KeyRing(composition.keystore, composition.clock)
    clock.advance(timedelta(hours=2))
    with composition.database.reading() as session:
        before = other.active_signer(session, "ES256").key_id
    rotate_all(composition)
    with composition.database.reading() as session:
        assert other.active_signer(session, "ES256").key_id == before
        assert before in _published(composition)
    clock.advance(CACHE_LIFETIME)
    with composition.database.reading() as session:
        assert other.active_signer(session, "ES256").key_id == _active(composition, "ES256") != before


def test_a_clock_that_was_set_back_does_not_freeze_what_is_known(composition: Composition, clock: ManualClock) -> None:
    """What was read in the future is read again."""
    other = KeyRing(composition.keystore, clock)
    clock.advance(timedelta(hours=2))
    with composition.database.reading() as session:
        before = other.active_signer(session, "ES256").key_id
    rotate_all(composition)
    clock.advance(timedelta(hours=-1))
    with composition.database.reading() as session:
        assert other.active_signer(session, "ES256").key_id != before


def test_without_keys_the_message_says_what_to_run(composition: Composition) -> None:
    """Before ``sau init``."""
    with composition.database.reading() as session, pytest.raises(Fault) as fault:
        composition.idp.token_keys.active_signer(session, "ES512")
    assert "sau init" in fault.value.public_detail


@pytest.mark.parametrize("kind", list(EncryptionKind))
def test_a_retired_encryption_key_opens_for_a_day_more(
    composition: Composition, clock: ManualClock, kind: EncryptionKind
) -> None:
    """A relying application may have it in its cache; the set shows the new one at once."""
    ring = composition.idp.token_keys
    with composition.database.reading() as session:
        old = ring.decrypter(session, kind=kind, kid=None)
    assert old is not None
    clock.advance(ACTIVE_LIFETIME)
    with composition.database.transaction() as session:
        assert rotate_encryption_keys_if_due(session, composition.idp, now=clock.now())
        assert not rotate_encryption_keys_if_due(session, composition.idp, now=clock.now())
    assert old.key_id not in _published(composition, "enc")
    with composition.database.reading() as session:
        assert ring.decrypter(session, kind=kind, kid=old.key_id) == old
        fresh = ring.decrypter(session, kind=kind, kid=None)
    assert fresh is not None
    assert fresh.key_id in _published(composition, "enc")
    clock.advance(OPENS_AFTER_RETIREMENT)
    _work(composition)
    with composition.database.reading() as session:
        assert ring.decrypter(session, kind=kind, kid=old.key_id) is None
    assert old.key_id not in composition.keystore.names()


def test_a_key_that_another_process_published_a_moment_ago_opens_here(
    composition: Composition, clock: ManualClock
) -> None:
    """Encryption keys are used as soon as they are seen: nobody waits for them as for signing keys."""
    other = KeyRing(composition.keystore, clock)
    with composition.database.reading() as session:
        other.published(session)
    clock.advance(ACTIVE_LIFETIME - CACHE_LIFETIME / 2)
    with composition.database.reading() as session:
        other.published(session)
    clock.advance(CACHE_LIFETIME / 2)
    with composition.database.transaction() as session:
        rotate_encryption_keys_if_due(session, composition.idp, now=clock.now())
    for kid in _published(composition, "enc"):
        with composition.database.reading() as session:
            assert any(other.decrypter(session, kind=kind, kid=kid) for kind in EncryptionKind)


def test_a_key_does_not_open_what_is_not_of_its_kind(composition: Composition) -> None:
    """RFC 8725 §3.1: one key, one algorithm family."""
    with composition.database.reading() as session:
        ring = composition.idp.token_keys
        rsa = ring.decrypter(session, kind=EncryptionKind.RSA_OAEP_256, kid=None)
        assert rsa is not None
        assert ring.decrypter(session, kind=EncryptionKind.ECDH_ES, kid=rsa.key_id) is None
        assert ring.decrypter(session, kind=EncryptionKind.RSA_OAEP_256, kid=_active(composition, "RS256")) is None


def test_the_worker_makes_the_keys_of_an_algorithm_that_a_new_version_brought(
    composition: Composition, clock: ManualClock
) -> None:
    """After an upgrade nobody has to run ``sau init`` again; before the first installation it makes none."""
    with composition.database.transaction() as session:
        for row in session.scalars(select(SigningKeyRow).where(SigningKeyRow.algorithm == "PS256")):
            session.delete(row)
    composition.idp.token_keys.forget()
    _work(composition)
    assert _active(composition, "PS256") in _published(composition)


def test_the_command_lists_and_rotates(composition: Composition, clock: ManualClock) -> None:
    """``sau keys list | rotate``."""
    (group,) = [item for item in commands(lambda: composition.idp) if item.name == "keys"]
    run = CliRunner()
    assert len(json.loads(run.invoke(group, ["list", "--json"]).stdout)) == 2 * EACH + 2
    clock.advance(timedelta(hours=1))
    assert len(json.loads(run.invoke(group, ["rotate", "--algorithm", "ES256", "--json"]).stdout)) == 2 * EACH + 3
    assert isinstance(run.invoke(group, ["rotate", "--json"]).exception, Conflict)
    clock.advance(timedelta(hours=1))
    assert len(json.loads(run.invoke(group, ["rotate", "--json"]).stdout)) == 3 * EACH + 1 + 4
