"""Entity tags (RFC 9110 §8.8.3): a document's digest, so that a copy is known to be the present one."""

from __future__ import annotations

import hashlib
import json


def etag_of(document: object) -> str:
    """Return the strong tag of a JSON document."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def names(header: str, etag: str, *, weakly: bool) -> bool:
    """Tell whether ``If-Match`` or ``If-None-Match`` names ``etag``.

    :param weakly: a weak tag counts too: for ``If-None-Match`` (RFC 9110 §13.1.2), never for ``If-Match`` (§13.1.1).
    """
    told = [each.strip() for each in header.split(",")]
    return "*" in told or etag in ([each.removeprefix("W/") for each in told] if weakly else told)
