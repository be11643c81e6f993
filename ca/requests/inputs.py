"""What the operator typed beside the CSR, checked by the profile's fields."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stdnum.ec import ci, ruc

from ca.issuance.subject import fill_template
from ca.profiles.profile import InputField, Profile
from ca.requests.csr import ParsedRequest
from ca.requests.text import require_plain_text
from kernel.errors import Rejected

_PASSPORT = re.compile(r"[A-Z0-9]{5,20}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_PHONE = re.compile(r"\+?[0-9][0-9 -]{5,18}[0-9]")


def checked_inputs(
    profile: Profile, typed: Mapping[str, str], *, parsed: ParsedRequest, known: Mapping[str, str]
) -> dict[str, str]:
    """Return each field's value: typed, else proposed by the CSR, else the profile's default.

    :param known: parts from the register, for defaults.
    :raises Rejected: ``unknown_input``, ``input_missing``, ``too_many_inputs``, ``bad_cedula``, ``bad_ruc``,
        ``bad_passport``, ``bad_country``, ``bad_phone``, and what text raises.
    """
    unknown = set(typed) - {field.name for field in profile.inputs}
    if unknown:
        raise Rejected(f"This profile has no field {', '.join(sorted(unknown))}.", code="unknown_input")
    values: dict[str, str] = {}
    for field in profile.inputs:
        value = typed.get(field.name, "").strip() or _proposed(field, parsed) or _default(field, known)
        if value:
            values[field.name] = _checked(field, value)
        elif field.required:
            raise Rejected(f"Fill in “{field.label}” ({field.name}).", code="input_missing")
    _require_exactly_one(profile, values)
    return values


def holder_number(inputs: Mapping[str, str]) -> str | None:
    """Return what tells the person of a certificate from others: cédula, else passport; None if it names no person."""
    return inputs.get("cedula") or inputs.get("passport")


def _require_exactly_one(profile: Profile, values: Mapping[str, str]) -> None:
    given = [name for name in profile.exactly_one_of if name in values]
    if profile.exactly_one_of and len(given) != 1:
        labels = {field.name: field.label for field in profile.inputs}
        choice = " / ".join(labels[name] for name in profile.exactly_one_of)
        raise Rejected(f"Fill in exactly one of: {choice}.", code="input_missing" if not given else "too_many_inputs")


def _proposed(field: InputField, parsed: ParsedRequest) -> str:
    if field.from_csr != "commonName":
        return ""
    if len(parsed.common_names) > 1:
        raise Rejected("The request has more than one common name.", code="several_common_names")
    return parsed.common_names[0] if parsed.common_names else ""


def _default(field: InputField, known: Mapping[str, str]) -> str:
    return (fill_template(field.default, known) or "") if field.default else ""


def _checked(field: InputField, value: str) -> str:
    if field.kind == "cedula":
        number: str = ci.compact(value)
        if not (number.isascii() and ci.is_valid(number)):
            raise Rejected("This is no cédula: ten digits, the last one checks the others.", code="bad_cedula")
        return number
    if field.kind == "ruc":
        # Only the shape: newer numbers do not all satisfy the check digit.
        number = ruc.compact(value)
        if not (number.isascii() and number.isdigit() and len(number) == 13 and number[10:] != "000"):
            raise Rejected("A RUC has 13 digits, the last three 001 or more.", code="bad_ruc")
        return number
    if field.kind == "passport" and not _PASSPORT.fullmatch(value := value.upper()):
        raise Rejected("A passport number has 5 to 20 letters and digits.", code="bad_passport")
    if field.kind == "country" and not _COUNTRY.fullmatch(value := value.upper()):
        raise Rejected("A country is told by its two letters (ISO 3166-1).", code="bad_country")
    if field.kind == "phone" and not _PHONE.fullmatch(value):
        raise Rejected("This is no telephone number.", code="bad_phone")
    return require_plain_text(value, what=f"“{field.label}”", limit=field.max_length)
