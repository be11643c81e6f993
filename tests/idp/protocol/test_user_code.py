"""User codes: typed on a telephone, read aloud by someone else (RFC 8628 §6.1)."""

from __future__ import annotations

import math

import pytest

from idp.protocol.user_code import ALPHABET, LENGTH, read_user_code, written_user_code
from kernel.errors import Rejected


@pytest.mark.parametrize(
    "typed",
    [
        "BCDFGHJK",
        "bcdfghjk",
        "BCDF-GHJK",
        "bcdf ghjk",
        " b c d f–g h j k ",
        "ＢＣＤＦ－ＧＨＪＫ",
        "BCDF\u00a0GHJK",
        "bcdf−ghjk",
    ],
)
def test_case_spaces_and_hyphens_do_not_matter(typed: str) -> None:
    """RFC 8628 §6.1: what is easily mistyped is forgiven."""
    assert read_user_code(typed) == "BCDFGHJK"


def test_letters_that_sound_alike_are_one() -> None:
    """Who hears «ve» and types it means «be»; «ene» is «eme». Neither stands in a code, so nothing is confused."""
    assert read_user_code("VCDF-GHJN") == "BCDFGHJM"
    assert not set("VNWYAEIOU0123456789") & set(ALPHABET)


@pytest.mark.parametrize("typed", ["BCDFGHJ", "BCDFGHJKL", "BCDFGHJ1", "BCDFGHJA", "BCDFGHJÑ", "BCDF.GHJK", "🙂" * 8])
def test_other_texts_are_refused(typed: str) -> None:
    """Nothing is looked up for what cannot be a code."""
    with pytest.raises(Rejected, match="user_code_malformed"):
        read_user_code(typed)


@pytest.mark.parametrize("typed", ["", "  ", "--", "\x00"])
def test_nothing_typed_is_said_so(typed: str) -> None:
    """The page says what is missing instead of what is wrong."""
    with pytest.raises(Rejected, match="user_code_missing"):
        read_user_code(typed)


def test_it_is_written_in_two_groups() -> None:
    """And read back as it is written."""
    assert written_user_code("BCDFGHJK") == "BCDF-GHJK"
    assert read_user_code(written_user_code("BCDFGHJK")) == "BCDFGHJK"


def test_there_is_the_entropy_that_the_throttles_were_reckoned_with() -> None:
    """RFC 8628 §5.1: 600 guesses an hour at 10,000 codes that wait hit one in more than a thousand hours."""
    codes = len(ALPHABET) ** LENGTH
    assert math.log2(codes) > 32.5
    assert codes / (600 * 10_000) > 1_000
