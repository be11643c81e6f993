"""A new password for who knows the old one."""

from __future__ import annotations

from flask import redirect, url_for
from werkzeug.wrappers import Response as AnyResponse

from idp.authentication.factors import change_password, require_own_password
from idp.authentication.leaked_passwords import require_not_leaked
from idp.authentication.password import hash_password
from idp.authentication.password_rules import require_acceptable_password
from idp.web.access import present, services
from idp.web.account_pages.blueprint import blueprint
from idp.web.forms import Form
from idp.web.guard import admit
from kernel.errors import Rejected, Throttled
from web.pages import render


@blueprint.get("/password")
def password() -> AnyResponse:
    """Ask for the old password and a new one."""
    visitor = admit(back_to=url_for("account.password"), sensitive=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    return render("idp/account/password.html", visitor=visitor, form=Form())


@blueprint.post("/password")
def take_password() -> AnyResponse:
    """Change the password."""
    visitor = admit(back_to=url_for("account.password"), sensitive=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    form, person, status = Form(), visitor.person, 422
    old, new = form.password("current_password"), form.password("password")
    try:
        require_acceptable_password(
            new,
            cedula=person.document,
            names=[person.given_names, person.surnames],
            email=person.email,
            phone=person.phone,
        )
        require_not_leaked(services(), new)
    except Rejected as error:
        form.refuse("password", error)
    if not old:
        form.refuse("current_password", Rejected(code="password_missing"))
    if not form.errors:
        try:
            require_own_password(services(), person=person, password=old, now=present())
        except Rejected as error:
            form.refuse("current_password", error)
        except Throttled as error:
            form.refuse("current_password", error)
            status = 429
    if form.errors:
        return render("idp/account/password.html", status, visitor=visitor, form=form)
    phc = hash_password(new)
    with services().database.transaction() as session:
        change_password(session, services=services(), person=person, sid=visitor.session.sid, phc=phc, now=present())
    return redirect(url_for("account.security", changed="password"), 303)
