"""The door of the console: every view declares what it needs, and one that declares nothing opens to nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from flask import current_app, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from admin.api.operations import PREFIX as API_PREFIX
from admin.console_session import (
    OpenConsoleSession,
    close_console_session,
    find_console_session,
    is_due_to_be_seen,
    touch_console_session,
)
from admin.permissions import Permission
from admin.roles import Powers, powers_of
from admin.sign_in import REQUIRED_ACR, begin_sign_in, kept_values
from admin.web.accessor import services
from admin.web.cookies import console_secret, obtain_sign_in_secret
from admin.web.forms import Typed, typed_from
from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.person import find_person
from idp.authentication.assurance import satisfies
from idp.authentication.browser_session import find_session_by_sid, touch_browser_session
from kernel.errors import Denied, ServiceError

View = TypeVar("View", bound=Callable[..., Any])
PREFIX = "/admin"
_API = "admin_api"
_NOT_KEPT = frozenset({"csrf_token", "password", "secret", "code", "username", "token", "access_token"})


@dataclass(frozen=True)
class Declaration:
    """What a view asks of who calls it.

    :ivar permission: None: anyone may come (the login itself).
    :ivar fresh: whether the login must be of the last minutes (signing, revoking).
    """

    permission: Permission | None
    fresh: bool = False


@dataclass(frozen=True)
class Operator:
    """Who is at the console, in this request."""

    person_id: str
    name: str
    opened: OpenConsoleSession
    powers: Powers


def requires(permission: Permission, *, fresh: bool = False) -> Callable[[View], View]:
    """Declare that a view needs ``permission``; with ``fresh`` also a login of the last quarter of an hour."""
    return _declare(Declaration(permission=permission, fresh=fresh))


def open_to_anyone(view: View) -> View:
    """Declare that a view needs nobody logged in: it is part of the login."""
    return _declare(Declaration(permission=None))(view)


def declaration_of(view: Callable[..., Any] | None) -> Declaration | None:
    """Return what ``view`` declared, or None: such a view is closed."""
    return getattr(view, "console_declaration", None)


def operator() -> Operator:
    """Return who is at the console; only in views behind a permission."""
    return cast(Operator, g.console_operator)


def guard() -> Response | None:
    """Before every request under ``/admin``: find the operator and check the view's declaration.

    :raises Denied: ``undeclared_view``, ``no_console_role``, ``missing_permission``; each is on record.
    """
    if request.url_rule is None or not _is_ours(request.url_rule.rule):
        return None
    if request.blueprint == _API and request.url_rule.rule.startswith(f"{API_PREFIX}/"):
        return None  # it has a door of its own (admin.api.enter): tokens, and no cookie
    declared = declaration_of(current_app.view_functions.get(request.endpoint or ""))
    if declared is None:
        raise Denied("This page is closed.", code="undeclared_view")
    if declared.permission is None:
        return None
    found = _find_operator()
    if found is None:
        return send_to_sign_in(fresh=declared.fresh)
    g.console_operator = found
    try:
        found.powers.require(declared.permission)
    except Denied as error:
        _refuse(found, declared.permission, error)
    if declared.fresh and not found.opened.is_fresh(services().clock.now()):
        return send_to_sign_in(fresh=True, person_id=found.person_id)
    return None


def send_to_sign_in(*, fresh: bool = False, person_id: str | None = None, return_to: str | None = None) -> Response:
    """Send the browser to the provider, and afterwards back to this page with what was typed on it."""
    service = services()
    kept = {name: value for name, value in request.form.items() if name not in _NOT_KEPT}
    with service.database.transaction() as session:
        address = begin_sign_in(
            session,
            issuer=service.settings.issuer,
            browser_secret=obtain_sign_in_secret(),
            return_to=return_to or _page_of_this_request(),
            fresh=fresh,
            kept=kept if person_id else {},
            person_id=person_id,
            now=service.clock.now(),
        )
    return redirect(address, 303)


def typed_before() -> Typed:
    """Return what the operator had typed on this page before he was sent to log in again; else nothing."""
    sign_in_id = request.args.get("kept", "")
    if not sign_in_id:
        return Typed()
    with services().database.reading() as session:
        return typed_from(
            kept_values(session, sign_in_id=sign_in_id, person_id=operator().person_id, path=request.path)
        )


def refuse_without_role(session: Session, *, person_id: str, sid: str) -> None:
    """:raises Denied: (``no_console_role``) always; it is on record."""
    services().journal.refuse(
        session,
        Event(
            type=EventType.CONSOLE_ACCESS_REFUSED,
            outcome=Outcome.REFUSED,
            reason="no_console_role",
            subject=person_id,
            session_id=sid,
        ),
        Denied("You have no role in the console.", code="no_console_role"),
        now=services().clock.now(),
    )


def _find_operator() -> Operator | None:
    service = services()
    now = service.clock.now()
    with service.database.reading() as session:
        opened = find_console_session(session, secret=console_secret(), now=now)
        if opened is None:
            return None
        login = find_session_by_sid(session, sid=opened.sid, now=now)
        try:
            person = find_person(session, opened.person_id)
        except ServiceError:
            person = None
        powers = powers_of(session, opened.person_id, now=now)
        due = is_due_to_be_seen(session, session_id=opened.id, now=now)
    if (
        login is None
        or login.person_id != opened.person_id
        or not satisfies(login.acr, REQUIRED_ACR)  # logged in again since, with less
        or person is None
        or not person.is_active
    ):
        with service.database.transaction() as session:
            close_console_session(session, journal=service.journal, opened=opened, reason="login_ended", now=now)
        return None
    if due:
        with service.database.transaction() as session:
            touch_console_session(session, session_id=opened.id, now=now)
            touch_browser_session(session, sid=opened.sid, now=now)
    return Operator(person_id=person.id, name=person.name, opened=opened, powers=powers)


def _refuse(found: Operator, permission: Permission, error: Denied) -> None:
    service = services()
    with service.database.transaction() as session:
        if found.powers.are_none:
            refuse_without_role(session, person_id=found.person_id, sid=found.opened.sid)
        service.journal.refuse(
            session,
            Event(
                type=EventType.CONSOLE_ACCESS_REFUSED,
                outcome=Outcome.REFUSED,
                reason=error.code,
                subject=found.person_id,
                session_id=found.opened.sid,
                details={"permission": permission.value, "method": request.method},
            ),
            error,
            now=service.clock.now(),
        )


def _page_of_this_request() -> str:
    """Return the page to come back to: this one, or for a form without a page of its own, the console's front."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    try:
        current_app.create_url_adapter(request).match(request.path, method="GET")  # type: ignore[union-attr]
    except HTTPException:
        return url_for("admin_home.show")
    return request.path


def _is_ours(rule: str) -> bool:
    return rule == PREFIX or rule.startswith(f"{PREFIX}/")


def _declare(declaration: Declaration) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.console_declaration = declaration  # type: ignore[attr-defined]
        return view

    return mark
