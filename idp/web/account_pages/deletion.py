"""Having the account erased: explained, asked for, thought over."""

from __future__ import annotations

from flask import url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as AnyResponse

from idp.accounts.deletion import cancel_deletion, find_deletion, request_deletion
from idp.web.access import present, services
from idp.web.account_pages.blueprint import blueprint
from idp.web.guard import admit
from kernel.errors import Conflict
from web.pages import render
from web.rate_limit import limit


@blueprint.get("/delete")
def ask_deletion() -> AnyResponse:
    """Say what goes, what the law keeps, and when; or how to cancel it."""
    visitor = admit(back_to=url_for("account.ask_deletion"))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        waiting = find_deletion(session, visitor.person.id)
        duties = services().duties.of(session, visitor.person.id)
    return render(
        "idp/account/delete.html",
        visitor=visitor,
        waiting=waiting,
        duties=duties,
        days=services().settings.deletion_days,
    )


@blueprint.post("/delete")
@limit("10 per hour")
def delete() -> AnyResponse:
    """Note that the account is to be erased."""
    visitor = admit(back_to=url_for("account.ask_deletion"), sensitive=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    try:
        with services().database.transaction() as session:
            request_deletion(session, services=services(), person=visitor.person, now=present())
    except Conflict as error:
        if error.code != "has_duties":
            raise
    # The page itself says what became of it.
    return redirect(url_for("account.ask_deletion"), 303)


@blueprint.post("/delete/cancel")
def keep_account() -> AnyResponse:
    """Forget that the account was to be erased."""
    visitor = admit(back_to=url_for("account.ask_deletion"))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.transaction() as session:
        cancel_deletion(session, services=services(), person=visitor.person, now=present())
    return redirect(url_for("account.home", deletion="cancelled"), 303)
