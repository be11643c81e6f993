"""Logging in to the console through the provider, and leaving."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin.console_session import open_console_session
from admin.permissions import Permission
from admin.redemption import redeem_sign_in
from admin.roles import powers_of
from admin.sign_in import CLIENT_ID, take_sign_in
from admin.web.accessor import services
from admin.web.cookies import set_console_secret, sign_in_secret
from admin.web.gate import open_to_anyone, refuse_without_role, requires
from kernel.errors import AlreadyConsumed, Denied, Rejected
from web.error_pages import offer_way_on

blueprint = Blueprint("admin_session", __name__, url_prefix="/admin", template_folder="../templates")


@blueprint.get("/callback")
@open_to_anyone
def callback() -> Response:
    """Take what the provider sends back (RFC 6749 §4.1.2), open the console and go where the operator wanted to be.

    :raises Rejected: ``unknown_sign_in``, ``wrong_issuer`` (RFC 9207 §2.4), or what redemption refuses.
    :raises Denied: ``sign_in_refused`` (the person said no), ``other_person``, ``no_console_role``.
    """
    service = services()
    now = service.clock.now()
    offer_way_on(_("Entrar a la consola"), url_for("admin_home.show"))
    if request.args.get("iss", "") != service.settings.issuer:
        raise Rejected("This answer is not from our provider.", code="wrong_issuer")
    try:
        with service.database.transaction() as session:
            sign_in = take_sign_in(
                session, state=request.args.get("state", ""), browser_secret=sign_in_secret(), now=now
            )
    except AlreadyConsumed:
        # A reload, or the back button: what it was for is done.
        return redirect(url_for("admin_home.show"), 303)
    if "error" in request.args:
        raise Denied("The login was not finished.", code="sign_in_refused")
    login = redeem_sign_in(service, sign_in=sign_in, code=request.args.get("code", ""), now=now)
    with service.database.transaction() as session:
        if powers_of(session, login.person_id, now=now).are_none:
            refuse_without_role(session, person_id=login.person_id, sid=login.sid)
        _opened, secret = open_console_session(
            session,
            journal=service.journal,
            sid=login.sid,
            person_id=login.person_id,
            authenticated_at=login.authenticated_at,
            acr=login.acr,
            now=now,
        )
    if sign_in.person_id not in (None, login.person_id):
        # Another person logged in at the same browser: what the first had typed is not shown.
        response = redirect(url_for("admin_home.show"), 303)
    else:
        joint = "&" if "?" in sign_in.return_to else "?"
        kept = f"{joint}{urlencode({'kept': sign_in.id})}" if sign_in.person_id else ""
        response = redirect(sign_in.return_to + kept, 303)
    set_console_secret(secret)
    return response


@blueprint.post("/stay")
@requires(Permission.CONSOLE_OPEN)
def stay() -> Response:
    """Go on: the session counts as used now (WCAG 2.2.1, "extend")."""
    return Response(status=204) if request.form.get("quiet") else redirect(url_for("admin_home.show"), 303)


@blueprint.get("/leave")
@open_to_anyone
def leave() -> Response:
    """Go to the provider's logout: with the login session the console's ends too."""
    return redirect(f"{services().settings.issuer}/logout?{urlencode({'client_id': CLIENT_ID})}", 303)
