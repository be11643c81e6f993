"""Step-up as a rule (RFC 9470)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from idp.protocol.step_up import InsufficientAuthenticationError, require_authentication

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KNOWN = ("weak", "strong")


def _require(acr: str, age: int, *, required_acr: str | None, max_age: int | None) -> None:
    require_authentication(
        acr=acr,
        authenticated_at=NOW - timedelta(seconds=age),
        known=KNOWN,
        required_acr=required_acr,
        max_age=None if max_age is None else timedelta(seconds=max_age),
        now=NOW,
    )


@pytest.mark.parametrize(
    ("acr", "age", "required_acr", "max_age"),
    [("weak", 999, None, None), ("weak", 0, "weak", 0), ("strong", 60, "weak", 60), ("strong", 60, "strong", None)],
)
def test_a_login_that_is_enough_passes(acr: str, age: int, required_acr: str | None, max_age: int | None) -> None:
    """Strong enough, and not older than asked."""
    _require(acr, age, required_acr=required_acr, max_age=max_age)


@pytest.mark.parametrize(
    ("acr", "age", "required_acr", "max_age", "told"),
    [
        ("weak", 0, "strong", None, {"acr_values": "strong"}),
        ("unknown", 0, "weak", None, {"acr_values": "weak"}),
        ("strong", 0, "unknown", None, {"acr_values": "unknown"}),
        ("strong", 61, None, 60, {"max_age": "60"}),
        ("strong", 61, "strong", 60, {"acr_values": "strong", "max_age": "60"}),
        ("weak", 61, "strong", 60, {"acr_values": "strong", "max_age": "60"}),
    ],
)
def test_otherwise_the_application_hears_what_to_ask_for(
    acr: str, age: int, required_acr: str | None, max_age: int | None, told: dict[str, str]
) -> None:
    """RFC 9470 §3: the whole of it, so that one step-up is enough."""
    with pytest.raises(InsufficientAuthenticationError) as caught:
        _require(acr, age, required_acr=required_acr, max_age=max_age)
    assert caught.value.code == "insufficient_user_authentication"
    assert caught.value.parameters == told
