"""Scopes: what an application may ask to know (OpenID Connect Core §5.4, RFC 6749 §3.3)."""

from __future__ import annotations

import re
from collections.abc import Collection

from idp.protocol.errors import RedirectableError

OPENID = "openid"
OFFLINE_ACCESS = "offline_access"

# In the order in which people read them.
IDENTITY_SCOPES: tuple[str, ...] = (
    "openid",
    "cedula",
    "profile",
    "email",
    "phone",
    "birthdate",
    "roles",
    "permissions",
    "institution",
    "offline_access",
)

#: What applications that register themselves get unless their token says more: rights are for those that declared some,
#: telephone and birth date for those to which an operator gave them.
USUAL_SCOPES = tuple(
    scope for scope in IDENTITY_SCOPES if scope not in ("phone", "birthdate", "roles", "permissions", "institution")
)

CLAIMS_BY_SCOPE: dict[str, tuple[str, ...]] = {
    "openid": ("sub",),
    # Who has no cédula is known by his passport: an application that needs to know who it is asks one question.
    "cedula": ("cedula", "passport"),
    "profile": ("name", "given_name", "family_name", "locale", "updated_at"),
    "email": ("email", "email_verified"),
    "phone": ("phone_number", "phone_number_verified"),
    # §5.4 opens it by "profile". Here it is a scope of its own: who allowed his names has not allowed his age.
    "birthdate": ("birthdate",),
    # What the person may do in the asking application, and for whom he works there.
    "roles": ("roles",),
    "permissions": ("permissions",),
    "institution": ("institution",),
    "offline_access": (),
}

# RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}")


def split_scope(text: str) -> tuple[str, ...]:
    """Return the scope tokens of ``text`` without repetition, in their order.

    :raises ValueError: if a token has a character that RFC 6749 §3.3 does not allow.
    """
    tokens = tuple(dict.fromkeys(text.split(" "))) if text else ()
    tokens = tuple(token for token in tokens if token)
    if not all(SCOPE_TOKEN.fullmatch(token) for token in tokens):
        raise ValueError("not a scope")
    return tokens


def requested_scopes(text: str | None, *, allowed: Collection[str]) -> tuple[str, ...]:
    """Return the scopes of an authorization request, in reading order.

    A value that nobody here understands is ignored (OpenID Connect Core §3.1.2.1); one that we know and the client was
    not given is an error, so that its developer hears of it. Scopes of APIs that the client was given follow ours.

    :raises RedirectableError: (``invalid_scope``) if ``openid`` is missing, a token is malformed or not the client's.
    """
    try:
        asked = split_scope(text or "")
    except ValueError as error:
        raise RedirectableError("invalid_scope", "The scope has a character that is not allowed.") from error
    if OPENID not in asked:
        raise RedirectableError("invalid_scope", "The scope must contain openid.")
    known = [scope for scope in IDENTITY_SCOPES if scope in asked]
    refused = [scope for scope in known if scope not in allowed]
    if refused:
        raise RedirectableError("invalid_scope", f"This client may not ask for: {' '.join(refused)}.")
    return (*known, *(scope for scope in asked if scope in allowed and scope not in IDENTITY_SCOPES))


def narrowed_scopes(text: str | None, *, granted: Collection[str]) -> tuple[str, ...]:
    """Return the scopes of a token request: all that was granted, or the part of it that ``text`` names.

    :raises ValueError: if ``text`` names a scope that was not granted (RFC 6749 §6).
    """
    if not text:
        return tuple(granted)
    asked = split_scope(text)
    if not asked or not set(asked) <= set(granted):
        raise ValueError("not granted")
    return tuple(scope for scope in granted if scope in asked)
