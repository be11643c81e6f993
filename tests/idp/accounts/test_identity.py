"""What people type about themselves."""

from __future__ import annotations

import pytest

from idp.accounts.identity import mask_cedula, mask_email, parse_cedula, parse_email, parse_name
from idp.authentication.password_rules import require_acceptable_password
from kernel.errors import Rejected
from kernel.secret_text import SecretText


@pytest.mark.parametrize("text", ["1710034065", "171003406-5", " 171 0034065 ", "1710034065"])
def test_a_cedula_is_stored_compact(text: str) -> None:
    """Hyphens, spaces and full-width digits are one number."""
    assert parse_cedula(text) == "1710034065"


def test_a_cedula_whose_third_digit_is_six_exists() -> None:
    """Foreign residents and newer numbers have it."""
    assert parse_cedula("1765432107") == "1765432107"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "cedula_missing"),
        ("171003406", "cedula_length"),
        ("1710034066", "cedula_invalid"),
        ("9910034065", "cedula_invalid"),
        ("17100340A5", "cedula_invalid"),
        ("*)(uid=*", "cedula_invalid"),
        ("1710034065\x00", "cedula_invalid"),
    ],
)
def test_what_is_no_cedula_is_refused(text: str, code: str) -> None:
    """Length, province and check digit."""
    with pytest.raises(Rejected) as caught:
        parse_cedula(text)
    assert caught.value.code == code


@pytest.mark.parametrize("text", ["a@b", "a b@c.test", "a@b..test", "@b.test", "a@b.test\nBcc: c@d.test", "a@-b.test"])
def test_what_is_no_email_is_refused(text: str) -> None:
    """Nothing that could carry a second header or recipient."""
    with pytest.raises(Rejected):
        parse_email(text)


def test_names_keep_their_letters_and_nothing_else() -> None:
    """Accents, apostrophes and hyphens are names; digits and markup are not."""
    assert parse_name("  María-José   D'Ávila ") == "María-José D'Ávila"
    for text in ("", "Ana<b>", "R2D2", "a" * 101, "Ana\u202e"):
        with pytest.raises(Rejected):
            parse_name(text)


def test_masks_show_the_owner_enough_and_others_little() -> None:
    """Never a full cédula or mailbox on a page that anyone can reach."""
    assert mask_email("maria@correo.ec") == "m•••••@correo.ec"
    assert mask_cedula("1710034065") == "••••••4065"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "password_missing"),
        ("corta-9", "password_short"),
        ("x" * 129, "password_long"),
        ("quishpe-y-las-nubes-7", "password_personal"),
        ("clave 1710034065 larga", "password_personal"),
        ("contraseña123", "password_weak"),
        ("aaaaaaaaaaaaaaaa", "password_weak"),
    ],
)
def test_a_password_that_others_would_guess_is_refused(text: str, code: str) -> None:
    """NIST SP 800-63B §3.1.1: length, guessability, context words."""
    with pytest.raises(Rejected) as caught:
        _check(text)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "text",
    [
        "nube cacao sombrero ochenta",
        "mandarina-tren-lluvia-31",
        "una llama azul cruza el páramo mientras llueve sobre Papallacta y nadie la mira pasar porque duermen",
        "ñandú y cóndor vuelan sobre el 葉 de Zuleta",
    ],
)
def test_long_passwords_of_any_letters_are_taken(text: str) -> None:
    """No rules of composition; more than 72 letters are no trap."""
    _check(text)


def _check(text: str) -> None:
    require_acceptable_password(
        SecretText(text), cedula="1710034065", names=["María", "Quishpe"], email="maria@correo.ec"
    )
