"""The provider's short ways: what portals and their servers call for every person who logs in."""

from __future__ import annotations

from typing import cast

from flask import Flask

from idp.authentication.browser_session import SESSION_COOKIE
from idp.authorization.answer import AuthorizationAnswer
from idp.protocol.response_mode import FORM_POST
from idp.web import authorize, discovery
from idp.web.access import services
from idp.web.asked import asked_shortly
from idp.web.cookies import secret_in
from idp.web.cross_origin import DEPENDS_ON_ORIGIN
from idp.web.token import answer_form, answer_userinfo
from kernel.errors import ServiceError
from web.application import SauFlask
from web.ready_answer import ReadyAnswer
from web.short_way import ShortRequest, ShortWay


def open_short_ways(app: Flask) -> None:
    """Add the short ways to ``app``, beside the views of the same addresses."""
    ways = cast(SauFlask, app).short_ways
    ways.add("POST", "/token", ShortWay("idp_protocol.token", _token))
    ways.add("POST", "/introspect", ShortWay("idp_protocol.introspect", _introspect))
    for method in ("GET", "POST"):
        ways.add(method, "/userinfo", ShortWay("idp_protocol.userinfo", _userinfo))
    ways.add("GET", "/authorize", ShortWay("idp_authorize_entrance.authorize", _authorize))
    keys = ShortWay("idp_discovery.jwks", lambda _given: discovery.ready_jwks(), at_hand=discovery.jwks_at_hand)
    ways.add("GET", "/jwks", keys)
    metadata = ShortWay(
        "idp_discovery.discovery", lambda _given: discovery.ready_metadata(), at_hand=discovery.metadata_at_hand
    )
    for path in discovery.METADATA_PATHS:
        ways.add("GET", path, metadata)


def _token(given: ShortRequest) -> ReadyAnswer:
    return _for_anyone(answer_form("token", asked_shortly(given, services().settings.issuer)))


def _introspect(given: ShortRequest) -> ReadyAnswer:
    return answer_form("introspect", asked_shortly(given, services().settings.issuer))


def _userinfo(given: ShortRequest) -> ReadyAnswer:
    return _for_anyone(answer_userinfo(asked_shortly(given, services().settings.issuer)))


def _for_anyone(answer: ReadyAnswer) -> ReadyAnswer:
    answer.headers.append(DEPENDS_ON_ORIGIN)  # no script of another site asks here
    return answer


class _LongWay(Exception):
    """Only Flask can go on."""


def _authorize(given: ShortRequest) -> ReadyAnswer | None:
    """Answer who is logged in and has consented; whoever must see a page goes the long way."""
    secret = secret_in(given.cookies, SESSION_COOKIE)
    if secret is None:
        return None
    try:
        authorize.require_moderate_flow()
        given.environ[authorize.COUNTED] = True
        outcome = authorize.answer_request(given.query, session_secret=secret, obtain_browser_secret=_no_browser_secret)
    except _LongWay:
        return None
    except ServiceError as error:
        given.environ[authorize.DECIDED] = error
        return None
    if isinstance(outcome, AuthorizationAnswer) and outcome.response_mode == FORM_POST:
        given.environ[authorize.DECIDED] = outcome
        return None
    return authorize.leave_at_once(outcome)


def _no_browser_secret() -> str:
    raise _LongWay
