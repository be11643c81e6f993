"""What methods are worth together, and which second step is due."""

from __future__ import annotations

import pytest

from idp.authentication.assurance import ACR_1FA, ACR_2FA, ACR_CERTIFICATE, acr_of, with_method


@pytest.mark.parametrize(
    ("amr", "acr"),
    [
        ((), ACR_1FA),
        (("pwd",), ACR_1FA),
        (("otp",), ACR_1FA),
        (("otp", "sms"), ACR_1FA),  # twice what one has
        (("pwd", "email"), ACR_1FA),  # the mailbox also gives a new password
        (("pwd", "otp"), ACR_2FA),
        (("pwd", "sms"), ACR_2FA),
        (("grid", "pwd"), ACR_2FA),
        (("hwk",), ACR_1FA),  # the device did not make sure who held it
        (("hwk", "user"), ACR_2FA),
        (("swk", "user"), ACR_2FA),
        (("pwd", "swk"), ACR_2FA),
        (("pwd", "user"), ACR_1FA),
        (("pop",), ACR_CERTIFICATE),
    ],
)
def test_worth_of_methods(amr: tuple[str, ...], acr: str) -> None:
    """Two factors of different kinds make 2fa, whichever they are; two of one kind do not (NIST SP 800-63B-4 §2.2)."""
    assert acr_of(amr) == acr


def test_mfa_is_said_when_it_is_true_and_not_before() -> None:
    """``mfa`` stands among the methods exactly when two kinds of factor were proved (RFC 8176 §2)."""
    assert with_method(["pwd"], "email") == ("email", "pwd")
    assert with_method(["email", "pwd"], "grid") == ("email", "grid", "mfa", "pwd")
