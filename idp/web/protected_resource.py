"""What our own API says of itself: UserInfo as a protected resource (RFC 9728)."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response

from idp.protocol.dpop import DPOP_ALGORITHMS
from idp.protocol.scope import IDENTITY_SCOPES, OFFLINE_ACCESS
from idp.tokens.target import userinfo_resource
from idp.web.access import services
from idp.web.cross_origin import allow_anyone
from idp.web.protocol_errors import USERINFO_METADATA_PATH

blueprint = Blueprint("idp_protected_resource", __name__)

_CACHE = "public, max-age=300"


@blueprint.get(USERINFO_METADATA_PATH)
def userinfo() -> Response:
    """Return the metadata of the UserInfo endpoint (§2), which its challenges point to (§5.1)."""
    settings = services().settings
    response = Response(
        json.dumps(metadata(settings.issuer, mutual_tls=bool(settings.mtls_origin))), mimetype="application/json"
    )
    response.headers["Cache-Control"] = _CACHE
    return allow_anyone(response)


def metadata(issuer: str, *, mutual_tls: bool) -> dict[str, Any]:
    """Return the document."""
    return {
        "resource": userinfo_resource(issuer),
        "resource_name": "SAU UserInfo",
        "authorization_servers": [issuer],
        "jwks_uri": f"{issuer}/jwks",
        "scopes_supported": [scope for scope in IDENTITY_SCOPES if scope != OFFLINE_ACCESS],
        "bearer_methods_supported": ["header", "body"],
        "dpop_signing_alg_values_supported": list(DPOP_ALGORITHMS),
        "dpop_bound_access_tokens_required": False,
        "tls_client_certificate_bound_access_tokens": mutual_tls,
    }
