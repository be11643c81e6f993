"""The token inspector: a pasted token, taken apart and checked. Nothing is kept, and nothing leaves this service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin.applications.reach import application_reached
from admin.permissions import Permission
from admin.web import words
from admin.web.accessor import services
from admin.web.developer.inspector_words import CLAIMS, HEADERS, KINDS, STANDINGS, check_words
from admin.web.developer.place import blueprint
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires
from admin.web.problems import problem
from idp.developer.inspection import Given, Inspection, inspect_token
from idp.developer.token_checks import Result
from idp.developer.token_reading import LONGEST, TokenKind
from kernel.clock import from_timestamp
from kernel.errors import Rejected
from web.pages import render

_TIMES = frozenset({"exp", "iat", "nbf", "auth_time", "updated_at"})
_LONGEST_VALUE = 600
_RESULTS: Mapping[Result, tuple[str, str, words.Text]] = {
    Result.PASSED: ("ok", "ok", words.PASSED),
    Result.FAILED: ("bad", "bad", words.FAILED),
    Result.SKIPPED: ("none", "less", words.SKIPPED),
}


@dataclass(frozen=True)
class Line:
    """A member of header or claims: its name, what it says, what that means, and the moment that a number tells."""

    name: str
    value: str
    meaning: words.Text
    moment: datetime | None = None


@blueprint.get("/<client_id>/inspector")
@requires(Permission.CLIENTS_READ)
def inspector(client_id: str) -> Response:
    """The form."""
    return _page(client_id, typed=Typed(), errors={})


@blueprint.post("/<client_id>/inspector")
@requires(Permission.CLIENTS_READ)
def inspect(client_id: str) -> Response:
    """What the token says, and what is wrong with it. It is not shown again: who wants it has it."""
    service = services()
    typed = typed_form(("token", "kind", "nonce", "access_token", "code"), limit=LONGEST + 1)
    with service.database.reading() as session:
        client = application_reached(session, operator().powers, Permission.CLIENTS_READ, client_id)
    try:
        inspected = inspect_token(
            service.idp,
            client=client,
            text=typed["token"],
            kind=TokenKind(typed["kind"]) if typed["kind"] in set(TokenKind) else None,
            given=Given(nonce=typed["nonce"], access_token=typed["access_token"], code=typed["code"]),
            now=service.clock.now(),
        )
    except Rejected as error:
        typed["token"] = typed["access_token"] = typed["code"] = ""
        return _page(client_id, typed=typed, errors={"token": problem(error)}, status=422)
    return _page(client_id, typed=Typed(kind=typed["kind"], nonce=typed["nonce"]), errors={}, inspected=inspected)


def _page(
    client_id: str,
    *,
    typed: Typed,
    errors: Mapping[str, object],
    inspected: Inspection | None = None,
    status: int = 200,
) -> Response:
    with services().database.reading() as session:
        client = application_reached(session, operator().powers, Permission.CLIENTS_READ, client_id)
    return render(
        "admin/developer/inspector.html",
        status,
        client=client,
        typed=typed,
        errors=errors,
        kinds=[("", _("Por lo que parece")), *((kind.value, text) for kind, text in KINDS.items())],
        kind_words=KINDS,
        inspected=inspected,
        checks=[(each, _RESULTS[each.result], *check_words(each)) for each in inspected.checks] if inspected else [],
        header=_lines(inspected.token.header, HEADERS) if inspected else [],
        claims=_lines(inspected.token.claims or {}, CLAIMS) if inspected else [],
        standing=STANDINGS.get(inspected.standing or "", STANDINGS["other"])
        if inspected and inspected.standing
        else None,
    )


def _lines(members: Mapping[str, Any], meanings: Mapping[str, words.Text]) -> list[Line]:
    return [
        Line(
            name=name[:80],
            value=value if len(value := _said(member)) <= _LONGEST_VALUE else value[:_LONGEST_VALUE] + "…",
            meaning=meanings.get(name, ""),
            moment=_moment(name, member),
        )
        for name, member in members.items()
    ]


def _said(member: object) -> str:
    return member if isinstance(member, str) else json.dumps(member, ensure_ascii=False)


def _moment(name: str, member: object) -> datetime | None:
    if name not in _TIMES or isinstance(member, bool) or not isinstance(member, int | float):
        return None
    try:
        return from_timestamp(member)
    except (ValueError, OverflowError, OSError):
        return None
