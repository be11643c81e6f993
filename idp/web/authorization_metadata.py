"""The part of discovery that is about authorization requests and their answers."""

from __future__ import annotations

from typing import Any

from idp.protocol.algorithms import (
    CONTENT_ENCRYPTION_ALGORITHMS,
    KEY_MANAGEMENT_ALGORITHMS,
    OLD_KEY_MANAGEMENT_ALGORITHMS,
    TOKEN_ALGORITHMS,
)
from idp.protocol.client_assertion import ALGORITHMS
from idp.protocol.pkce import METHOD as PKCE_METHOD
from idp.protocol.prompt import PROMPTS
from idp.protocol.response_mode import RESPONSE_MODES
from idp.protocol.response_type import RESPONSE_TYPES


def authorization_metadata(issuer: str) -> dict[str, Any]:
    """Return it; each list is made from the rule that holds it.

    Sources: OpenID Connect Discovery §3, RFC 8414 §2, RFC 9126 §5, RFC 9101 §10.5, JARM §4, RFC 9207 §3.
    """
    return {
        "authorization_endpoint": f"{issuer}/authorize",
        "pushed_authorization_request_endpoint": f"{issuer}/par",
        # Which client must push or sign is said by its policy and its registration.
        "require_pushed_authorization_requests": False,
        "require_signed_request_object": False,
        "response_types_supported": list(RESPONSE_TYPES),
        "response_modes_supported": list(RESPONSE_MODES),
        "authorization_signing_alg_values_supported": list(TOKEN_ALGORITHMS),
        "authorization_encryption_alg_values_supported": [
            *KEY_MANAGEMENT_ALGORITHMS,
            *OLD_KEY_MANAGEMENT_ALGORITHMS,
        ],
        "authorization_encryption_enc_values_supported": list(CONTENT_ENCRYPTION_ALGORITHMS),
        "authorization_response_iss_parameter_supported": True,
        "code_challenge_methods_supported": [PKCE_METHOD],
        "prompt_values_supported": list(PROMPTS),
        "request_parameter_supported": True,
        "request_uri_parameter_supported": True,
        "require_request_uri_registration": True,
        "request_object_signing_alg_values_supported": list(ALGORITHMS),
        "request_object_encryption_alg_values_supported": list(KEY_MANAGEMENT_ALGORITHMS),
        "request_object_encryption_enc_values_supported": list(CONTENT_ENCRYPTION_ALGORITHMS),
    }
