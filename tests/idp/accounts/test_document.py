"""Cédula or passport: one normal form, and what could be read in two ways is refused."""

from __future__ import annotations

import pytest

from admin.masking import mask_document as mask_in_console
from idp.accounts.document import is_passport, mask_document, parse_document, parse_passport
from idp.accounts.issuing_states import ISSUING_STATES, states_by_name
from idp.authentication.password_rules import require_acceptable_password
from kernel.errors import Rejected
from kernel.secret_text import SecretText


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("171003406-5", "1710034065"),
        (" 171 0034065 ", "1710034065"),
        ("col-ab123456", "COL-AB123456"),
        ("COL ab 123 456", "COL-AB123456"),
        ("USA<123456789", "USA-123456789"),
        ("D-C01X00T47", "DEU-C01X00T47"),
        ("RUS-12.345678", "RUS-12345678"),
    ],
)
def test_a_document_has_one_normal_form(text: str, document: str) -> None:
    """However it was typed, the account is the same (ICAO Doc 9303: state, then number)."""
    assert parse_document(text) == document
    assert is_passport(document) is ("-" in document)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "username_missing"),
        ("AB123456", "passport_unclear"),
        ("COLAB123456", "passport_unclear"),
        ("17100340A5", "passport_unclear"),
        ("XYZ-123456", "passport_state_unknown"),
        ("ECU-A1234567", "passport_own_state"),
        ("COL-ABCDEF", "passport_invalid"),
        ("COL-1234567890", "passport_invalid"),
        ("171003406", "cedula_length"),
        ("1710034066", "cedula_invalid"),
        ("*)(uid=*", "cedula_invalid"),
        ("COL-AB123456\x00", "cedula_invalid"),
    ],
)
def test_what_could_be_two_things_is_refused_by_its_own_name(text: str, code: str) -> None:
    """A number may begin with letters: without something between, nobody knows where the state ends."""
    with pytest.raises(Rejected) as caught:
        parse_document(text)
    assert caught.value.code == code


def test_the_parts_of_a_form_are_refused_by_their_names() -> None:
    """So that the error stands beside the right field."""
    for state, number, code in (
        ("", "AB123456", "passport_state_missing"),
        ("COL", " ", "passport_missing"),
        ("QQQ", "AB123456", "passport_state_unknown"),
    ):
        with pytest.raises(Rejected) as caught:
            parse_passport(state, number)
        assert caught.value.code == code


def test_masks_show_the_state_and_little_of_the_number() -> None:
    """Never more than the last four characters, and never more than is hidden of a short one."""
    assert mask_document("1710034065") == "••••••4065"
    assert mask_document("COL-AB123456") == "COL-••••3456"
    assert mask_document("COL-A1234") == "COL-•••34"
    assert mask_in_console("COL-AB123456") == "COL…456"
    assert mask_in_console("1710034065") == "17…4065"


def test_the_states_to_choose_from_have_names_and_ours_is_not_among_them() -> None:
    """Whoever has an Ecuadorian passport has a cédula."""
    shown = dict(states_by_name("es"))
    assert shown["COL"] == "Colombia"
    assert dict(states_by_name("en"))["DEU"] == "Germany"
    assert set(shown) == ISSUING_STATES - {"ECU"}
    assert states_by_name("qu") == states_by_name("es")


def test_a_password_does_not_hold_the_number_of_the_passport() -> None:
    """In whatever case, and without its state."""
    with pytest.raises(Rejected) as caught:
        require_acceptable_password(
            SecretText("mi clave ab123456 larga"), cedula="COL-AB123456", names=["Ana"], email="a@correo.test"
        )
    assert caught.value.code == "password_personal"
