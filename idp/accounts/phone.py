"""A telephone number that a person types, made valid once: a mobile one, of a country that messages are sent to."""

from __future__ import annotations

from collections.abc import Collection

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from kernel.errors import Rejected

HOME_REGION = "EC"
_MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
_LONGEST = 40


def parse_phone(text: str, *, countries: Collection[str]) -> str:
    """Return a mobile number in E.164 (``+593…``), typed as at home or with the country's prefix.

    :param countries: calling codes (``593``) that messages are sent to: a message to another costs the operator
        money that its sender may share in.
    :raises Rejected: ``phone_missing``, ``phone_invalid``, ``phone_not_mobile``, ``phone_country``.
    """
    text = text.strip()
    if not text:
        raise Rejected("Type the telephone number.", code="phone_missing")
    try:
        number = phonenumbers.parse(text[:_LONGEST], HOME_REGION)
    except NumberParseException as error:
        raise Rejected("That is no telephone number.", code="phone_invalid") from error
    if not phonenumbers.is_valid_number(number) or number.extension:
        raise Rejected("That is no telephone number.", code="phone_invalid")
    if str(number.country_code) not in countries:
        raise Rejected("No messages are sent to that country.", code="phone_country")
    if phonenumbers.number_type(number) not in _MOBILE:
        raise Rejected("A message reaches mobile telephones only.", code="phone_not_mobile")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def shown_phone(phone: str) -> str:
    """Return an E.164 number as its owner reads it: ``099 123 4567`` at home, ``+51 912 345 678`` elsewhere."""
    number = phonenumbers.parse(phone)
    home = phonenumbers.region_code_for_number(number) == HOME_REGION
    return phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL if home else PhoneNumberFormat.INTERNATIONAL)


def mask_phone(phone: str) -> str:
    """Return an E.164 number with only its last three digits: enough for its owner to know it, no more."""
    return f"{'•' * 6}{phone[-3:]}" if phone else ""
