"""What an application has to check in a token, each check by itself, so that one failure does not hide another.

Sources: OpenID Connect Core §3.1.3.7 and §3.1.3.8, Back-Channel Logout §2.6, JARM §2.4, RFC 9068 §4, RFC 9101 §6,
RFC 7523 §3, RFC 8725.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hmac import compare_digest
from typing import Any

from joserfc.jwk import KeySet

from idp.developer.token_reading import ReadToken, TokenKind
from idp.protocol.client_jwt import verify_client_jwt
from idp.protocol.jose import JwtError, time_claim
from idp.protocol.logout_token import LOGOUT_EVENT
from idp.protocol.token_hash import left_half_hash
from kernel.clock import MOST_SKEW, to_timestamp

_HASHES = ("ES256", "RS256", "PS256", "ES384", "EdDSA")


class Result(StrEnum):
    """How a check ended. ``SKIPPED``: what it needs was not given."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """One check.

    :ivar name: what was checked; ``why`` says how it ended, in a word that pages translate.
    :ivar expected: and ``found``: the values, where showing them helps.
    """

    name: str
    result: Result
    why: str = ""
    expected: str = ""
    found: str = ""

    @property
    def words(self) -> str:
        """Return what pages translate: the check's name and how it ended."""
        return f"{self.name}:{self.why}" if self.why else self.name


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the application that looks at a token expects in it.

    :ivar issuer: who makes it, ``audience``: for whom; None: not judged.
    :ivar algorithms: what it may be signed by.
    :ivar types: what ``typ`` may say, in lower case; empty: anything.
    :ivar keys: public keys of whoever should have signed it.
    :ivar required: claims that must be there.
    """

    kind: TokenKind
    issuer: str | None
    audience: Collection[str]
    algorithms: Collection[str]
    types: Collection[str]
    keys: KeySet
    required: Collection[str] = ()
    nonce: str = ""
    access_token: str = ""
    code: str = ""


def check_token(token: ReadToken, expected: Expected, *, now: datetime) -> list[Check]:
    """Return the checks of a token that is signed and not encrypted, in the order in which a client makes them."""
    assert token.claims is not None
    header, claims = token.header, token.claims
    checks = [_algorithm(header, expected), _signature(token, expected), _type(header, expected)]
    if expected.issuer is not None:
        checks.append(_same("iss", claims.get("iss"), expected.issuer))
    if expected.audience:
        checks.append(_audience(claims, expected))
    checks += _times(claims, expected, now=now)
    judged = {check.name for check in checks}
    checks += [_present(claims, name) for name in expected.required if name not in judged]
    if expected.kind is TokenKind.ID_TOKEN:
        checks += _bound(header, claims, expected)
    if expected.kind is TokenKind.LOGOUT_TOKEN:
        checks += _of_a_logout(claims)
    return checks


def _algorithm(header: Mapping[str, Any], expected: Expected) -> Check:
    found, wanted = str(header.get("alg", ""))[:40], ", ".join(expected.algorithms)
    if found.lower() == "none":
        return Check("alg", Result.FAILED, "none", wanted, found)
    good = found in expected.algorithms
    return Check("alg", Result.PASSED if good else Result.FAILED, "" if good else "other", wanted, found)


def _signature(token: ReadToken, expected: Expected) -> Check:
    kid = str(token.header.get("kid", ""))[:128]
    if not token.signature_octets:
        return Check("signature", Result.FAILED, "absent")
    if not expected.keys.keys:
        return Check("signature", Result.SKIPPED, "no_keys", found=kid)
    try:
        # Whatever algorithm it names, if a key of its signer made it: that the algorithm is a wrong one is told apart.
        verify_client_jwt(token.text, keys=expected.keys, algorithms=_HASHES)
    except JwtError as error:
        known = error.reason in ("unknown_key", "bad_signature", "bad_alg", "header_not_allowed", "oversized")
        return Check("signature", Result.FAILED, error.reason if known else "malformed", found=kid)
    return Check("signature", Result.PASSED, found=kid)


def _type(header: Mapping[str, Any], expected: Expected) -> Check:
    found = header.get("typ")
    said = "" if found is None else str(found)[:60]
    wanted = ", ".join(sorted(filter(None, expected.types)))
    good = not expected.types or said.lower() in expected.types
    return Check("typ", Result.PASSED if good else Result.FAILED, "" if good else "other", wanted, said)


def _audience(claims: Mapping[str, Any], expected: Expected) -> Check:
    found = claims.get("aud")
    values = [str(each) for each in (found if isinstance(found, list) else [found]) if each is not None]
    wanted, said = ", ".join(expected.audience), ", ".join(values)[:200]
    if not values:
        return Check("aud", Result.FAILED, "absent", wanted)
    if not set(values) & set(expected.audience):
        return Check("aud", Result.FAILED, "other", wanted, said)
    # OpenID Connect Core §3.1.3.7, 3: audiences that the client does not trust are a reason to refuse.
    if expected.kind is TokenKind.ID_TOKEN and not set(values) <= set(expected.audience):
        return Check("aud", Result.FAILED, "further", wanted, said)
    return Check("aud", Result.PASSED, "", wanted, said)


def _times(claims: Mapping[str, Any], expected: Expected, *, now: datetime) -> Iterator[Check]:
    moment, skew = to_timestamp(now), int(MOST_SKEW.total_seconds())
    if "exp" in claims or "exp" in expected.required:
        yield _time(claims, "exp", lambda exp: "" if exp > moment else "past")
    if "nbf" in claims:
        yield _time(claims, "nbf", lambda nbf: "" if nbf <= moment + skew else "future")
    if "iat" in claims:
        yield _time(claims, "iat", lambda iat: "" if iat <= moment + skew else "future")


def _time(claims: Mapping[str, Any], name: str, judge: Any) -> Check:
    if name not in claims:
        return Check(name, Result.FAILED, "absent")
    try:
        why: str = judge(time_claim(claims, name))
    except JwtError:
        return Check(name, Result.FAILED, "malformed", found=str(claims[name])[:40])
    return Check(name, Result.FAILED if why else Result.PASSED, why)


def _present(claims: Mapping[str, Any], name: str) -> Check:
    good = claims.get(name) not in (None, "", [], {})
    return Check(name, Result.PASSED if good else Result.FAILED, "present" if good else "absent")


def _bound(header: Mapping[str, Any], claims: Mapping[str, Any], expected: Expected) -> Iterator[Check]:
    if not expected.nonce:
        yield Check("nonce", Result.SKIPPED, "not_given" if "nonce" in claims else "none")
    else:
        yield _same("nonce", claims.get("nonce"), expected.nonce)
    for name, value in (("at_hash", expected.access_token), ("c_hash", expected.code)):
        if not value:
            if name in claims:
                yield Check(name, Result.SKIPPED, "not_given")
        elif name not in claims:
            yield Check(name, Result.FAILED, "absent")
        elif (alg := str(header.get("alg"))) in _HASHES:
            yield _same(name, claims.get(name), left_half_hash(value, algorithm=alg))


def _of_a_logout(claims: Mapping[str, Any]) -> Iterator[Check]:
    events = claims.get("events")
    good = isinstance(events, dict) and LOGOUT_EVENT in events
    yield Check("events", Result.PASSED if good else Result.FAILED, "" if good else "other", LOGOUT_EVENT)
    named = "sub" in claims or "sid" in claims
    yield Check("sub_or_sid", Result.PASSED if named else Result.FAILED, "" if named else "absent")
    # Back-Channel Logout §2.4: so that it can never pass for an ID token.
    good = "nonce" not in claims
    yield Check("no_nonce", Result.PASSED if good else Result.FAILED, "" if good else "there")


def _same(name: str, found: object, wanted: str) -> Check:
    if found is None:
        return Check(name, Result.FAILED, "absent", wanted)
    said = str(found)[:200]
    good = isinstance(found, str) and compare_digest(found.encode(errors="replace"), wanted.encode())
    return Check(name, Result.PASSED if good else Result.FAILED, "" if good else "other", wanted, said)
