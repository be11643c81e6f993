"""The faults, and what each does to a token: pure rules.

What is signed by our own key with a wrong claim is good for nobody: its issuer or audience is a name that cannot be
(RFC 6761 §6.4), its time is over, or it names a hash of nothing; the person is a test citizen in any case.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from idp.protocol.token_hash import left_half_hash
from kernel.clock import to_timestamp
from kernel.identifiers import b64url, b64url_decode

NOWHERE = "https://wrong.invalid"
NOBODY = "another-application.invalid"


class Fault(StrEnum):
    """What is wrong on purpose."""

    RESPONSE_ISS = "response_iss"
    NO_STATE = "no_state"
    ISS = "iss"
    AUD = "aud"
    NONCE = "nonce"
    SIGNATURE = "signature"
    EXPIRED = "expired"
    AT_HASH = "at_hash"
    UNKNOWN_KID = "unknown_kid"
    ALG_NONE = "alg_none"
    USERINFO_SUB = "userinfo_sub"
    TOKEN_ERROR = "token_error"


#: Where each is seen: in the browser's answer, in the ID token, at UserInfo, at the token endpoint.
OF_THE_RESPONSE = frozenset({Fault.RESPONSE_ISS, Fault.NO_STATE})
OF_THE_ID_TOKEN = frozenset(Fault) - OF_THE_RESPONSE - {Fault.USERINFO_SUB, Fault.TOKEN_ERROR}
_SIGNED_ANEW = frozenset({Fault.ISS, Fault.AUD, Fault.NONCE, Fault.EXPIRED, Fault.AT_HASH})


def faulty_response(parameters: Mapping[str, str], fault: Fault) -> dict[str, str]:
    """Return what the browser carries, with the fault."""
    changed = dict(parameters)
    if fault is Fault.RESPONSE_ISS and "iss" in changed:
        changed["iss"] = NOWHERE
    if fault is Fault.NO_STATE:
        changed.pop("state", None)
    return changed


def faulty_claims(claims: Mapping[str, Any], fault: Fault, *, algorithm: str, now: datetime) -> dict[str, Any] | None:
    """Return the claims to be signed in place of the right ones; None where not the claims are wrong."""
    if fault not in _SIGNED_ANEW:
        return None
    changes: Mapping[Fault, Mapping[str, Any]] = {
        Fault.ISS: {"iss": NOWHERE},
        Fault.AUD: {"aud": NOBODY},
        Fault.NONCE: {"nonce": "not-the-one-that-was-sent"},
        Fault.EXPIRED: {
            "iat": to_timestamp(now - timedelta(hours=2)),
            "exp": to_timestamp(now - timedelta(hours=1)),
        },
        Fault.AT_HASH: {"at_hash": left_half_hash("not-the-one-that-came", algorithm=algorithm)},
    }
    return {**claims, **changes[fault]}


def faulty_jws(token: str, fault: Fault) -> str:
    """Return the compact JWS with a fault that is not in its claims."""
    header, payload, signature = token.split(".")
    if fault is Fault.SIGNATURE:
        octets = b64url_decode(signature)
        return f"{header}.{payload}.{b64url(bytes([octets[0] ^ 1, *octets[1:]]))}"
    if fault is Fault.UNKNOWN_KID:
        return f"{_with(header, kid='no-such-key')}.{payload}.{signature}"
    if fault is Fault.ALG_NONE:
        return f"{_with(header, alg='none')}.{payload}."
    return token


def _with(header: str, **changes: str) -> str:
    members = json.loads(b64url_decode(header)) | changes
    return b64url(json.dumps(members, separators=(",", ":")).encode())
