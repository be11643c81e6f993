"""A way to reach a person: an e-mail address or a mobile telephone, made valid once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from idp.accounts.identity import mask_email, parse_email
from idp.accounts.phone import mask_phone, parse_phone, shown_phone


class ContactKind(StrEnum):
    """What a contact is. The value names the field of forms and the column of tables."""

    EMAIL = "email"
    PHONE = "phone"


@dataclass(frozen=True)
class Contact:
    """A contact. :ivar address: an e-mail address in lower case, or a telephone in E.164."""

    kind: ContactKind
    address: str

    @property
    def masked(self) -> str:
        """The address with enough of it for its owner to know it, no more."""
        return mask_phone(self.address) if self.kind is ContactKind.PHONE else mask_email(self.address)

    @property
    def shown(self) -> str:
        """The address as its owner reads it."""
        return shown_phone(self.address) if self.kind is ContactKind.PHONE else self.address

    @property
    def told(self) -> dict[str, str]:
        """The address as an event keeps it, in its private part."""
        return {self.kind.value: self.address}


def kind_named(text: str | None) -> ContactKind:
    """Return the kind that an address or a form names; e-mail where it names none."""
    return ContactKind.PHONE if text == ContactKind.PHONE.value else ContactKind.EMAIL


def parse_contact(kind: ContactKind, text: str, *, countries: Collection[str]) -> Contact:
    """Return what a person typed as a contact of ``kind``.

    :param countries: calling codes that messages are sent to.
    :raises Rejected: as :func:`idp.accounts.identity.parse_email` and :func:`idp.accounts.phone.parse_phone`.
    """
    if kind is ContactKind.PHONE:
        return Contact(kind, parse_phone(text, countries=countries))
    return Contact(kind, parse_email(text))
