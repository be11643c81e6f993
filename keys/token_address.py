"""Where a security module is: a PKCS#11 address (RFC 7512)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from kernel.errors import Rejected

SCHEME = "pkcs11:"


@dataclass(frozen=True)
class TokenAddress:
    """A token, the module that reaches it, and the file with its PIN.

    :ivar label: of the token; :ivar serial: of the token. One of them at least is given.
    """

    module: Path
    pin_file: Path
    label: str | None = None
    serial: str | None = None

    @property
    def name(self) -> str:
        """The token for people."""
        return self.label or f"serial {self.serial}"


def parse_token_address(text: str) -> TokenAddress:
    """Return the token that ``pkcs11:token=LABEL?module-path=FILE&pin-source=file:FILE`` names.

    The PIN itself never stands in the address: it would be in the environment, in unit files, in process lists.

    :raises Rejected: (``bad_token_address``) naming what is wrong.
    """
    if not text.startswith(SCHEME):
        raise _bad("it does not begin with pkcs11:")
    path, _, query = text.removeprefix(SCHEME).partition("?")
    attributes = _pairs(path, ";") | _pairs(query, "&")
    if "pin-value" in attributes:
        raise _bad("the PIN belongs in a file (pin-source), not in the address")
    unknown = set(attributes) - {"token", "serial", "module-path", "pin-source"}
    if unknown:
        raise _bad(f"{', '.join(sorted(unknown))} is not known here")
    if not (attributes.get("token") or attributes.get("serial")):
        raise _bad("it names no token (token=LABEL or serial=NUMBER)")
    for needed in ("module-path", "pin-source"):
        if not attributes.get(needed):
            raise _bad(f"{needed} is missing")
    return TokenAddress(
        module=Path(attributes["module-path"]),
        pin_file=Path(attributes["pin-source"].removeprefix("file:")),
        label=attributes.get("token"),
        serial=attributes.get("serial"),
    )


def _pairs(text: str, separator: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, text.split(separator)):
        name, equals, value = part.partition("=")
        if not equals or name in found:
            raise _bad(f"{name} has no value, or stands twice")
        found[name] = unquote(value)
    return found


def _bad(reason: str) -> Rejected:
    return Rejected(f"This is no address of a token: {reason}.", code="bad_token_address")
