"""Files that operators hand to ``sau client``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kernel.errors import Rejected


def read_json_object(file: Path) -> dict[str, Any]:
    """Return the JSON object in ``file``. :raises Rejected: (``bad_client_metadata``) it cannot be read or is none."""
    try:
        document = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Rejected(f"{file} cannot be read as JSON.", code="bad_client_metadata") from error
    if not isinstance(document, dict):
        raise Rejected(f"{file} must hold one JSON object.", code="bad_client_metadata")
    return document
