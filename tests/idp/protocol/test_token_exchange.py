"""The form of a token exchange, and the chain of those who hand on (RFC 8693)."""

from __future__ import annotations

import pytest

from idp.protocol.errors import TokenError
from idp.protocol.parameters import read_parameters
from idp.protocol.token_exchange import (
    ACCESS_TOKEN,
    CHAIN_LIMIT,
    ExchangeRequest,
    actors_of,
    extended_chain,
    read_exchange_request,
)

GOOD = {"subject_token": "s", "subject_token_type": ACCESS_TOKEN}


def _read(*more: tuple[str, str], **changes: str) -> ExchangeRequest:
    return read_exchange_request(read_parameters([*(GOOD | changes).items(), *more]))


def test_the_targets_are_resources_and_audiences() -> None:
    """§2.1: either names an API; both may."""
    request = _read(("resource", "https://a.example"), ("audience", "https://a.example"), ("audience", "urn:b"))
    assert request.targets == ("https://a.example", "urn:b")
    assert (request.subject_token, request.actor_token, request.scope) == ("s", None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"subject_token": ""},
        {"subject_token_type": ""},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"actor_token": "a"},
        {"actor_token_type": ACCESS_TOKEN},
        {"actor_token": "a", "actor_token_type": "urn:ietf:params:oauth:token-type:saml2"},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
    ],
)
def test_what_is_missing_or_not_served_is_refused(changes: dict[str, str]) -> None:
    """§2.1: each token with its type; access tokens alone are exchanged, for access tokens."""
    with pytest.raises(TokenError) as refused:
        _read(**changes)
    assert refused.value.code == "invalid_request"


def test_tokens_do_not_print() -> None:
    """Never a token in a log."""
    assert "hidden" not in repr(_read(subject_token="hidden"))


def test_the_chain_grows_at_its_head_and_ends_somewhere() -> None:
    """§4.1: the current actor outside, those before nested."""
    chain = None
    for number in range(CHAIN_LIMIT):
        chain = extended_chain(chain, actor=f"s{number}")
    assert chain is not None
    assert chain["sub"] == "s3"
    assert actors_of(chain) == ("s3", "s2", "s1", "s0")
    assert actors_of(None) == ()
    with pytest.raises(TokenError):
        extended_chain(chain, actor="one-more")
