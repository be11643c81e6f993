"""What was typed into a form, as its page gets it back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flask import request


class Typed(dict[str, str]):
    """Values by field name; a field that nobody filled in is empty."""

    def __missing__(self, name: str) -> str:
        return ""


def typed_form(names: Iterable[str], *, limit: int = 2000) -> Typed:
    """Return the named fields of this form, trimmed and cut to ``limit`` characters."""
    return Typed({name: request.form.get(name, "").strip()[:limit] for name in names})


def typed_query(names: Iterable[str], *, limit: int = 200) -> Typed:
    """Return the named parameters of this address, trimmed and cut."""
    return Typed({name: request.args.get(name, "").strip()[:limit] for name in names})


def typed_from(values: Mapping[str, object]) -> Typed:
    """Return values that were kept while the operator logged in again."""
    return Typed({name: str(value) for name, value in values.items()})
