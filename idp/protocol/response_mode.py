"""How the answer travels to the application (OAuth 2.0 Multiple Response Types §2.1, OAuth 2.0 Form Post)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from idp.protocol.errors import RedirectableError

QUERY, FORM_POST = "query", "form_post"
RESPONSE_MODES = (QUERY, FORM_POST)


def response_mode_or_default(text: str | None) -> str:
    """Return the mode in which an error of this request travels: the one asked for if it is served, else query."""
    return text if text in RESPONSE_MODES else QUERY


def require_served_response_mode(text: str | None) -> None:
    """:raises RedirectableError: (``invalid_request``) for a mode that is not served."""
    if text is not None and text not in RESPONSE_MODES:
        raise RedirectableError("invalid_request", f"response_mode is one of: {', '.join(RESPONSE_MODES)}.")


def with_query(uri: str, parameters: Mapping[str, str]) -> str:
    """Return the registered ``uri`` with ``parameters`` added to its query, which it keeps (RFC 6749 §3.1.2)."""
    separator = "&" if "?" in uri else "?"
    return f"{uri}{separator}{urlencode(parameters)}"
