"""Secrets in a configuration: never written there, but named by where they stand."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

from admin.as_code.applications import CLIENT_SECRET, KEPT, NEW, SECTION
from admin.as_code.yaml_text import Lines, Path
from kernel.secret_text import SecretText

_FILE, _ENVIRONMENT = "file", "environment"
_LIMIT = 2_000


@dataclass(frozen=True)
class SecretWish:
    """What a file says of a secret. :ivar given: what stands where it points; None: ``kept`` or ``new``."""

    word: str = ""
    given: SecretText | None = None


def read_secret(value: Any, path: Path, lines: Lines, *, folder: File) -> SecretWish:
    """Return what is said of a secret; files are looked for from ``folder``.

    :raises Rejected: (``bad_configuration``); what stands there is not repeated: it may be the secret itself.
    """
    words = (KEPT, NEW) if path[0] == SECTION and path[-1] == CLIENT_SECRET else (KEPT,)
    if value in words:
        return SecretWish(word=value)
    if not isinstance(value, Mapping) or len(value) != 1 or not set(value) <= {_FILE, _ENVIRONMENT}:
        raise lines.wrong(path, f"{', '.join(words)}, or where it stands: file or environment, and a name")
    ((kind, name),) = value.items()
    if not isinstance(name, str) or not name:
        raise lines.wrong((*path, kind), "a name")
    try:
        text = os.environ[name] if kind == _ENVIRONMENT else (folder / name).read_text("utf-8")[: _LIMIT + 1]
    except (KeyError, OSError, ValueError) as error:
        raise lines.wrong((*path, kind), f"there is nothing to read at {name}") from error
    if not text.strip() or len(text) > _LIMIT:
        raise lines.wrong((*path, kind), f"what stands at {name} is no secret")
    return SecretWish(given=SecretText(text.strip()))
