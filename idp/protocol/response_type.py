"""``response_type``: what the answer carries (OAuth 2.0 Multiple Response Type Encoding Practices §3, §5)."""

from __future__ import annotations

from collections.abc import Collection

from idp.protocol.errors import RedirectableError

CODE, ID_TOKEN, TOKEN = "code", "id_token", "token"  # nosec B105 - names
# Not `token` alone: OpenID Connect has no use for it, and nobody could tell for whom such a token was made.
RESPONSE_TYPES = (CODE, ID_TOKEN, "id_token token", "code id_token", "code token", "code id_token token")


def normal_response_type(text: str) -> str:
    """Return the parts in alphabetical order: their order has no meaning (RFC 6749 §3.1.1)."""
    return " ".join(sorted(set(text.split(" ")) - {""}))


def gives_tokens(response_type: str | None) -> bool:
    """Tell whether the answer itself carries a token, which must never stand in a query (§3, §5)."""
    return bool({ID_TOKEN, TOKEN} & set((response_type or "").split(" ")))


def require_response_type(
    text: str | None, *, allowed: Collection[str], registered: Collection[str], grant_types: Collection[str]
) -> str:
    """Return the response type, its parts in alphabetical order.

    :param allowed: by the client's policy; with nothing allowed, nobody logs in to it.
    :param registered: by the client.
    :raises RedirectableError: ``invalid_request``, ``unsupported_response_type``, ``unauthorized_client``.
    """
    if text is None:
        raise RedirectableError("invalid_request", "The response_type is missing.")
    response_type = normal_response_type(text)
    if response_type not in RESPONSE_TYPES:
        raise RedirectableError("unsupported_response_type", f"response_type is one of: {', '.join(RESPONSE_TYPES)}.")
    if CODE in response_type.split(" ") and "authorization_code" not in grant_types:
        raise RedirectableError("unauthorized_client", "This client did not register the grant authorization_code.")
    # RFC 9700 §2.1.2: tokens in a redirect leak; so only where an administrator has allowed it.
    if response_type not in allowed or response_type not in {normal_response_type(item) for item in registered}:
        raise RedirectableError("unauthorized_client", "This client may not use this response_type.")
    return response_type
