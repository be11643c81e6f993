"""SCIM filters (RFC 7644 §3.4.2.2), a bounded part: single attributes, ``and``, ``or``, ``not``, groups."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from kernel.errors import Rejected

Matches = Callable[[Mapping[str, Any]], bool]
_LONGEST, _DEEPEST = 500, 8
_TOKEN = re.compile(r'\s*(?:(\()|(\))|("(?:[^"\\]|\\.)*")|([A-Za-z][A-Za-z0-9.:_-]*))')
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda held, given: held == given,
    "ne": lambda held, given: held != given,
    "co": lambda held, given: given in held,
    "sw": lambda held, given: held.startswith(given),
    "ew": lambda held, given: held.endswith(given),
}


def parse_filter(text: str, *, attributes: Mapping[str, str]) -> Matches:
    """Return what the filter asks of a resource.

    :param attributes: names in lower case, and as the resource has them.
    :raises Rejected: (``invalid_filter``).
    """
    if len(text) > _LONGEST:
        _wrong()
    tokens = _tokens(text)
    matches = _any(tokens, attributes, 0)
    if tokens:
        _wrong()
    return matches


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    text = text.strip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            _wrong()
        tokens.append(found[0].strip())
        at = found.end()
    return tokens


def _any(tokens: list[str], attributes: Mapping[str, str], depth: int) -> Matches:
    parts = [_all(tokens, attributes, depth)]
    while tokens and tokens[0].lower() == "or":
        tokens.pop(0)
        parts.append(_all(tokens, attributes, depth))
    return lambda resource: any(part(resource) for part in parts)


def _all(tokens: list[str], attributes: Mapping[str, str], depth: int) -> Matches:
    parts = [_one(tokens, attributes, depth)]
    while tokens and tokens[0].lower() == "and":
        tokens.pop(0)
        parts.append(_one(tokens, attributes, depth))
    return lambda resource: all(part(resource) for part in parts)


def _one(tokens: list[str], attributes: Mapping[str, str], depth: int) -> Matches:
    first = _take(tokens)
    if depth > _DEEPEST:
        _wrong()
    if first.lower() == "not":
        inner = _one(tokens, attributes, depth + 1)
        return lambda resource: not inner(resource)
    if first == "(":
        inner = _any(tokens, attributes, depth + 1)
        if _take(tokens) != ")":
            _wrong()
        return inner
    name = attributes.get(first.lower())
    operator = _take(tokens).lower()
    if name is None:
        _wrong()
    if operator == "pr":
        return lambda resource: resource.get(name) not in (None, "")
    compare, wanted = _OPERATORS.get(operator), _value(_take(tokens))
    if compare is None:
        _wrong()
    return lambda resource: compare(_comparable(resource.get(name)), wanted)


def _value(token: str) -> str:
    if token in ("true", "false", "null"):
        return "" if token == "null" else token
    if not token.startswith('"'):
        _wrong()
    try:
        return str(json.loads(token)).casefold()
    except ValueError:
        _wrong()


def _comparable(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value or "").casefold()


def _take(tokens: list[str]) -> str:
    return tokens.pop(0) if tokens else _wrong()


def _wrong() -> NoReturn:
    raise Rejected("The filter cannot be read.", code="invalid_filter")
