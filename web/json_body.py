"""JSON that programs send: read whole, or refused as none at all. What no table and no other reader takes is none."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from flask import request


def read_json(octets: bytes) -> Any:
    """Return the document.

    :raises ValueError: this is no JSON of Unicode text: no UTF-8, nested too deep, a member twice (readers would differ
        on which one counts), NaN (RFC 8259 §6), U+0000 or a lone surrogate in a text.
    """
    try:
        found = json.loads(octets.decode("utf-8"), parse_constant=_no_number, object_pairs_hook=_once)
        _require_text(found)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return found


def json_body(*, whatever_type: bool = False) -> Any:
    """Return the document in the body of this request; None where there is none.

    :param whatever_type: also where ``Content-Type`` does not say that it is JSON.
    """
    if not whatever_type and not request.is_json:
        return None
    try:
        return read_json(request.get_data())
    except ValueError:
        return None


def _no_number(_: str) -> NoReturn:
    raise ValueError("no such number in JSON (RFC 8259 §6)")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a member twice")
    return dict(pairs)


def _require_text(value: object) -> None:
    if isinstance(value, str):
        value.encode("utf-8")  # UnicodeEncodeError is a ValueError
        if "\0" in value:
            raise ValueError("no text has U+0000")
    for each in (
        (*value.keys(), *value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        _require_text(each)
