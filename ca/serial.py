"""Serial numbers as text: one form in rows, addresses, commands and events."""

from __future__ import annotations

import re

from kernel.errors import Rejected

_HEX = re.compile(r"[0-9a-f]{1,40}")


def serial_text(number: int) -> str:
    """Return the serial as whole octets in lower-case hex, without the sign octet: what OpenSSL prints, in lower case.

    A positive serial of 20 octets at most (RFC 5280 §4.1.2.2) takes 40 characters at most.
    """
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big").hex()


def serial_number(text: str) -> int:
    """Return the number of a stored serial."""
    return int(text, 16)


def parse_serial(typed: str) -> str:
    """Return the stored form of a serial as people copy it: upper case, colons, spaces, ``0x``, a leading sign octet.

    :raises Rejected: (``bad_serial``) if it is no serial.
    """
    text = re.sub(r"[\s:.-]", "", typed).lower().removeprefix("0x").lstrip("0")
    if not _HEX.fullmatch(text):
        raise Rejected("A serial number has 1 to 40 hexadecimal digits.", code="bad_serial")
    return serial_text(int(text, 16))
