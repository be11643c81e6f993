"""Contacts of an account (RFC 8555 §7.3): mail addresses, one in each."""

from __future__ import annotations

import re
from urllib.parse import unquote

from ca.acme.problem import AcmeProblem, Kind, malformed

_MOST = 5
_ADDRESS = re.compile(r"[^\s@,?<>\"\\]{1,64}@(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")


def checked_contacts(member: object) -> list[str]:
    """Return the contacts, at most five ``mailto:`` addresses.

    :raises AcmeProblem: ``malformed``, ``unsupportedContact`` (another scheme), ``invalidContact``.
    """
    if member is None:
        return []
    if not isinstance(member, list) or not all(isinstance(item, str) for item in member):
        raise malformed("contact is an array of texts.")
    if len(member) > _MOST:
        raise AcmeProblem(Kind.INVALID_CONTACT, f"At most {_MOST} contacts.")
    for item in member:
        if not item.lower().startswith("mailto:"):
            raise AcmeProblem(Kind.UNSUPPORTED_CONTACT, "Contacts are mail addresses: mailto:…")
        address = unquote(item[len("mailto:") :])
        # §7.3: no header fields, one address.
        if len(address) > 254 or not address.isprintable() or not _ADDRESS.fullmatch(address):
            raise AcmeProblem(Kind.INVALID_CONTACT, "A contact is not one plain mail address.")
    return list(dict.fromkeys(member))
