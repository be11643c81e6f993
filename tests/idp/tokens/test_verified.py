"""Tokens whose signature was verified a moment ago."""

from __future__ import annotations

from idp.tokens.verified import LIMIT, VerifiedTokens


def test_what_was_verified_is_found_again() -> None:
    """By the whole token: another spelling of it is another token."""
    tokens = VerifiedTokens()
    tokens.remember("a.b.c", {"sub": "x"})
    assert tokens.find("a.b.c") == {"sub": "x"}
    assert tokens.find("a.b.C") is None
    assert tokens.find("a.b.c ") is None


def test_the_oldest_is_forgotten_when_there_are_too_many() -> None:
    """Memory is bounded."""
    tokens = VerifiedTokens()
    for number in range(LIMIT + 1):
        tokens.remember(str(number), {})
    assert tokens.find("0") is None
    assert tokens.find("1") is not None
    assert tokens.find(str(LIMIT)) is not None
