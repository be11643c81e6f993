"""Proof Key for Code Exchange (RFC 7636): required of every client, S256 only."""

from __future__ import annotations

import re

from idp.protocol.errors import RedirectableError, TokenError
from kernel.identifiers import b64url, sha256

METHOD = "S256"

# RFC 7636 §4.2: 32 octets in base64url without padding; the last character has two bits that count.
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 §4.1


def require_challenge(challenge: str | None, method: str | None) -> str:
    """Return the code challenge of an authorization request.

    Without a method RFC 7636 §4.3 would mean ``plain``, which protects from nobody who reads the request.

    :raises RedirectableError: ``invalid_request``.
    """
    if challenge is None:
        raise RedirectableError("invalid_request", "A code_challenge is required.")
    if method != METHOD:
        raise RedirectableError("invalid_request", "The code_challenge_method must be S256.")
    if not _CHALLENGE.fullmatch(challenge):
        raise RedirectableError("invalid_request", "The code_challenge is no S256 challenge.")
    return challenge


def challenge_of(verifier: str | None) -> str:
    """Return the S256 challenge that ``verifier`` answers; the code's own is compared with it in the database.

    :raises TokenError: (``invalid_request``) without a verifier, (``invalid_grant``) with a malformed one.
    """
    if verifier is None:
        raise TokenError("invalid_request", "The code_verifier is missing.")
    if not _VERIFIER.fullmatch(verifier):
        raise TokenError("invalid_grant", "The code_verifier is malformed.")
    return b64url(sha256(verifier))
