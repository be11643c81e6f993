"""OCSP over HTTP: what comes by POST or GET, and what leaves; the same on the short way and on Flask's."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from flask import Flask
from werkzeug.http import http_date, quote_etag

from ca.locations import OCSP_PATH
from ca.revocation.answer_memory import KeptAnswer
from ca.revocation.ocsp_answer import OcspAnswer, malformed_request
from ca.revocation.ocsp_request import MAX_REQUEST_SIZE
from ca.web.services import ocsp_responder, services
from web.application import SauFlask
from web.ready_answer import ReadyAnswer
from web.short_way import ShortRequest, ShortWay

_MEDIA_TYPE = "application/ocsp-response"
# Short: whatever stands between us and a verifier must not keep a good answer for long after a revocation.
_CACHED = timedelta(seconds=10)
_NEVER_CACHED = (("Cache-Control", "no-store"),)


def open_short_ways(app: Flask) -> None:
    """Answer OCSP before Flask, where the request is plain."""
    assert isinstance(app, SauFlask)
    by_post = ShortWay(
        "pki_status.ocsp_by_post",
        lambda given: answer_post(given.octets),
        media_types=("application/ocsp-request",),
        most_octets=MAX_REQUEST_SIZE,
        any_host=True,
    )
    app.short_ways.add("POST", OCSP_PATH, by_post)
    by_get = ShortWay("pki_status.ocsp_by_get", _short_get, any_host=True)
    app.short_ways.add_below("GET", f"{OCSP_PATH}/", by_get)


def answer_post(body: bytes) -> ReadyAnswer:
    """Return what answers a POST with this body (RFC 6960 §A.1)."""
    now = services().clock.now()
    responder = ocsp_responder()
    kept = responder.at_hand(body, now=now)
    return unkept((kept or responder.answer_kept(body, now=now)).answer)


def answer_get(path: str) -> ReadyAnswer:
    """Return what answers a GET of this path (RFC 6960 §A.1, RFC 5019 §5).

    :param path: decoded once, as WSGI and Flask have it.
    """
    now = services().clock.now()
    responder = ocsp_responder()
    kept = responder.at_hand(path, now=now)
    if kept is None:
        text = path.removeprefix(f"{OCSP_PATH}/")
        try:
            body = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except (binascii.Error, ValueError):
            return unkept(malformed_request())
        kept = responder.answer_kept(body, now=now, known_as=path)
    return _cached(kept, now) if kept.answer.reusable else unkept(kept.answer)


def unkept(answer: OcspAnswer) -> ReadyAnswer:
    """Return the answer as one that no cache keeps."""
    return ReadyAnswer.made(200, _MEDIA_TYPE, answer.der, _NEVER_CACHED)


def _cached(kept: KeptAnswer, now: datetime) -> ReadyAnswer:
    """RFC 5019 §6.2: only what answers everyone alike may be kept by caches, and never beyond nextUpdate."""
    answer = kept.answer
    if kept.ready is None:
        assert answer.this_update is not None
        kept.ready = (
            ("Last-Modified", http_date(answer.this_update)),
            ("ETag", quote_etag(sha256(answer.der).hexdigest())),
        )
    assert answer.next_update is not None
    cached = _CACHED if answer.next_update - now >= _CACHED else answer.next_update - now
    headers = (*_times(int(cached.total_seconds()), int(now.timestamp())), *kept.ready)
    return ReadyAnswer.made(200, _MEDIA_TYPE, answer.der, headers)


@lru_cache(maxsize=4)
def _times(seconds: int, now: int) -> tuple[tuple[str, str], ...]:
    """The same for all answers of a second."""
    return (
        ("Cache-Control", f"public, no-transform, must-revalidate, max-age={max(0, seconds)}"),
        ("Expires", http_date(now + max(0, seconds))),
    )


def _short_get(given: ShortRequest) -> ReadyAnswer | None:
    if "HTTP_IF_NONE_MATCH" in given.environ or "HTTP_IF_MODIFIED_SINCE" in given.environ or not given.path.isascii():
        return None
    return answer_get(given.path)
