"""Members that would change security and are not served (yet): registering them is refused, never passed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.clients.values import refusal

# Each line goes when its rule is served.
UNSERVED: Mapping[str, str] = {}


def refuse_unserved(metadata: Mapping[str, Any]) -> None:
    """:raises Rejected: (``bad_client_metadata``) a member is there whose promise this service would break."""
    for name, why in UNSERVED.items():
        if metadata.get(name):
            raise refusal(f"{name}: {why}")
