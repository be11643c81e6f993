"""Examples of documents, put together from those of their members: what the description shows, the tests check."""

from __future__ import annotations

import types
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

_WHEN = datetime(2026, 11, 23, 15, 4, 5, tzinfo=UTC)


def example_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return a document that ``model`` takes, as JSON values."""
    values = {name: _value(field) for name, field in model.model_fields.items()}
    return model.model_validate(values).model_dump(mode="json")


def body_example(model: type[BaseModel]) -> dict[str, Any]:
    """Return a body that ``model`` takes: each member that has an example or is needed."""
    fields = {name: field for name, field in model.model_fields.items() if field.examples or field.is_required()}
    values = {name: _value(field) for name, field in fields.items()}
    return model.model_validate(values).model_dump(mode="json", exclude_unset=True)


def _value(field: FieldInfo) -> Any:
    return field.examples[0] if field.examples else _of(field.annotation)


def _of(kind: Any) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        told = [each.examples[0] for each in inner[1:] if isinstance(each, FieldInfo) and each.examples]
        return told[0] if told else _of(inner[0])
    if origin is Literal:
        return inner[0]
    if origin in (Union, types.UnionType):
        return None if type(None) in inner else _of(inner[0])
    if origin in (tuple, list):
        return [_of(inner[0])]
    if origin is dict:
        return {}
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: _value(field) for name, field in kind.model_fields.items()}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind)).value
    plain: dict[Any, Any] = {str: "…", int: 3, bool: True, datetime: _WHEN}
    return plain[kind]
