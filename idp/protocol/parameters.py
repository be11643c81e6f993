"""Parameters as they came: bounded, each at most once (RFC 6749 §3.1, §3.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kernel.errors import Rejected

COUNT_LIMIT = 50
NAME_LIMIT = 64
VALUE_LIMIT = 8_000
TOTAL_LIMIT = 32_000
_NOT_TEXT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
# RFC 8707 §2, RFC 8693 §2.1: these may come more than once.
REPEATABLE = frozenset({"resource", "audience"})


class ParametersError(Rejected):
    """Parameters that no rule will look at: too many, too long, with control characters, or one twice."""

    default_code = "invalid_request"


@dataclass(frozen=True)
class Parameters:
    """Parameters of one request.

    :ivar values: those with a value: a parameter without one counts as absent (RFC 6749 §3.1).
    :ivar repeated: names that came more than once although they may not.
    :ivar lists: all values of the few names that may.
    """

    values: Mapping[str, str]
    repeated: frozenset[str]
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def get(self, name: str) -> str | None:
        """Return the value, if there is one."""
        return self.values.get(name)

    def all(self, name: str) -> tuple[str, ...]:
        """Return all values of a name that may come more than once."""
        return self.lists.get(name, ())

    def require_each_once(self) -> None:
        """:raises ParametersError: if a parameter came twice: two readers might each believe another one."""
        if self.repeated:
            raise ParametersError(f"A parameter came more than once: {', '.join(sorted(self.repeated))}.")


def read_parameters(pairs: Iterable[tuple[str, str]]) -> Parameters:
    """Return ``pairs`` of a query or form as parameters.

    :raises ParametersError: too many, too long, or with control characters, which no parameter of the protocol has.
    """
    values: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    seen: set[str] = set()
    repeated: set[str] = set()
    total = 0
    for count, (name, value) in enumerate(pairs, 1):
        total += len(name) + len(value)
        if count > COUNT_LIMIT or len(name) > NAME_LIMIT or len(value) > VALUE_LIMIT or total > TOTAL_LIMIT:
            raise ParametersError("The request has too many or too long parameters.")
        if _NOT_TEXT.search(name) or _NOT_TEXT.search(value):
            raise ParametersError("The request has a control character.")
        if name in REPEATABLE:
            if value:
                lists[name] = (*lists.get(name, ()), value)
                values.setdefault(name, value)
            continue
        if name in seen:
            repeated.add(name)
        seen.add(name)
        if value:
            values[name] = value
    return Parameters(values=values, repeated=frozenset(repeated), lists=lists)
