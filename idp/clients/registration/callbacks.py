"""Where an application hears of things without a person's click: logout notices, frames, security events."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from idp.clients.registration.uris import URI_LIMIT, origin_of
from idp.protocol.security_event import EVENT_TYPES
from kernel.errors import Rejected
from kernel.secret_text import SecretText
from kernel.settings import is_loopback
from outgoing.errors import OutgoingError
from outgoing.target import parse_target

AUTHORIZATION_LIMIT = 1_000
# RFC 9110 §11.4: a token, then visible characters; nothing that could end the header.
_CREDENTIALS = re.compile(r"|[!#$%&'*+.^_`|~0-9A-Za-z-]+ [!-~]+([ ][!-~]+)*")


def require_callback_uri(metadata: Mapping[str, Any], name: str) -> str | None:
    """Return the address registered as ``name``, if any: ``https``, no fragment, no user; ``http`` on loopback only.

    :raises Rejected: (``bad_client_metadata``) saying what to correct.
    """
    uri = metadata.get(name)
    if uri is None:
        return None
    refusal = Rejected(f"{name}: an https:// address without fragment", code="bad_client_metadata")
    if not isinstance(uri, str) or len(uri) > URI_LIMIT:
        raise refusal
    try:
        target = parse_target(uri)
    except OutgoingError as error:
        raise refusal from error
    if target.scheme == "http" and not is_loopback(uri):
        raise refusal
    return uri


def leaving_values(metadata: Mapping[str, Any], *, redirect_uris: Sequence[str]) -> dict[str, Any]:
    """Return the valid values of Back-Channel Logout 1.0 §2.2 and Front-Channel Logout 1.0 §2, by field.

    :raises Rejected: (``bad_client_metadata``).
    """
    frontchannel = require_callback_uri(metadata, "frontchannel_logout_uri")
    if frontchannel is not None and origin_of(frontchannel) not in {origin_of(uri) for uri in redirect_uris}:
        # Front-Channel Logout §2: scheme, host and port of a registered redirection URI.
        raise Rejected("frontchannel_logout_uri: on the host of one of the redirect_uris", code="bad_client_metadata")
    return {
        "backchannel_logout_uri": require_callback_uri(metadata, "backchannel_logout_uri"),
        "backchannel_logout_session_required": _flag(metadata, "backchannel_logout_session_required"),
        "frontchannel_logout_uri": frontchannel,
        "frontchannel_logout_session_required": _flag(metadata, "frontchannel_logout_session_required"),
    }


def event_values(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return where an application takes security events and which; all that there are if it names none.

    :raises Rejected: (``bad_client_metadata``).
    """
    uri = require_callback_uri(metadata, "event_delivery_uri")
    requested = metadata.get("events_requested")
    if requested is None:
        return {"event_delivery_uri": uri, "events_requested": EVENT_TYPES if uri else ()}
    if not isinstance(requested, list | tuple) or not all(kind in EVENT_TYPES for kind in requested):
        raise Rejected(f"events_requested: a list out of {', '.join(EVENT_TYPES)}", code="bad_client_metadata")
    if uri is None:
        raise Rejected("events_requested: goes with event_delivery_uri", code="bad_client_metadata")
    return {"event_delivery_uri": uri, "events_requested": tuple(kind for kind in EVENT_TYPES if kind in requested)}


def event_authorization(metadata: Mapping[str, Any]) -> SecretText | None:
    """Return the value of the ``Authorization`` header (RFC 9110 §11.6.2) for the receiver of events.

    None: nothing is said of it. Empty: there shall be none. It is no part of the metadata, which are shown again.

    :raises Rejected: (``bad_client_metadata``); the value is not repeated.
    """
    value = metadata.get("event_delivery_authorization")
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > AUTHORIZATION_LIMIT or not _CREDENTIALS.fullmatch(value):
        detail = f"event_delivery_authorization: scheme and credentials, {AUTHORIZATION_LIMIT} ASCII characters at most"
        raise Rejected(detail, code="bad_client_metadata")
    if value and metadata.get("event_delivery_uri") is None:
        raise Rejected("event_delivery_authorization: goes with event_delivery_uri", code="bad_client_metadata")
    return SecretText(value)


def _flag(metadata: Mapping[str, Any], name: str) -> bool:
    value = metadata.get(name, False)
    if not isinstance(value, bool):
        raise Rejected(f"{name}: true or false", code="bad_client_metadata")
    return value
