"""``private_key_jwt`` (RFC 7523 §3, OpenID Connect Core §9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from idp.protocol.client_assertion import ALGORITHMS, LIFETIME_LIMIT, verify_client_assertion
from idp.protocol.jose import JwtError

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
KEY = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
AUDIENCES = ("https://sau.example", "https://sau.example/token")
GOOD: dict[str, Any] = {"iss": "a", "sub": "a", "aud": AUDIENCES[0], "jti": "j", "iat": AT, "exp": AT + 60}


def _verify(**changes: Any) -> Any:
    claims = {name: value for name, value in (GOOD | changes).items() if value is not None}
    return verify_client_assertion(
        jwt.encode({"alg": "ES256", "kid": "one"}, claims, KEY),
        keys=KeySet([KEY]),
        algorithms=ALGORITHMS,
        client_id="a",
        expected_audiences=AUDIENCES,
        now=NOW,
    )


@pytest.mark.parametrize("audience", [*AUDIENCES, [AUDIENCES[0]]])
def test_a_good_one_says_what_makes_it_single_use(audience: object) -> None:
    """RFC 7523 §3 item 7: the ``jti`` is remembered until it expires."""
    read = _verify(aud=audience)
    assert (read.jti, read.expires_at) == ("j", NOW + timedelta(seconds=60))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "b"}, "bad_sub"),
        ({"sub": "b"}, "bad_sub"),
        ({"iss": None}, "bad_iss"),
        ({"sub": None}, "bad_sub"),
        ({"aud": None}, "bad_aud"),
        ({"aud": []}, "bad_aud"),
        ({"aud": "https://other.example"}, "bad_aud"),
        ({"aud": list(AUDIENCES)}, "bad_aud"),
        ({"aud": [AUDIENCES[0], "https://other.example"]}, "bad_aud"),
        ({"aud": AUDIENCES[0] + "/"}, "bad_aud"),
        ({"jti": None}, "bad_jti"),
        ({"jti": ""}, "bad_jti"),
        ({"jti": "j" * 257}, "bad_jti"),
        ({"exp": None}, "bad_exp"),
        ({"exp": "soon"}, "bad_exp"),
        ({"exp": True}, "bad_exp"),
        ({"exp": -1}, "bad_exp"),
        ({"exp": 2**60}, "bad_exp"),
        ({"exp": AT}, "expired"),
        ({"exp": AT + int(LIFETIME_LIMIT.total_seconds()) + 31}, "lives_too_long"),
        ({"iat": AT + 31}, "iat_in_the_future"),
        ({"nbf": AT + 31}, "nbf_in_the_future"),
        ({"iat": "now"}, "bad_iat"),
    ],
)
def test_each_claim_is_checked(changes: dict[str, Any], reason: str) -> None:
    """RFC 7523 §3 items 1 to 7; one audience only, or it could be replayed from the other."""
    with pytest.raises(JwtError) as caught:
        _verify(**changes)
    assert caught.value.reason == reason


def test_a_clock_a_little_ahead_is_forgiven() -> None:
    """RFC 7523 §3 item 4 allows a small leeway: half a minute."""
    assert _verify(iat=AT + 30, nbf=AT + 30)
