"""What an application's server asks, whichever way it came: by a view of Flask's or by the short way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import request

from idp.protocol.sender import Sender
from idp.web.sender import PROOF_HEADER, request_sender
from web.short_way import FORM, ShortRequest


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request to a protocol endpoint.

    :ivar query: pairs of the address, repetitions included. ``form``: pairs of the body.
    :ivar media_type: of the body, without parameters.
    :ivar header: returns a header's value, None without it.
    :ivar environ: of WSGI, to leave word in for whoever sends the answer.
    """

    path: str
    query: Sequence[tuple[str, str]] = field(repr=False)
    form: Sequence[tuple[str, str]] = field(repr=False)
    media_type: str
    header: Callable[[str], str | None] = field(repr=False)
    sender: Sender = field(repr=False)
    environ: dict[str, Any] = field(repr=False)


def asked_of_flask() -> Asked:
    """Return what the request in progress asks."""
    return Asked(
        path=request.path,
        query=list(request.args.items(multi=True)),
        form=list(request.form.items(multi=True)),
        media_type=request.mimetype,
        header=request.headers.get,
        sender=request_sender(),
        environ=request.environ,
    )


def asked_shortly(given: ShortRequest, issuer: str) -> Asked:
    """Return what a plain request asks: it has no client certificate."""
    proof = given.header(PROOF_HEADER)
    return Asked(
        path=given.path,
        query=given.query,
        form=given.form,
        media_type=FORM if given.method == "POST" else "",
        header=given.header,
        sender=Sender(method=given.method, url=f"{issuer}{given.path}", dpop=(proof,) if proof is not None else ()),
        environ=given.environ,
    )
