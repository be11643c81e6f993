"""The civil registry as this service asks it: one person by cédula, and what it knows of him."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from kernel.errors import Unavailable

#: What the registry may say of a person: only who is alive raises his level.
ALIVE, DECEASED, VOID = "alive", "deceased", "void"
STATUSES = (ALIVE, DECEASED, VOID)
_TEXT_LENGTH = 100


@dataclass(frozen=True, kw_only=True)
class CivilRecord:
    """What the registry knows of a person. It is compared with answers and never shown.

    :ivar fingerprint_code: the *código dactilar* on the back of the cédula, by :func:`normal_code`; or empty.
    :ivar status: one of :data:`STATUSES`.
    """

    cedula: str
    given_names: str
    surnames: str
    birth_date: date
    fingerprint_code: str
    status: str

    def __repr__(self) -> str:
        return "CivilRecord(…)"  # of a person who has not proved anything yet: in no log and no trace


class RegistryUnavailableError(Unavailable):
    """The registry did not answer, or not as documented. :ivar reason: why, for the record."""

    default_code = "registry_unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__("The civil registry does not answer now.")
        self.reason = reason


class CivilRegistry(Protocol):
    """Where civil records are asked for; outside of any transaction, for it may take seconds."""

    def find(self, cedula: str) -> CivilRecord | None:
        """Return the record of ``cedula`` (10 digits), or nothing if the registry knows nobody by it.

        :raises RegistryUnavailableError: if it cannot be asked, or answers in another form.
        """
        ...


def read_record(fields: Mapping[str, object]) -> CivilRecord:
    """Return the record in ``fields``, the members that docs/levels.md documents. :raises ValueError: if it is none."""
    told = {name: fields.get(name) for name in ("cedula", "given_names", "surnames", "birth_date")}
    code, status = fields.get("fingerprint_code") or "", fields.get("status")
    if not all(isinstance(value, str) and value for value in told.values()) or not isinstance(code, str):
        raise ValueError("a member is missing or no text")
    if status not in STATUSES:
        raise ValueError("status")
    return CivilRecord(
        cedula=str(told["cedula"]),
        given_names=_name(str(told["given_names"])),
        surnames=_name(str(told["surnames"])),
        birth_date=date.fromisoformat(str(told["birth_date"])),
        fingerprint_code=normal_code(code),
        status=str(status),
    )


def normal_code(text: str) -> str:
    """Return a *código dactilar* as it is compared: upper case, without spaces and hyphens."""
    kept = unicodedata.normalize("NFKC", text).upper()
    return "".join(letter for letter in kept if letter.isalnum())


def _name(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())[:_TEXT_LENGTH]
