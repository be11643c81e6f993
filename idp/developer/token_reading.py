"""What stands in a token that somebody pasted: read, not believed (RFC 7515 §3, RFC 7516 §3)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kernel.errors import Rejected
from kernel.identifiers import b64url_decode

LONGEST = 24_000
_LONGEST_HEADER = 4_096


class TokenKind(StrEnum):
    """What a token is for."""

    ID_TOKEN = "id_token"
    ACCESS_TOKEN = "access_token"
    LOGOUT_TOKEN = "logout_token"
    AUTHORIZATION_RESPONSE = "authorization_response"
    USERINFO = "userinfo"
    REQUEST_OBJECT = "request_object"
    CLIENT_ASSERTION = "client_assertion"


#: Kinds that the application signs, and not this service.
OF_THE_APPLICATION = frozenset({TokenKind.REQUEST_OBJECT, TokenKind.CLIENT_ASSERTION})
_BY_TYPE = {
    "at+jwt": TokenKind.ACCESS_TOKEN,
    "logout+jwt": TokenKind.LOGOUT_TOKEN,
    "oauth-authz-req+jwt": TokenKind.REQUEST_OBJECT,
    "client-authentication+jwt": TokenKind.CLIENT_ASSERTION,
}


@dataclass(frozen=True)
class ReadToken:
    """A token taken apart.

    :ivar claims: None where they cannot be read: the token is encrypted, or refers to something that is kept.
    :ivar encrypted: whether its content is for the application's key alone.
    :ivar opaque: whether it is a mere reference, without parts.
    """

    text: str = field(repr=False)
    header: Mapping[str, Any]
    claims: Mapping[str, Any] | None
    encrypted: bool = False
    opaque: bool = False
    signature_octets: int = 0


def read_token(text: str) -> ReadToken:
    """Return the parts of a compact JWS or JWE, or an opaque token as it is. Nothing in it is verified.

    :raises Rejected: ``token_missing``, ``token_too_long``, ``token_malformed``.
    """
    words = text.split()
    if words and words[0].lower() in ("bearer", "dpop"):  # copied with the header that it travelled in
        words = words[1:]
    text = "".join(words)
    if not text:
        raise Rejected("Paste a token.", code="token_missing")
    if len(text) > LONGEST:
        raise Rejected("The token is too long.", code="token_too_long")
    if not text.isascii() or not text.isprintable():
        raise _malformed()
    parts = text.split(".")
    if len(parts) == 1:
        return ReadToken(text=text, header={}, claims=None, opaque=True)
    if len(parts) not in (3, 5) or len(parts[0]) > _LONGEST_HEADER:
        raise _malformed()
    header = _object(parts[0])
    if len(parts) == 5:
        return ReadToken(text=text, header=header, claims=None, encrypted=True)
    try:
        octets = len(b64url_decode(parts[2]))
    except ValueError as error:
        raise _malformed() from error
    return ReadToken(text=text, header=header, claims=_object(parts[1]), signature_octets=octets)


def kind_of(header: Mapping[str, Any], claims: Mapping[str, Any]) -> TokenKind:
    """Return what a token looks like: by its type where that says it, else by its claims."""
    typ = str(header.get("typ", "")).lower().removeprefix("application/")
    if typ in _BY_TYPE:
        return _BY_TYPE[typ]
    if "events" in claims:
        return TokenKind.LOGOUT_TOKEN
    if "response_type" in claims or "redirect_uri" in claims:
        return TokenKind.REQUEST_OBJECT
    if "sub" not in claims and ("code" in claims or "error" in claims or "state" in claims):
        return TokenKind.AUTHORIZATION_RESPONSE
    if "sub" in claims and claims.get("iss") == claims["sub"]:
        return TokenKind.CLIENT_ASSERTION
    if "exp" not in claims and "auth_time" not in claims:
        return TokenKind.USERINFO
    return TokenKind.ID_TOKEN


def _object(segment: str) -> Mapping[str, Any]:
    try:
        value = json.loads(b64url_decode(segment))
    except (ValueError, RecursionError) as error:
        raise _malformed() from error
    if not isinstance(value, dict):
        raise _malformed()
    return value


def _malformed() -> Rejected:
    return Rejected("This is not a token: it has three or five parts in base64url.", code="token_malformed")
