"""What came from a form, and what was wrong with it: values come back to the page, passwords never."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import request

from idp.web.messages import words_for
from idp.web.refused_steps import note_refusal
from kernel.errors import Rejected, ServiceError
from kernel.secret_text import SecretText

Value = TypeVar("Value")
_LIMIT = 512


class Texts(dict[str, str]):
    """Texts by field; a field without one has the empty text, so that templates may ask for any."""

    def __missing__(self, name: str) -> str:
        return ""


class Form:
    """The fields of this request's form, read once."""

    def __init__(self) -> None:
        self.values: dict[str, str] = Texts()
        self.errors: dict[str, str] = Texts()

    def text(self, name: str, *, longest: int = _LIMIT) -> str:
        """Return the field's text, cut to a bound, empty when absent."""
        value = request.form.get(name, "")[:longest].replace("\x00", "")
        self.values[name] = value
        return value

    def password(self, name: str = "password") -> SecretText:
        """Return a password field; it never comes back to the page."""
        return SecretText(request.form.get(name, "")[:_LIMIT].replace("\x00", ""))

    def read(self, name: str, parse: Callable[[str], Value]) -> Value | None:
        """Return the field made valid by ``parse``; note its error and return nothing where it is not."""
        try:
            return parse(self.text(name))
        except Rejected as error:
            self.refuse(name, error)
            return None

    def refuse(self, name: str, error: ServiceError) -> None:
        """Note that the field ``name`` is why the form comes back, for the page and for the record."""
        note_refusal(error, name)
        self.errors.setdefault(name, words_for(error))

    @property
    def summary(self) -> list[tuple[str, str]]:
        """The errors as (id of the field, message) pairs."""
        return list(self.errors.items())
