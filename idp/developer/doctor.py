"""A relying application looked at from outside: what anybody on the Internet can see of it, judged check by check.

Nothing is tried that could change anything there: pages are fetched without a session, and one logout token is sent
that nobody signed, which a careful application refuses (Back-Channel Logout §2.8).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from cryptography import x509

from idp.clients.client import Client
from idp.protocol.logout_token import LOGOUT_EVENT
from kernel.addresses import is_loopback
from kernel.clock import to_timestamp
from kernel.identifiers import b64url, new_secret
from outgoing.answer import Answer
from outgoing.client import OutgoingClient
from outgoing.errors import OutgoingError, OutgoingReason

_LEAST_LIFE = timedelta(days=21)
#: Half a year (RFC 6797 §6.1.1 leaves it open; this is what lists of browsers ask at least).
_LEAST_HSTS = 15_552_000
_MOST_OCTETS = 512 * 1024
_LEAST_RSA = 2048
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
#: What the guarded client does not even try.
_REFUSED = (OutgoingReason.REFUSED_ADDRESS, OutgoingReason.REFUSED_PORT, OutgoingReason.PLAIN_HTTP)
_COOKIE = re.compile(r", (?=[!#$%&'*+.^_`|~0-9A-Za-z-]+=)")


class Result(StrEnum):
    """How a check ended. ``WARNED``: it works, and should be better."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """One check. :ivar why: how it ended, in a word that pages translate. :ivar detail: what was seen."""

    check: str
    result: Result
    why: str = ""
    detail: str = ""

    @property
    def words(self) -> str:
        """Return what pages translate."""
        return f"{self.check}:{self.why}" if self.why else self.check


@dataclass(frozen=True, kw_only=True)
class Patient:
    """What is looked at. :ivar home: where it stands; the others are empty where it registered none."""

    home: str
    callback: str = ""
    backchannel: str = ""
    frontchannel: str = ""
    jwks: str = ""
    client_id: str = ""


def patient_of(client: Client) -> Patient:
    """Return the addresses that ``client`` registered; its home is the origin of the first that leads back."""
    callback = next((each for each in client.redirect_uris if each.startswith("http")), "")
    address = urlsplit(callback)
    return Patient(
        home=f"{address.scheme}://{address.netloc}/" if callback else "",
        callback=callback,
        backchannel=client.metadata.backchannel_logout_uri or "",
        frontchannel=client.metadata.frontchannel_logout_uri or "",
        jwks=client.metadata.jwks_uri or "",
        client_id=client.client_id,
    )


def examine(outgoing: OutgoingClient, patient: Patient, *, issuer: str, now: datetime) -> list[Finding]:
    """Return the findings. Never call it inside a transaction: each check waits for a stranger's server."""
    findings: list[Finding] = []
    if patient.home:
        findings += _of_home(outgoing, patient.home, now=now)
    if findings and findings[0].why:
        return findings
    if patient.callback:
        findings += _of_callback(outgoing, patient.callback, issuer=issuer)
    if patient.backchannel:
        findings.append(_guarded("backchannel", lambda: _of_backchannel(outgoing, patient, issuer=issuer, now=now)))
    if patient.frontchannel:
        findings.append(_guarded("frontchannel", lambda: _of_frontchannel(outgoing, patient, issuer=issuer)))
    if patient.jwks:
        findings.append(_guarded("jwks", lambda: _of_jwks(outgoing.look(patient.jwks, most_octets=_MOST_OCTETS))))
    return findings


def _guarded(check: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except OutgoingError as error:
        return Finding(check, Result.FAILED, "unreachable", error.reason.value)


def _of_home(outgoing: OutgoingClient, home: str, *, now: datetime) -> Iterator[Finding]:
    secure = home.startswith("https:")
    try:
        answer = outgoing.look(home, most_octets=_MOST_OCTETS)
    except OutgoingError as error:
        if is_loopback(home) and error.reason in _REFUSED:  # it may well be there, on the developer's own machine
            yield Finding("reach", Result.WARNED, "local", error.reason.value)
        else:
            yield Finding("reach", Result.FAILED, "unreachable", error.reason.value)
        return
    yield Finding("reach", Result.PASSED, detail=str(answer.status))
    if not secure:
        # RFC 8252 §8.3: what stays on the machine needs no TLS; it is where applications are written.
        local = is_loopback(home)
        yield Finding("https", Result.WARNED if local else Result.FAILED, "local" if local else "plain")
        return
    yield Finding("https", Result.PASSED)
    yield _of_certificate(answer, now=now)
    yield _of_hsts(answer)
    yield from _of_cookies(answer, secure=secure)


def _of_certificate(answer: Answer, *, now: datetime) -> Finding:
    # Its chain and name were verified when the connection was made.
    if answer.certificate_der is None:
        return Finding("certificate", Result.WARNED, "unseen")
    ends = x509.load_der_x509_certificate(answer.certificate_der).not_valid_after_utc
    if ends - now < _LEAST_LIFE:
        return Finding("certificate", Result.WARNED, "ends_soon", f"{ends:%Y-%m-%d}")
    return Finding("certificate", Result.PASSED, detail=f"{ends:%Y-%m-%d}")


def _of_hsts(answer: Answer) -> Finding:
    header = answer.headers.get("strict-transport-security", "")
    found = re.search(r"max-age\s*=\s*\"?(\d{1,12})", header, re.IGNORECASE)
    if found is None:
        return Finding("hsts", Result.WARNED, "absent")
    if int(found[1]) < _LEAST_HSTS:
        return Finding("hsts", Result.WARNED, "short", found[1])
    return Finding("hsts", Result.PASSED, detail=found[1])


def _of_cookies(answer: Answer, *, secure: bool) -> Iterator[Finding]:
    header = answer.headers.get("set-cookie", "")
    for cookie in _COOKIE.split(header) if header else ():
        name, _, attributes = cookie.partition(";")
        given = {part.strip().partition("=")[0].lower() for part in attributes.split(";")}
        missing = [each for each in ("Secure", "HttpOnly", "SameSite") if each.lower() not in given]
        if not secure and "Secure" in missing:
            missing.remove("Secure")
        shown = name.partition("=")[0].strip()[:60]
        if missing:
            yield Finding("cookie", Result.WARNED, "flags", f"{shown}: {', '.join(missing)}")
        else:
            yield Finding("cookie", Result.PASSED, detail=shown)


def _of_callback(outgoing: OutgoingClient, callback: str, *, issuer: str) -> Iterator[Finding]:
    joined = "&" if urlsplit(callback).query else "?"
    forged = f"{callback}{joined}error=access_denied&state={new_secret(12)}&iss={issuer}"
    try:
        bare = outgoing.look(callback, most_octets=_MOST_OCTETS)
        refused = outgoing.look(forged, most_octets=_MOST_OCTETS)
    except OutgoingError as error:
        yield Finding("callback", Result.FAILED, "unreachable", error.reason.value)
        return
    if bare.status in (404, 405, 410):
        yield Finding("callback", Result.FAILED, "not_there", str(bare.status))
    elif bare.status >= 500:
        yield Finding("callback", Result.FAILED, "breaks", str(bare.status))
    else:
        yield Finding("callback", Result.PASSED, detail=str(bare.status))
    broken = refused.status >= 500
    yield Finding("errors", Result.FAILED if broken else Result.PASSED, "breaks" if broken else "", str(refused.status))
    yield from _of_cookies(bare, secure=callback.startswith("https:"))


def _of_backchannel(outgoing: OutgoingClient, patient: Patient, *, issuer: str, now: datetime) -> Finding:
    token = _unsigned_logout_token(issuer=issuer, client_id=patient.client_id or "unknown", now=now)
    body = f"logout_token={token}".encode()
    answer = outgoing.send(patient.backchannel, body=body, media_type="application/x-www-form-urlencoded")
    if answer.succeeded:
        return Finding("backchannel", Result.FAILED, "takes_unsigned", str(answer.status))
    if answer.status in (404, 405) or answer.status >= 500:
        return Finding(
            "backchannel", Result.FAILED, "not_there" if answer.status < 500 else "breaks", str(answer.status)
        )
    # §2.8: 400.
    good = answer.status == 400
    return Finding(
        "backchannel", Result.PASSED if good else Result.WARNED, "" if good else "status", str(answer.status)
    )


def _unsigned_logout_token(*, issuer: str, client_id: str, now: datetime) -> str:
    claims = {
        "iss": issuer,
        "aud": client_id,
        "iat": to_timestamp(now),
        "exp": to_timestamp(now + timedelta(minutes=2)),
        "jti": new_secret(16),
        "sub": "nobody",
        "events": {LOGOUT_EVENT: {}},
    }
    parts = ({"alg": "none", "typ": "logout+jwt"}, claims)
    return ".".join(b64url(json.dumps(each).encode()) for each in parts) + "."


def _of_frontchannel(outgoing: OutgoingClient, patient: Patient, *, issuer: str) -> Finding:
    answer = outgoing.look(patient.frontchannel, most_octets=_MOST_OCTETS)
    if answer.status >= 400:
        return Finding("frontchannel", Result.FAILED, "breaks", str(answer.status))
    policy = answer.headers.get("content-security-policy", "").lower()
    ancestors = re.search(r"frame-ancestors ([^;,]*)", policy)
    if ancestors is not None:
        allowed = {part.strip("'") for part in ancestors[1].split()}
        address = urlsplit(issuer)
        ours = {"*", f"{address.scheme}:", f"{address.scheme}://{address.netloc}", address.netloc}
        if not allowed & ours and not any(_covers(each, address.netloc) for each in allowed):
            return Finding("frontchannel", Result.WARNED, "not_framed", ancestors[1].strip()[:120])
    elif answer.headers.get("x-frame-options", "").strip():
        # Where frame-ancestors is not there, any value of it keeps our page from showing this one. It is asked for all
        # the same, and may take its cookie away: mod_auth_openidc does so with DENY.
        return Finding("frontchannel", Result.WARNED, "not_framed", answer.headers["x-frame-options"][:60])
    return Finding("frontchannel", Result.PASSED, detail=str(answer.status))


def _covers(source: str, host: str) -> bool:
    return source.rpartition("//")[2].startswith("*.") and host.endswith(source.rpartition("//")[2][1:])


def _of_jwks(answer: Answer) -> Finding:
    if answer.status != 200:
        return Finding("jwks", Result.FAILED, "unreadable", str(answer.status))
    try:
        keys = json.loads(answer.body)["keys"]
        described = [dict(key) for key in keys]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Finding("jwks", Result.FAILED, "unreadable")
    if not described:
        return Finding("jwks", Result.FAILED, "empty")
    if any(_PRIVATE & set(key) for key in described):
        return Finding("jwks", Result.FAILED, "private")
    if any(key.get("kty") == "RSA" and len(str(key.get("n", ""))) * 6 < _LEAST_RSA - 8 for key in described):
        return Finding("jwks", Result.FAILED, "weak")
    kids = [key.get("kid") for key in described]
    if None in kids or len(set(map(str, kids))) < len(kids):
        return Finding("jwks", Result.WARNED, "kid")
    return Finding("jwks", Result.PASSED, detail=str(len(kids)))
