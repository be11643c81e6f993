"""RFC 8707: a token is for one API, and only for one that was granted."""

from __future__ import annotations

import pytest

from idp.protocol.resource import COUNT_LIMIT, InvalidTargetError, requested_resources, target_of

A, B, USERINFO = "https://a.example", "https://b.example", "https://sau.example/userinfo"


@pytest.mark.parametrize(
    ("named", "needs_api", "expected"),
    [
        ((), False, ()),
        ((), True, (A,)),
        ((B,), False, (B,)),
        ((B, A, B), False, (B, A)),
        ((USERINFO,), False, ()),
        ((USERINFO, A), False, (A,)),
    ],
)
def test_an_authorization_covers_registered_apis(
    named: tuple[str, ...], needs_api: bool, expected: tuple[str, ...]
) -> None:
    """§2: those named; the client's first one where a scope of an API is asked for and none is named."""
    assert requested_resources(named, registered=(A, B), userinfo=USERINFO, needs_api=needs_api) == expected


@pytest.mark.parametrize(
    "named", [("https://c.example",), (A, "https://A.example"), (A + "/",), (A,) * (COUNT_LIMIT + 1)]
)
def test_another_api_is_refused(named: tuple[str, ...]) -> None:
    """§2, ``invalid_target``: character by character, and not without end."""
    with pytest.raises(InvalidTargetError):
        requested_resources(named, registered=(A, B), userinfo=USERINFO, needs_api=False)


@pytest.mark.parametrize(
    ("named", "granted", "expected"),
    [((), (), USERINFO), ((), (A, B), A), ((B,), (A, B), B), ((USERINFO,), (A,), USERINFO), ((A, A), (A,), A)],
)
def test_a_token_has_one_audience(named: tuple[str, ...], granted: tuple[str, ...], expected: str) -> None:
    """OpenID Provider, rule 8: what the token request names, or the first that was granted."""
    assert target_of(named, granted=granted, userinfo=USERINFO) == expected


@pytest.mark.parametrize(
    ("named", "granted", "userinfo"),
    [((B,), (A,), USERINFO), ((A, B), (A, B), USERINFO), ((USERINFO,), (A,), None), ((), (), None)],
)
def test_no_token_for_two_or_for_what_was_not_granted(
    named: tuple[str, ...], granted: tuple[str, ...], userinfo: str | None
) -> None:
    """OpenID Provider, rule 8; a service has no UserInfo."""
    with pytest.raises(InvalidTargetError):
        target_of(named, granted=granted, userinfo=userinfo)
