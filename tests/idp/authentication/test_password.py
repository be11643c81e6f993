"""Nobody's password takes as long as anybody's."""

from __future__ import annotations

import pytest

from idp.authentication.password import (
    NOBODY,
    PasswordMismatchError,
    hash_password,
    needs_rehash,
    require_password,
)
from kernel.secret_text import SecretText


def test_nobodys_hash_has_todays_parameters_and_fits_nothing() -> None:
    """Attacks 1: the time of an answer does not tell whether there is such an account."""
    assert not needs_rehash(NOBODY)
    made = hash_password(SecretText("una clave cualquiera"))
    assert [len(part) for part in NOBODY.split("$")] == [len(part) for part in made.split("$")]
    with pytest.raises(PasswordMismatchError):
        require_password(SecretText("una clave cualquiera"), phc=None)
