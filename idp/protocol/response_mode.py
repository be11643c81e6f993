"""How the answer travels to the application.

OAuth 2.0 Multiple Response Type Encoding Practices §2.1, OAuth 2.0 Form Post Response Mode, and JARM §2.3 (the answer
as one signed JWT).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from idp.protocol.errors import RedirectableError
from idp.protocol.response_type import gives_tokens

QUERY, FRAGMENT, FORM_POST = "query", "fragment", "form_post"
PLAIN_MODES = (QUERY, FRAGMENT, FORM_POST)
JWT = "jwt"
RESPONSE_MODES = (*PLAIN_MODES, *(f"{mode}.{JWT}" for mode in PLAIN_MODES), JWT)


def response_mode_or_default(text: str | None, *, response_type: str | None, signed: bool = False) -> str:
    """Return the mode in which the answer travels: the one asked for if it may be used, else the default.

    :param response_type: as it came; the default is the fragment for one that gives tokens, else the query.
    :param signed: whether the client's policy wants signed answers only.
    :return: a plain mode, or one with ``.jwt`` after it.
    """
    default = FRAGMENT if gives_tokens(response_type) else QUERY
    try:
        require_served_response_mode(text, response_type=response_type, signed=signed)
    except RedirectableError:
        text = None
    if text is None:
        return f"{default}.{JWT}" if signed else default
    return f"{default}.{JWT}" if text == JWT else text


def require_served_response_mode(text: str | None, *, response_type: str | None, signed: bool = False) -> None:
    """:raises RedirectableError: (``invalid_request``) for a mode that is not served, or not for this request."""
    if text is None:
        return
    if text not in RESPONSE_MODES:
        raise RedirectableError("invalid_request", f"response_mode is one of: {', '.join(RESPONSE_MODES)}.")
    if carrier_of(text) == QUERY and gives_tokens(response_type):
        # Multiple Response Types §3: a query ends in logs and histories. JARM §2.3.1 says the same of query.jwt.
        raise RedirectableError("invalid_request", "Tokens do not travel in a query.")
    if signed and not is_signed(text):
        raise RedirectableError("invalid_request", "This client gets signed answers only: response_mode jwt.")


def is_signed(mode: str) -> bool:
    """Tell whether the answer is one signed JWT."""
    return mode == JWT or mode.endswith(f".{JWT}")


def carrier_of(mode: str) -> str:
    """Return the plain mode that carries the answer, signed or not."""
    return mode.removesuffix(f".{JWT}")


def with_query(uri: str, parameters: Mapping[str, str]) -> str:
    """Return the registered ``uri`` with ``parameters`` added to its query, which it keeps (RFC 6749 §3.1.2)."""
    separator = "&" if "?" in uri else "?"
    return f"{uri}{separator}{urlencode(parameters)}"


def with_fragment(uri: str, parameters: Mapping[str, str]) -> str:
    """Return the registered ``uri``, which has none, with ``parameters`` as its fragment (§2.1)."""
    return f"{uri}#{urlencode(parameters)}"
