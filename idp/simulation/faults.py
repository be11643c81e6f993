"""The faults, what each does to a token or an answer, and where each can be: pure rules.

What is signed by our own key with a wrong claim is good for nobody: its issuer or audience is a name that cannot be
(RFC 6761 §6.4), its time is over, or it names a hash of nothing; the person is a test citizen in any case.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from idp.protocol.token_hash import left_half_hash
from kernel.clock import to_timestamp
from kernel.identifiers import b64url, b64url_decode

NOWHERE = "https://wrong.invalid"
NOBODY = "another-application.invalid"
SOMEBODY_ELSE = "somebody-else"
#: What a slow answer takes: longer than a person waits, and than a careful library does.
SLOW_SECONDS = 10.0


class Fault(StrEnum):
    """What is wrong on purpose."""

    RESPONSE_ISS = "response_iss"
    NO_STATE = "no_state"
    RESPONSE_AUD = "response_aud"
    RESPONSE_SIGNATURE = "response_signature"
    RESPONSE_EXPIRED = "response_expired"
    RESPONSE_ALG_NONE = "response_alg_none"
    C_HASH = "c_hash"
    ISS = "iss"
    AUD = "aud"
    NONCE = "nonce"
    SIGNATURE = "signature"
    EXPIRED = "expired"
    AT_HASH = "at_hash"
    UNKNOWN_KID = "unknown_kid"
    ALG_NONE = "alg_none"
    USERINFO_SUB = "userinfo_sub"
    USERINFO_ISS = "userinfo_iss"
    USERINFO_AUD = "userinfo_aud"
    USERINFO_SIGNATURE = "userinfo_signature"
    TOKEN_ERROR = "token_error"
    TOKEN_SLOW = "token_slow"


#: In an answer that is one signed JWT (JARM).
OF_THE_SIGNED_RESPONSE = frozenset(
    {Fault.RESPONSE_AUD, Fault.RESPONSE_SIGNATURE, Fault.RESPONSE_EXPIRED, Fault.RESPONSE_ALG_NONE}
)
#: What the application has to refuse before it redeems the code.
OF_THE_RESPONSE = OF_THE_SIGNED_RESPONSE | {Fault.RESPONSE_ISS, Fault.NO_STATE, Fault.C_HASH}
#: In an answer of UserInfo that is signed; without them what can be wrong there is its ``sub``.
OF_THE_SIGNED_USERINFO = frozenset({Fault.USERINFO_ISS, Fault.USERINFO_AUD, Fault.USERINFO_SIGNATURE})
OF_USERINFO = OF_THE_SIGNED_USERINFO | {Fault.USERINFO_SUB}
OF_THE_TOKEN_ENDPOINT = frozenset({Fault.TOKEN_ERROR, Fault.TOKEN_SLOW})
OF_THE_ID_TOKEN = frozenset(Fault) - OF_THE_RESPONSE - OF_USERINFO - OF_THE_TOKEN_ENDPOINT
#: Where the tokens are asked for without a browser's answer (RFC 8628, CIBA): no nonce was sent.
WITHOUT_A_RESPONSE = frozenset(Fault) - OF_THE_RESPONSE - {Fault.NONCE}
_CLAIMS_OF = {
    Fault.RESPONSE_ISS: Fault.ISS,
    Fault.RESPONSE_AUD: Fault.AUD,
    Fault.RESPONSE_EXPIRED: Fault.EXPIRED,
    Fault.USERINFO_ISS: Fault.ISS,
    Fault.USERINFO_AUD: Fault.AUD,
}
_JWS_OF = {
    Fault.RESPONSE_SIGNATURE: Fault.SIGNATURE,
    Fault.RESPONSE_ALG_NONE: Fault.ALG_NONE,
    Fault.USERINFO_SIGNATURE: Fault.SIGNATURE,
}


def faults_in_response(carried: Collection[str], *, signed: bool, sealed: bool) -> frozenset[Fault]:
    """Return the faults that a login can have whose answer carries ``code``, ``access_token``, ``id_token`` or several.

    :param signed: the answer is one JWT; ``sealed``: which is encrypted, and can only be left as it is.
    """
    if "code" not in carried and "access_token" not in carried:
        return OF_THE_ID_TOKEN - {Fault.AT_HASH}
    faults = frozenset(Fault)
    if "code" not in carried:
        faults -= OF_THE_TOKEN_ENDPOINT
    if "code" not in carried or "id_token" not in carried:
        faults -= {Fault.C_HASH}
    if sealed:
        return faults - OF_THE_RESPONSE
    return faults if signed else faults - OF_THE_SIGNED_RESPONSE


def is_signed_alone(token: str) -> bool:
    """Tell whether the compact text is a JWS; a JWE has five parts."""
    return token.count(".") == 2


def claims_in(token: str) -> dict[str, Any]:
    """Return the claims of a JWS that we have just signed."""
    claims: dict[str, Any] = json.loads(b64url_decode(token.split(".")[1]))
    return claims


def faulty_response(parameters: Mapping[str, str], fault: Fault) -> dict[str, str]:
    """Return what the browser carries, or the claims of the JWT that carries it, with a fault that is in them."""
    changed = dict(parameters)
    if fault is Fault.RESPONSE_ISS and "iss" in changed:
        changed["iss"] = NOWHERE
    if fault is Fault.NO_STATE:
        changed.pop("state", None)
    return changed


def faulty_claims(claims: Mapping[str, Any], fault: Fault, *, algorithm: str, now: datetime) -> dict[str, Any] | None:
    """Return the claims to be signed in place of the right ones; None where not the claims are wrong."""
    fault = _CLAIMS_OF.get(fault, fault)
    changes: Mapping[Fault, Mapping[str, Any]] = {
        Fault.ISS: {"iss": NOWHERE},
        Fault.AUD: {"aud": NOBODY},
        Fault.NONCE: {"nonce": "not-the-one-that-was-sent"},
        Fault.EXPIRED: {
            "iat": to_timestamp(now - timedelta(hours=2)),
            "exp": to_timestamp(now - timedelta(hours=1)),
        },
        Fault.AT_HASH: {"at_hash": left_half_hash("not-the-one-that-came", algorithm=algorithm)},
        Fault.C_HASH: {"c_hash": left_half_hash("not-the-one-that-came", algorithm=algorithm)},
        Fault.USERINFO_SUB: {"sub": SOMEBODY_ELSE},
    }
    return {**claims, **changes[fault]} if fault in changes else None


def faulty_jws(token: str, fault: Fault) -> str:
    """Return the compact JWS with a fault that is not in its claims."""
    fault = _JWS_OF.get(fault, fault)
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
