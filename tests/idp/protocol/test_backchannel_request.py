"""The rules of the backchannel authentication request (CIBA Core §7.1)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from idp.protocol.backchannel_request import DEFAULT_LIFETIME, LONGEST_LIFETIME, BackchannelRequest
from idp.protocol.binding_message import require_displayable
from idp.protocol.errors import TokenError
from idp.protocol.parameters import read_parameters
from kernel.identifiers import new_secret


def _parse(*, ping: bool = False, **parameters: str) -> BackchannelRequest:
    return BackchannelRequest.parse(read_parameters(parameters.items()), ping=ping)


@pytest.mark.parametrize(
    "hints",
    [{}, {"login_hint": "a", "id_token_hint": "b"}, {"login_hint": "a", "login_hint_token": "b"}, {"login_hint": ""}],
)
def test_exactly_one_hint_names_the_person(hints: dict[str, str]) -> None:
    """CIBA Core §7.1: none, or more than one, is invalid_request."""
    with pytest.raises(TokenError, match="invalid_request"):
        _parse(**hints)


def test_a_login_hint_token_is_refused_clearly() -> None:
    """Its format is a matter of agreement, and there is none here."""
    with pytest.raises(TokenError, match="login_hint_token is not served"):
        _parse(login_hint_token="eyJ")


@pytest.mark.parametrize(
    ("requested", "lifetime"),
    [
        (None, DEFAULT_LIFETIME),
        ("30", timedelta(seconds=30)),
        ("1", timedelta(seconds=10)),
        ("86400", LONGEST_LIFETIME),
    ],
)
def test_a_requested_expiry_is_kept_within_bounds(requested: str | None, lifetime: timedelta) -> None:
    """CIBA Core §7.1: the provider may choose another, and says which in expires_in."""
    more = {} if requested is None else {"requested_expiry": requested}
    assert _parse(login_hint="1710034065", **more).lifetime == lifetime


@pytest.mark.parametrize("requested", ["0", "-1", "1.5", "soon", "9" * 20, "٣"])
def test_other_expiries_are_refused(requested: str) -> None:
    """CIBA Core §7.1: a positive integer."""
    with pytest.raises(TokenError, match="requested_expiry"):
        _parse(login_hint="a", requested_expiry=requested)


def test_a_ping_needs_a_token_of_128_bits() -> None:
    """CIBA Core §7.1: required for ping, 1024 characters at most, with the syntax of RFC 6750; a poll needs none."""
    token = new_secret(20)
    assert _parse(ping=True, login_hint="a", client_notification_token=token).notification_token == token
    assert _parse(login_hint="a", client_notification_token=token).notification_token is None
    for bad in ("", "short", "a" * 64, "x" * 21, "á" * 30, new_secret() + " ", "ab" * 600):
        with pytest.raises(TokenError, match="invalid_request"):
            _parse(ping=True, login_hint="a", client_notification_token=bad)


def test_nothing_of_it_prints() -> None:
    """Neither the person's cédula nor the client's bearer token."""
    token = new_secret()
    shown = repr(_parse(ping=True, login_hint="1710034065", client_notification_token=token))
    assert "1710034065" not in shown and token not in shown


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("1234", "1234"),
        ("Trámite 55-A", "Trámite 55-A"),
        ("Pago de $12,50  a Ñandú", "Pago de $12,50 a Ñandú"),
        (None, None),
    ],
)
def test_binding_messages_are_shown_as_they_came(message: str | None, shown: str | None) -> None:
    """Plain text of a Latin language."""
    assert require_displayable(message) == shown


@pytest.mark.parametrize(
    "message",
    [
        "a" * 65,
        "   ",
        "1234 👍🏿 品川",
        "https://evil.example",
        "//evil",
        "línea\u2028nueva",
        "\u202etxet",
        "<b>hola</b>",
        "пароль",
        "ＡＢＣ：",
    ],
)
def test_other_binding_messages_are_refused(message: str) -> None:
    """CIBA Core §13 invalid_binding_message; FAPI-CIBA's potentially bad message among them."""
    with pytest.raises(TokenError, match="invalid_binding_message"):
        require_displayable(message)
