"""Two configurations compared, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from admin.as_code.yaml_text import Path, dotted

ADDED, REMOVED, CHANGED = "+", "-", "~"
_HIDDEN = "…"


@dataclass(frozen=True)
class Change:
    """One field that differs. :ivar mark: ``+``, ``-`` or ``~``."""

    mark: str
    path: Path
    before: Any = None
    after: Any = None

    def as_record(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"change": self.mark, "path": list(self.path), "before": self.before, "after": self.after}

    def as_text(self) -> str:
        """Return one line that says what was and what is. What a terminal would obey is written out."""
        name = json.dumps(dotted(self.path), ensure_ascii=False)[1:-1]
        if self.mark == ADDED:
            return f"+ {name}: {_said(self.after)}"
        if self.mark == REMOVED:
            return f"- {name}: {_said(self.before)}"
        return f"~ {name}: {_said(self.before)} -> {_said(self.after)}"


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return what differs between two documents, in the order in which they stand in them."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    found = [
        Change(CHANGED, path, old[path], value) if path in old else Change(ADDED, path, after=value)
        for path, value in new.items()
        if path not in old or old[path] != value
    ]
    return found + [Change(REMOVED, path, value) for path, value in old.items() if path not in new]


def replaced_secret(path: Path) -> Change:
    """Return the change of a secret: neither was shown, and neither is."""
    return Change(CHANGED, path, _HIDDEN, _HIDDEN)


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping) and (value or len(path) > 1):
        if not value:
            yield path, {}
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif not (isinstance(value, Mapping) and len(path) < 2):  # a section of nothing is no field
        yield path, value


def _said(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)
