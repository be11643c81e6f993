"""Proof Key for Code Exchange (RFC 7636): S256 only. Some clients with a secret need none (RFC 9700 §2.1.1)."""

from __future__ import annotations

import re

from idp.protocol.errors import RedirectableError, TokenError
from kernel.identifiers import b64url, sha256

METHOD = "S256"

# RFC 7636 §4.2: 32 octets in base64url without padding; the last character has two bits that count.
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 §4.1


def require_challenge(challenge: str | None, method: str | None, *, required: bool = True) -> str | None:
    """Return the code challenge of an authorization request.

    Without a method RFC 7636 §4.3 would mean ``plain``, which protects from nobody who reads the request.

    :param required: False where the client has a secret and its policy is that of an older library.
    :raises RedirectableError: ``invalid_request``.
    """
    if challenge is None and method is None and not required:
        return None
    if challenge is None:
        raise RedirectableError("invalid_request", "A code_challenge is required.")
    if method != METHOD:
        raise RedirectableError("invalid_request", "The code_challenge_method must be S256.")
    if not _CHALLENGE.fullmatch(challenge):
        raise RedirectableError("invalid_request", "The code_challenge is no S256 challenge.")
    return challenge


def answered_challenge(verifier: str | None, *, required: bool) -> str | None:
    """Return the challenge that a token request answers: None without a verifier, which fits no code with a challenge.

    :param required: as for the authorization request.
    :raises TokenError: (``invalid_request``) without a verifier that is required, (``invalid_grant``) with a bad one.
    """
    if verifier is None:
        if required:
            raise TokenError("invalid_request", "The code_verifier is missing.")
        return None
    return challenge_of(verifier)


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge that ``verifier`` answers; the code's own is compared with it in the database.

    :raises TokenError: (``invalid_grant``) for a malformed one.
    """
    if not _VERIFIER.fullmatch(verifier):
        raise TokenError("invalid_grant", "The code_verifier is malformed.")
    return b64url(sha256(verifier))
