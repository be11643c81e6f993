"""Proof Key for Code Exchange (RFC 7636, RFC 9700 §2.1.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.protocol.errors import RedirectableError, TokenError
from idp.protocol.pkce import answered_challenge, challenge_of, require_challenge

UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
VERIFIERS = st.text(UNRESERVED, min_size=43, max_size=128)


def test_the_example_of_the_specification() -> None:
    """RFC 7636 appendix B."""
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == challenge
    assert require_challenge(challenge, "S256") == challenge


@given(VERIFIERS)
def test_the_challenge_of_any_verifier_is_one_that_may_be_sent(verifier: str) -> None:
    """RFC 7636 §4.2: S256 is defined for every verifier."""
    assert require_challenge(challenge_of(verifier), "S256")


@given(VERIFIERS, VERIFIERS)
def test_two_verifiers_have_two_challenges(one: str, other: str) -> None:
    """RFC 7636 §4.6: only the one that was promised fits."""
    assert (challenge_of(one) == challenge_of(other)) is (one == other)


@pytest.mark.parametrize("method", [None, "", "plain", "s256", "S512", "S256 "])
def test_no_method_but_s256_is_served(method: str | None) -> None:
    """RFC 9700 §2.1.1: ``plain`` shows the verifier to whoever sees the request; leaving it out means ``plain``."""
    with pytest.raises(RedirectableError) as caught:
        require_challenge(challenge_of("a" * 43), method)
    assert caught.value.code == "invalid_request"


@pytest.mark.parametrize("challenge", [None, "", "a" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "B", "é" * 43])
def test_a_challenge_is_32_octets_in_base64url(challenge: str | None) -> None:
    """RFC 7636 §4.2; the last character carries four bits, so not each may stand there."""
    with pytest.raises(RedirectableError) as caught:
        require_challenge(challenge, "S256")
    assert caught.value.code == "invalid_request"


@pytest.mark.parametrize(
    "verifier", ["", "a" * 42, "a" * 129, "a" * 42 + "+", "a" * 42 + " ", "a" * 43 + "\n", "é" * 43]
)
def test_a_verifier_is_43_to_128_unreserved_characters(verifier: str) -> None:
    """RFC 7636 §4.1; what could never have been promised is no grant (§4.6)."""
    with pytest.raises(TokenError) as caught:
        challenge_of(verifier)
    assert caught.value.code == "invalid_grant"


def test_a_missing_verifier_is_an_incomplete_request() -> None:
    """RFC 7636 §4.5: the parameter is required."""
    with pytest.raises(TokenError) as caught:
        answered_challenge(None, required=True)
    assert caught.value.code == "invalid_request"


def test_where_it_is_left_to_the_client_nothing_is_asked_but_half_of_it_is_refused() -> None:
    """RFC 9700 §2.1.1: a confidential client of an older library; ``plain`` never, and no method without challenge."""
    assert require_challenge(None, None, required=False) is None
    assert answered_challenge(None, required=False) is None
    for challenge, method in ((None, "S256"), (challenge_of("a" * 43), None), (challenge_of("a" * 43), "plain")):
        with pytest.raises(RedirectableError):
            require_challenge(challenge, method, required=False)
