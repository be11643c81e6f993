"""Members that would change security and are not served (yet): registering them is refused, never passed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.clients.values import refusal

# Each line goes when its rule is served.
UNSERVED: Mapping[str, str] = {
    "request_uris": "request objects are not served",
    "request_object_signing_alg": "request objects are not served",
    "request_object_encryption_alg": "encrypted request objects are not served",
    "require_signed_request_object": "request objects are not served",
    "require_pushed_authorization_requests": "pushed requests are not served",
    "authorization_details_types": "authorization details are not served",
}


def refuse_unserved(metadata: Mapping[str, Any]) -> None:
    """:raises Rejected: (``bad_client_metadata``) a member is there whose promise this service would break."""
    for name, why in UNSERVED.items():
        if metadata.get(name):
            raise refusal(f"{name}: {why}")
