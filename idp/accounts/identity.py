"""What a person types about himself, made valid once: cédula, names, e-mail."""

from __future__ import annotations

import re
import unicodedata

from stdnum.ec import ci
from stdnum.exceptions import ValidationError

from kernel.errors import Rejected

_EMAIL = re.compile(
    r"[^@\s\"(),:;<>\[\\\]]{1,64}@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+"
)
NAME_LENGTH = 100


def parse_cedula(text: str) -> str:
    """Return the 10 digits of a cédula typed with or without spaces and hyphens.

    :raises Rejected: ``cedula_missing``, ``cedula_length`` (detail: how many digits there are), ``cedula_invalid``.
    """
    text = unicodedata.normalize("NFKC", text).strip()
    if not text:
        raise Rejected("Type the cédula.", code="cedula_missing")
    compact: str = ci.compact(text)
    if not (compact.isascii() and compact.isdigit()):
        raise Rejected("A cédula has digits only.", code="cedula_invalid")
    if len(compact) != 10:
        raise Rejected(str(len(compact)), code="cedula_length")
    try:
        # Province 01-24 or 30, check digit modulo 10. stdnum refuses a third digit above 6; those with 6 exist.
        ci.validate(compact)
    except ValidationError as error:
        raise Rejected("The check digit of the cédula does not fit.", code="cedula_invalid") from error
    return compact


def parse_name(text: str) -> str:
    """Return a name with single spaces, in Unicode NFC.

    :raises Rejected: ``name_missing``, ``name_long``, ``name_characters`` (controls, digits, markup).
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise Rejected("Type the name.", code="name_missing")
    if len(name) > NAME_LENGTH:
        raise Rejected("The name is too long.", code="name_long")
    if not all(unicodedata.category(letter)[0] in "LM" or letter in " '’.-" for letter in name):
        raise Rejected("The name has a character that names do not have.", code="name_characters")
    return name


def parse_email(text: str) -> str:
    """Return an e-mail address, trimmed and in lower case.

    :raises Rejected: ``email_missing``, ``email_invalid``.
    """
    email = unicodedata.normalize("NFKC", text).strip().lower()
    if not email:
        raise Rejected("Type the e-mail address.", code="email_missing")
    if len(email) > 254 or not _EMAIL.fullmatch(email):
        raise Rejected("That is no e-mail address.", code="email_invalid")
    return email


def mask_email(email: str) -> str:
    """Return ``email`` with most of its name hidden: enough for its owner to know it, no more."""
    name, _, domain = email.partition("@")
    return f"{name[:1]}{'•' * 5}@{domain}"


def mask_cedula(cedula: str) -> str:
    """Return a cédula with only its last four digits."""
    return f"{'•' * 6}{cedula[-4:]}"
