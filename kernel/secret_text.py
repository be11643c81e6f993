"""Text that cannot print itself."""

from __future__ import annotations

from hmac import compare_digest
from typing import Any, NoReturn


class SecretText:
    """A password, code or token on its way through the program.

    ``repr`` and ``str`` show nothing, it cannot be pickled, and comparison takes constant time.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text itself: call it only where the text is checked, hashed or sent."""
        return self._value

    def __repr__(self) -> str:
        return "SecretText(…)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretText):
            return NotImplemented
        return compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        # pydantic's own machinery: settings may hold a SecretText read from a string.
        from pydantic_core import core_schema  # noqa: PLC0415 - only settings need pydantic

        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls(value)
        )
