"""The types of authorization details that an API declares (RFC 9396 §2), with words for everything in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.clients.registration.values import refusal
from idp.protocol.authorization_details import KINDS, DetailsField, DetailsType

TYPES_LIMIT = 20
MEMBERS_LIMIT = 20
WORDS_LIMIT = 100
_COMMON = frozenset({"type", "locations", "actions", "datatypes", "identifier", "privileges"})


def read_resource_details(value: object) -> dict[str, Any]:
    """Return the valid declaration of an API's types, as JSON values, for ``resource_details``.

    ``{type: {"title": words, "actions": {action: words}, "fields": {member: {"title": words, "type": JSON type,
    "required": bool}}}}``; ``actions`` and ``fields`` may be absent.

    :raises Rejected: (``bad_client_metadata``).
    """
    if value is None:
        return {}
    return {name: _type(name, declared) for name, declared in _object(value, "resource_details", TYPES_LIMIT).items()}


def details_types(declared: Mapping[str, Any], *, resource: str, api_name: str) -> dict[str, DetailsType]:
    """Return what :func:`read_resource_details` read, as values."""
    return {
        name: DetailsType(
            resource=resource,
            api_name=api_name,
            title=each["title"],
            actions=each["actions"],
            fields={
                member: DetailsField(known["title"], known["type"], known["required"])
                for member, known in each["fields"].items()
            },
        )
        for name, each in declared.items()
    }


def _type(name: str, value: object) -> dict[str, Any]:
    declared = _object(value, "resource_details", 3)
    if not 0 < len(name) <= WORDS_LIMIT or not name.isprintable() or " " in name:
        raise refusal("resource_details: a type is a name without spaces")
    actions = _object(declared.get("actions", {}), "resource_details: actions", MEMBERS_LIMIT)
    fields = _object(declared.get("fields", {}), "resource_details: fields", MEMBERS_LIMIT)
    if _COMMON & set(fields):
        raise refusal("resource_details: a field has a name of RFC 9396 §2.2")
    return {
        "title": _words(declared.get("title")),
        "actions": {action: _words(words) for action, words in actions.items()},
        "fields": {member: _field(known) for member, known in fields.items()},
    }


def _field(value: object) -> dict[str, Any]:
    known = _object(value, "resource_details: fields", 3)
    kind, required = known.get("type", "string"), known.get("required", False)
    if kind not in KINDS or not isinstance(required, bool):
        raise refusal(f"resource_details: a field has a type, one of {', '.join(KINDS)}, and may be required")
    return {"title": _words(known.get("title")), "type": kind, "required": required}


def _object(value: object, name: str, limit: int) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or len(value) > limit or not all(isinstance(each, str) for each in value):
        raise refusal(f"{name}: an object of {limit} members at most")
    return value


def _words(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= WORDS_LIMIT or not value.isprintable():
        raise refusal(f"resource_details: 1 to {WORDS_LIMIT} characters that people will read")
    return value
