"""``authorization_details``: what exactly an application may do at an API, this once (RFC 9396).

An API declares its types in its registration: what they are called, which actions they know and which further members
they have. What is not declared is refused, so that nobody allows what no page can put in words.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

PARAMETER = "authorization_details"
SIZE_LIMIT = 6_000
COUNT_LIMIT = 10
TEXT_LIMIT = 500
LIST_LIMIT = 20
DEPTH_LIMIT = 3

# RFC 9396 §2.2: common members. `privileges` means nothing here that `actions` does not.
_LISTS = ("locations", "actions", "datatypes")
KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}


class InvalidDetailsError(ValueError):
    """Details that nobody here can allow (RFC 9396 §5). The text is for developers."""


@dataclass(frozen=True)
class DetailsField:
    """A member of a type. :ivar title: as people read it. :ivar kind: a JSON type, see :data:`KINDS`."""

    title: str
    kind: str
    required: bool


@dataclass(frozen=True)
class DetailsType:
    """A type that an API declares.

    :ivar resource: the API's identifier. ``api_name``: as people read it.
    :ivar actions: what can be done, with words for each; empty: the type itself says it.
    """

    resource: str
    api_name: str
    title: str
    actions: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, DetailsField] = field(default_factory=dict)


def parse_authorization_details(
    text: str | None, *, allowed: Collection[str], types: Mapping[str, DetailsType]
) -> tuple[dict[str, Any], ...]:
    """Return the details of a request as checked; none without the parameter.

    :param allowed: types that the client registered (``authorization_details_types``).
    :param types: those that its APIs declare.
    :raises InvalidDetailsError: saying what is wrong.
    """
    if text is None:
        return ()
    details = _read(text)
    for item in details:
        kind = item.get("type")
        if not isinstance(kind, str) or kind not in allowed or kind not in types:
            raise InvalidDetailsError("a type is not one that this client may ask for")
        _require_declared(item, types[kind])
    return tuple(details)


def narrowed_details(text: str | None, *, granted: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Return the details of a token request: all that were granted, or the part of them that ``text`` names (§6).

    A part has the same members as what was granted; lists may be shorter, everything else is the same. Each that was
    granted gives one part at most: who allowed one payment has not allowed two.

    :raises InvalidDetailsError: if it is more than was granted.
    """
    if text is None:
        return tuple(granted)
    details = _read(text)
    parts = [[at for at, whole in enumerate(granted) if _is_part(item, whole)] for item in details]
    taken: dict[int, int] = {}
    if not all(_find_room(item, parts, taken, set()) for item in range(len(details))):
        raise InvalidDetailsError("more than was granted")
    return tuple(details)


def _read(text: str) -> list[dict[str, Any]]:
    try:
        details = json.loads(text) if len(text) <= SIZE_LIMIT else None
    except (ValueError, RecursionError):
        details = None
    if not isinstance(details, list) or not 0 < len(details) <= COUNT_LIMIT:
        raise InvalidDetailsError(f"a JSON array of 1 to {COUNT_LIMIT} objects")
    if not all(isinstance(item, dict) for item in details):
        raise InvalidDetailsError("each is a JSON object")
    return details


def _require_declared(item: Mapping[str, Any], declared: DetailsType) -> None:
    for name, value in item.items():
        if name == "type":
            continue
        if name in _LISTS:
            _require_texts(name, value)
        elif name == "identifier":
            _require_bounded(name, value, ("string",))
        elif name in declared.fields:
            _require_bounded(name, value, (declared.fields[name].kind,))
        else:
            raise InvalidDetailsError(f"{_quoted(name)} is not declared for this type")
    missing = [name for name, each in declared.fields.items() if each.required and name not in item]
    if missing:
        raise InvalidDetailsError(f"{_quoted(missing[0])} is missing")
    if not set(item.get("actions", ())) <= set(declared.actions):
        raise InvalidDetailsError("an action is not declared for this type")
    for location in item.get("locations", ()):
        if location != declared.resource and not location.startswith(f"{declared.resource.rstrip('/')}/"):
            raise InvalidDetailsError("a location is not of the API that declares this type")


def _require_texts(name: str, value: object) -> None:
    if not isinstance(value, list) or not 0 < len(value) <= LIST_LIMIT:
        raise InvalidDetailsError(f"{name} is a list of 1 to {LIST_LIMIT} texts")
    for each in value:
        _require_bounded(name, each, ("string",))


def _require_bounded(name: str, value: object, kinds: Collection[str], depth: int = 0) -> None:
    expected = tuple(kind for each in kinds for kind in KINDS[each])
    # In Python a truth value is a number; in JSON it is none.
    if not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected):
        raise InvalidDetailsError(f"{_quoted(name)} is not of its kind")
    if isinstance(value, float) and not isfinite(value):
        raise InvalidDetailsError(f"{_quoted(name)} is no number of JSON")  # RFC 8259 §6
    if isinstance(value, str) and not (0 < len(value) <= TEXT_LIMIT and value.isprintable()):
        raise InvalidDetailsError(f"{_quoted(name)} has 1 to {TEXT_LIMIT} characters that people can read")
    if isinstance(value, dict | list):
        if depth == DEPTH_LIMIT or len(value) > LIST_LIMIT:
            raise InvalidDetailsError(f"{_quoted(name)} has too many parts")
        # Names of members are told to the API like their values.
        for part in (*value, *value.values()) if isinstance(value, dict) else value:
            _require_bounded(name, part, tuple(KINDS), depth + 1)


def _find_room(item: int, parts: Sequence[Sequence[int]], taken: dict[int, int], tried: set[int]) -> bool:
    """Give ``item`` one of those that it may be a part of, moving earlier ones to others where that helps."""
    for whole in parts[item]:
        if whole in tried:
            continue
        tried.add(whole)
        if whole not in taken or _find_room(taken[whole], parts, taken, tried):
            taken[whole] = item
            return True
    return False


def _is_part(item: Mapping[str, Any], whole: Mapping[str, Any]) -> bool:
    if set(item) != set(whole):
        return False
    return all(
        set(value) <= set(whole[name]) and bool(value)
        if name in _LISTS and isinstance(value, list) and all(isinstance(each, str) for each in value)
        else json.dumps(value, sort_keys=True) == json.dumps(whole[name], sort_keys=True)
        for name, value in item.items()
    )


def _quoted(name: str) -> str:
    return name[:64].encode("ascii", "replace").decode()
