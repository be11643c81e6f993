"""A recovery that was opened at a desk, seen by the person who is logged in: he stops it if it was not he."""

from __future__ import annotations

from flask import redirect, url_for
from werkzeug.wrappers import Response as AnyResponse

from idp.desk.recovery_end import stop_recovery as stop_open_recovery
from idp.desk.recovery_record import find_open_recovery
from idp.desk.report import list_own_reports
from idp.web.access import present, services
from idp.web.account_pages.blueprint import blueprint
from idp.web.guard import admit
from web.pages import render


@blueprint.get("/recovery/stop")
def ask_stopping() -> AnyResponse:
    """Say what stopping does."""
    visitor = admit(back_to=url_for("account.ask_stopping"))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        recovery = find_open_recovery(session, visitor.person.id, now=present())
    if recovery is None:
        return redirect(url_for("account.home"), 303)
    return render("idp/account/recovery_stop.html", visitor=visitor, recovery=recovery)


@blueprint.post("/recovery/stop")
def stop_recovery() -> AnyResponse:
    """Stop it, and lead to the report that this is."""
    visitor = admit(back_to=url_for("account.ask_stopping"))
    if isinstance(visitor, AnyResponse):
        return visitor
    person_id = visitor.person.id
    with services().database.transaction() as session:
        recovery = find_open_recovery(session, person_id, now=present())
        if recovery is None:
            return redirect(url_for("account.home"), 303)
        stop_open_recovery(
            session, services=services(), recovery_id=recovery.id, actor=person_id, by="person", now=present()
        )
        report = list_own_reports(session, person_id)[0]
    return redirect(url_for("account.report", number=report.number), 303)
