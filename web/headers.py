"""Security headers of every answer, and the one exception a page may ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

from flask import g
from werkzeug.wrappers import Response

from kernel.settings import Settings

_HSTS = "max-age=63072000"
_PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*\Z")
_HOST = re.compile(r"(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?\Z")
# Sources that would allow any page to run or anything to be sent: never a form's destination.
_FORBIDDEN_SCHEMES = frozenset({"javascript", "data", "blob", "file", "about", "filesystem", "vbscript"})


def allow_form_redirect_to(address: str) -> None:
    """Let this page's forms end in a redirect to ``address``: an origin, or a redirect URI, which is cut to its origin.

    Chromium applies ``form-action`` to the redirect that answers a form, not only to the form's own action, so consent
    and sign-in pages name the relying application that they may lead back to (CSP Level 3 §6.4.1). Call it before
    rendering; the permission ends with the response.

    :param address: an absolute URI; private-use schemes of native applications (RFC 8252 §7.1) are allowed by scheme.
    :raises ValueError: if it is not an absolute URI or could widen the policy.
    """
    source = _source_expression(address)
    g.setdefault("form_destinations", []).append(source)


def allow_frames_of(address: str) -> None:
    """Let this page show frames of the origin of ``address``: an absolute http or https URI.

    For the sign-out page alone, whose frames are applications' own. The permission ends with the response.

    :raises ValueError: if it is not such a URI.
    """
    source = _source_expression(address)
    if "//" not in source:
        raise ValueError("not an address that a frame may show")
    g.setdefault("frame_sources", []).append(source)


def let_anyone_frame() -> None:
    """Let pages of other sites show this one in a frame: for a page without anything to see or to press."""
    g.framed_by_anyone = True


@lru_cache(maxsize=256)
def plain_headers(present: tuple[str, ...], *, secure: bool) -> tuple[tuple[str, str], ...]:
    """Return the security headers that an answer lacks which asked for no exception.

    :param present: names of the headers that it has: a stricter or special one that its view has set stays.
    """
    return tuple(_missing(present, _headers(_policy((), ()), framed_by_anyone=False, secure=secure)))


def apply_headers(response: Response, settings: Settings) -> None:
    """Set the security headers on ``response`` that it lacks, the exceptions made that its view asked for."""
    framed = bool(g.get("framed_by_anyone"))
    headers = _headers(_requested_policy(), framed_by_anyone=framed, secure=settings.secure_cookies)
    response.headers.extend(_missing(response.headers.keys(), headers))


def _missing(present: Iterable[str], headers: Iterable[tuple[str, str, str]]) -> list[tuple[str, str]]:
    known = {name.lower() for name in present}
    return [(name, value) for lower, name, value in headers if lower not in known]


def _requested_policy() -> str:
    return _policy(
        tuple(dict.fromkeys(g.get("form_destinations", ()))), tuple(dict.fromkeys(g.get("frame_sources", ())))
    )


@lru_cache(maxsize=256)
def _headers(policy: str, *, framed_by_anyone: bool, secure: bool) -> tuple[tuple[str, str, str], ...]:
    if framed_by_anyone:
        policy = policy.replace("frame-ancestors 'none'", "frame-ancestors *")
    headers = {
        "Content-Security-Policy": policy,
        **({} if framed_by_anyone else {"X-Frame-Options": "DENY"}),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": _PERMISSIONS,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    if secure:
        headers["Strict-Transport-Security"] = _HSTS
    return tuple((name.lower(), name, value) for name, value in headers.items())


@lru_cache(maxsize=256)
def _policy(form_destinations: tuple[str, ...], frame_sources: tuple[str, ...]) -> str:
    return content_security_policy(list(form_destinations), list(frame_sources))


def content_security_policy(form_destinations: list[str], frame_sources: list[str] | None = None) -> str:
    """Return the policy: nothing but our own files, no inline style or script, no framing, Trusted Types demanded.

    :param form_destinations: source expressions that forms may lead to beside our own origin.
    :param frame_sources: source expressions of frames; none: no frame at all.
    """
    return "; ".join(
        (
            "default-src 'none'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "script-src 'self'",
            *([" ".join(["frame-src", *frame_sources])] if frame_sources else []),
            " ".join(["form-action", "'self'", *form_destinations]),
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _source_expression(address: str) -> str:
    parts = urlsplit(address)
    scheme = parts.scheme.lower()
    if not _SCHEME.match(scheme) or scheme in _FORBIDDEN_SCHEMES:
        raise ValueError("not an address that a form may lead to")
    if scheme not in ("http", "https"):
        return f"{scheme}:"
    if not _HOST.match(parts.netloc.lower()):
        raise ValueError("not an address that a form may lead to")
    return f"{scheme}://{parts.netloc.lower()}"
