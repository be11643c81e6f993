"""Who an application is, for people and for those who look after it (RFC 7591 §2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.clients.registration.values import https_uri, refusal, text, texts

CONTACTS_LIMIT = 10
_PAGES = ("client_uri", "logo_uri", "policy_uri", "tos_uri", "initiate_login_uri")


def about_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the valid members: pages that people may open, contacts, the software.

    :raises Rejected: (``bad_client_metadata``).
    """
    contacts = texts(metadata, "contacts")
    if len(contacts) > CONTACTS_LIMIT or not all(0 < len(each) <= 254 and each.isprintable() for each in contacts):
        raise refusal(f"contacts: {CONTACTS_LIMIT} mail addresses at most")
    return {
        **{name: https_uri(metadata, name) for name in _PAGES},
        "contacts": contacts,
        "software_id": text(metadata, "software_id"),
        "software_version": text(metadata, "software_version"),
    }
