"""Identifiers, secret text, time, origin, errors: the small parts that everything stands on."""

from __future__ import annotations

import os
import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from kernel.clock import ManualClock, SystemClock, from_timestamp, to_timestamp
from kernel.errors import AlreadyConsumed, Conflict, ServiceError, Throttled
from kernel.identifiers import (
    b64url,
    b64url_decode,
    new_id,
    new_nonce,
    new_reference,
    new_secret,
    random_octets,
    sha256,
    sha256_hex,
)
from kernel.origin import Origin, current_origin, working_for
from kernel.secret_text import SecretText


def test_identifiers_are_unique_and_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """26 characters, dense in an index, no letter that is misread."""
    made = [new_id() for _ in range(5000)]
    ids = set(made)
    assert len(ids) == 5000
    assert made == sorted(made), "in the order in which they were made, many of them in one millisecond"
    assert all(re.fullmatch(r"[0-9a-hjkmnp-tv-z]{26}", value) for value in ids)
    monkeypatch.setattr("time.time_ns", lambda: 1_000_000_000)
    early = new_id()
    monkeypatch.setattr("time.time_ns", lambda: 1_001_000_000)
    assert early < new_id()


def test_secrets_have_256_bits() -> None:
    """RFC 6749 §10.10 asks for 2^-128 at least."""
    assert len(b64url_decode(new_secret())) == 32
    assert new_secret() != new_secret()


def test_random_octets_are_given_once_to_threads_and_to_forks() -> None:
    """NIST SP 800-38D §8.2: a nonce that comes twice opens what it sealed; a child does not begin with its parent's."""
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: random_octets(16), range(4000)))
    assert len(set(made)) == 4000
    assert {len(octets) for octets in made} == {16}
    assert len(random_octets(10_000)) == 10_000
    assert len(random_octets(1)) == 1, "and more are at hand"
    reading, writing = os.pipe()
    child = os.fork()
    if not child:  # pragma: no cover - in a process of its own
        os.write(writing, random_octets(16))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 16) != random_octets(16)
    os.close(reading)
    os.close(writing)
    assert len(b64url_decode(new_nonce())) == 16


def test_references_can_be_read_aloud() -> None:
    """Four and four, no I, L, O, U."""
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", new_reference())


def test_digests_take_text_as_utf8() -> None:
    """FIPS 180-4, the vector of "abc"."""
    assert sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256("ñ") == sha256("ñ".encode())


@pytest.mark.parametrize("octets", [b"", b"f", b"fo", b"foo", b"\xff\xfe\xfd"])
def test_base64url_round_trip(octets: bytes) -> None:
    """RFC 4648 §5, without padding."""
    assert "=" not in b64url(octets)
    assert b64url_decode(b64url(octets)) == octets


@pytest.mark.parametrize("text", ["a", "ab+c", "ab/c", "ab==", "a b=", "ñandú", "abc\n", "Zh"])
def test_base64url_refuses_what_is_not_its_alphabet(text: str) -> None:
    """One value, one spelling: a lenient decoder makes two texts equal (RFC 4648 §3.3)."""
    with pytest.raises(ValueError):
        b64url_decode(text)


@pytest.mark.parametrize("value", [None, 1, [], {}, b"AA"])
def test_what_is_no_text_is_no_base64url(value: Any) -> None:
    """Members of others' JSON are whatever they are: callers refuse them by these two errors."""
    with pytest.raises((TypeError, ValueError)):
        b64url_decode(value)


def test_secret_text_does_not_print() -> None:
    """Not in repr, str, f-strings, tracebacks of containers, nor in a pickle."""
    secret = SecretText("hunter2")
    for text in (repr(secret), str(secret), f"{secret}", repr([secret]), repr({"password": secret}), f"{secret!r:>30}"):
        assert "hunter2" not in text
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        hash(secret)
    with pytest.raises(AttributeError):
        secret.anything = 1  # type: ignore[attr-defined]


def test_secret_text_compares_by_content_and_only_with_its_kind() -> None:
    """Comparing with plain text would leave the text lying about."""
    assert SecretText("año") == SecretText("año")
    assert SecretText("a") != SecretText("b")
    assert SecretText("a") != "a"
    assert not SecretText("")
    assert SecretText("a").reveal() == "a"


def test_time_is_aware_and_utc() -> None:
    """Whatever zone goes in."""
    assert SystemClock().now().tzinfo is UTC
    quito = timezone(timedelta(hours=-5))
    clock = ManualClock(datetime(2026, 11, 23, 12, 0, tzinfo=quito))
    assert clock.now() == datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
    assert clock.advance(timedelta(minutes=1)) == clock.now()
    assert from_timestamp(to_timestamp(clock.now())) == clock.now()


def test_timestamps_work_past_2038() -> None:
    """2^31 seconds end on 2038-01-19."""
    moment = datetime(2046, 1, 1, tzinfo=UTC)
    assert from_timestamp(to_timestamp(moment)) == moment


def test_the_origin_ends_with_its_block() -> None:
    """A pooled thread must not carry one request's origin into the next."""
    with pytest.raises(ZeroDivisionError), working_for(Origin(request_id="a", channel="web")):
        with working_for(Origin(request_id="b", channel="web")):
            assert current_origin().request_id == "b"
        assert current_origin().request_id == "a"
        _ = 1 / 0
    assert current_origin() == Origin()


def test_errors_carry_code_and_public_detail_only() -> None:
    """The family says who must act; the code names it for machines."""
    error = AlreadyConsumed("This code was used.")
    assert isinstance(error, Conflict)
    assert isinstance(error, ServiceError)
    assert (error.code, str(error)) == ("already_consumed", "already_consumed: This code was used.")
    assert str(ServiceError(code="x")) == "x"
    assert Throttled(retry_after=timedelta(seconds=9)).retry_after.seconds == 9


def test_an_identifier_begins_with_its_moment_in_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """48 bits of time in ten letters, 80 random bits in sixteen: the least and the greatest of each."""
    for moment, random, written in (
        (0, b"\0" * 10, "0" * 26),
        (2**48 - 1, b"\xff" * 10, "7" + "z" * 25),
        (1, b"\0" * 9 + b"\x01", "0000000001" + "0" * 15 + "1"),
        (32, b"\x80" + b"\0" * 9, "0000000010" + "g" + "0" * 15),
    ):
        monkeypatch.setattr("kernel.identifiers._last", -1)
        monkeypatch.setattr("time.time_ns", lambda moment=moment: moment * 1_000_000)
        monkeypatch.setattr("kernel.identifiers.random_octets", lambda _octets, random=random: random)
        assert new_id() == written
