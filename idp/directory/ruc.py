"""The RUC: the number by which Ecuador's tax administration knows an institution."""

from __future__ import annotations

from stdnum.ec import ruc as stdnum_ruc

from kernel.errors import Rejected


def normalize_ruc(typed: str) -> str:
    """Return ``typed`` as 13 digits.

    Only the shape is required (province 01–24 or 30, head office or branch 001–999): numbers handed out in recent
    years do not all satisfy the check digit, so :func:`has_check_digit` warns and nobody is refused for it.

    :raises Rejected: (``bad_ruc``).
    """
    number = "".join(character for character in typed if character not in " -.")
    if len(number) != 13 or not (number.isascii() and number.isdigit()):
        raise Rejected("A RUC has 13 digits.", code="bad_ruc")
    province = int(number[:2])
    if not (1 <= province <= 24 or province == 30):
        raise Rejected("The first two digits of a RUC are a province: 01 to 24, or 30.", code="bad_ruc")
    if number[10:] == "000":
        raise Rejected("The last three digits of a RUC are 001 or more.", code="bad_ruc")
    return number


def has_check_digit(ruc: str) -> bool:
    """Tell whether the check digit of a normalized RUC fits; a false answer calls for a second look, no more."""
    return bool(stdnum_ruc.is_valid(ruc))
