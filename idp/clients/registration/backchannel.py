"""What an application registers for backchannel authentication (CIBA Core §4)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from idp.clients.policy import CIBA, ClientPolicy
from idp.clients.registration.callbacks import require_callback_uri
from idp.clients.registration.values import flag, maybe_one_of, one_of, refusal
from idp.protocol.client_assertion import ALGORITHMS

POLL, PING = "poll", "ping"
# Push would hand tokens to an address; FAPI-CIBA §5.2.2 forbids it, and nobody needs it beside ping.
DELIVERY_MODES = (POLL, PING)
REQUEST_SIGNING_ALGORITHMS = ALGORITHMS


def backchannel_metadata(
    metadata: Mapping[str, Any], *, grants: Collection[str], policy: ClientPolicy
) -> dict[str, Any]:
    """Return the valid members about CIBA; empty without its grant type, whose members then mean nothing.

    :raises Rejected: (``bad_client_metadata``) saying what to correct.
    """
    if CIBA not in grants:
        return {}
    if metadata.get("backchannel_token_delivery_mode") is None:
        raise refusal(f"backchannel_token_delivery_mode: one of {', '.join(DELIVERY_MODES)}")
    mode = one_of(metadata, "backchannel_token_delivery_mode", DELIVERY_MODES, default="")
    endpoint = require_callback_uri(metadata, "backchannel_client_notification_endpoint")
    if (mode == PING) != (endpoint is not None):
        raise refusal("backchannel_client_notification_endpoint: goes with the delivery mode ping")
    if flag(metadata, "backchannel_user_code_parameter"):
        raise refusal("backchannel_user_code_parameter: not served, for people approve in a session of their own")
    allowed = [each for each in REQUEST_SIGNING_ALGORITHMS if each in (policy.signature_algorithms or ALGORITHMS)]
    name = "backchannel_authentication_request_signing_alg"
    return {
        "backchannel_token_delivery_mode": mode,
        "backchannel_client_notification_endpoint": endpoint,
        name: maybe_one_of(metadata, name, allowed),
    }
