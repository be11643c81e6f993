"""Authorization details in the words of the consent page: the API's own, and values exactly as asked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext

from idp.protocol.authorization_details import DetailsType


@dataclass(frozen=True)
class DetailsBlock:
    """One authorization. :ivar rows: what it is about, name and value."""

    title: str
    api_name: str
    rows: tuple[tuple[str, str], ...]


def details_blocks(details: Sequence[Mapping[str, Any]], types: Mapping[str, DetailsType]) -> list[DetailsBlock]:
    """Return a block for each of ``details``."""
    return [_block(item, types[item["type"]]) for item in details if item["type"] in types]


def _block(item: Mapping[str, Any], declared: DetailsType) -> DetailsBlock:
    rows: list[tuple[str, str]] = []
    if "actions" in item:
        words = ", ".join(declared.actions.get(action, action) for action in item["actions"])
        rows.append((gettext("Qué podrá hacer"), words))
    for name, known in declared.fields.items():
        if name in item:
            rows.append((known.title, _value(item[name])))
    if "identifier" in item:
        rows.append((gettext("Sobre qué"), item["identifier"]))
    if "datatypes" in item:
        rows.append((gettext("Sobre qué datos"), ", ".join(item["datatypes"])))
    if "locations" in item:
        rows.append((gettext("Dónde"), ", ".join(item["locations"])))
    return DetailsBlock(declared.title, declared.api_name, tuple(rows))


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(gettext("Sí") if value else gettext("No"))
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_value(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(_value(part) for part in value)
    return value if isinstance(value, str) else json.dumps(value)
