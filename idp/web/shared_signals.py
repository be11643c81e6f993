"""What is served of the Shared Signals Framework: its discovery document, for receivers of security events."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from idp.protocol.security_event import PUSH
from idp.web.access import services
from idp.web.cross_origin import allow_anyone

blueprint = Blueprint("idp_shared_signals", __name__)
_CACHED = "public, max-age=300"


@blueprint.get("/.well-known/ssf-configuration")
def configuration() -> Response:
    """Return the metadata of the transmitter (Shared Signals Framework 1.0 §7.1).

    Receivers register with their client metadata: there is no endpoint to manage streams, and none is named.
    """
    issuer = services().settings.issuer
    response = jsonify(
        spec_version="1_0",
        issuer=issuer,
        jwks_uri=f"{issuer}/jwks",
        delivery_methods_supported=[PUSH],
        critical_subject_members=["user"],
        default_subjects="ALL",
    )
    response.headers["Cache-Control"] = _CACHED
    return allow_anyone(response)
