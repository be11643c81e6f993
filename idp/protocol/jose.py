"""Reading signed JWTs of others and our own: pinned algorithms, known keys, bounded sizes (RFC 7515, RFC 8725)."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import Key, KeySet
from joserfc.jws import JWSRegistry

from kernel.errors import Denied

# RFC 9864 renames EdDSA to Ed25519; OpenID Connect and FAPI 2.0 keep the old name for the same signature.
warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=SecurityWarning)

SIZE_LIMIT = 16_000
# The end of the year 9999: what is later is no moment to anyone.
_LAST_SECOND = 253_402_300_799
# RFC 8725 §3.10: a token does not bring the key it is to be verified with. RFC 7797's unencoded payload is not served.
_REFUSED_HEADERS = frozenset({"jwk", "jku", "x5u", "x5c", "b64", "crit", "zip"})


class JwtError(Denied):
    """A JWT that is not what it should be.

    :ivar reason: what is wrong, for the record.
    """

    default_code = "invalid_token"
    public_text = "The token is not valid."

    def __init__(self, reason: str) -> None:
        super().__init__(self.public_text)
        self.reason = reason


@dataclass(frozen=True)
class VerifiedJwt:
    """Header and claims of a JWT whose signature fits one of the expected keys."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


class _Registry(JWSRegistry):
    # The library's 512 octets are too few for some well-behaved headers.
    max_header_length = 4_096


def verify_jwt(
    token: str, *, keys: KeySet | Key, algorithms: Collection[str], brought: Collection[str] = ()
) -> VerifiedJwt:
    """Verify the signature of a compact JWS whose payload is a JSON object. Claims are the caller's to check.

    :param algorithms: the only ones accepted; never empty, never symmetric.
    :param brought: header members that are allowed here though a token otherwise brings none of its own keys.
    :raises JwtError: whatever is wrong with it.
    """
    if len(token) > SIZE_LIMIT or not token.isascii():
        raise JwtError("oversized")
    try:
        verified = jwt.decode(token, keys, registry=_Registry(algorithms=list(algorithms), strict_check_header=False))
    except JoseError as error:
        raise JwtError(error.error or "bad_signature") from error
    # The library leaves some malformed headers (a list for `alg`, a number for `kid`) to Python.
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise JwtError("malformed") from error
    if (_REFUSED_HEADERS - set(brought)) & set(verified.header):
        raise JwtError("header_not_allowed")
    return VerifiedJwt(verified.header, verified.claims)


def text_claim(claims: Mapping[str, Any], name: str, *, limit: int = 512) -> str:
    """Return a claim that must be a text. :raises JwtError: if it is absent, empty, too long or not printable."""
    value = claims.get(name)
    # A lone surrogate is text to JSON, and to nothing that comes after it.
    if not isinstance(value, str) or not 0 < len(value) <= limit or not value.isprintable():
        raise JwtError(f"bad_{name}")
    return value


def time_claim(claims: Mapping[str, Any], name: str) -> int:
    """Return a NumericDate claim in whole seconds (RFC 7519 §2). :raises JwtError: if it is none."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LAST_SECOND:
        raise JwtError(f"bad_{name}")
    return int(value)
