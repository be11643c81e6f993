"""What became of "no fui yo": the person's reports, and going through all that opens the account."""

from __future__ import annotations

from flask import redirect, url_for
from werkzeug.wrappers import Response as AnyResponse

from idp.authentication.factor_list import list_factors
from idp.desk.report import find_own_report, is_password_due, list_own_reports, note_rechecked
from idp.web.access import present, services
from idp.web.account_pages.blueprint import blueprint
from idp.web.account_pages.factor_words import WORDS
from idp.web.guard import admit
from idp.web.refused_steps import note_refusal
from kernel.errors import Conflict
from web.pages import render


@blueprint.get("/reports")
def reports() -> AnyResponse:
    """List the person's reports."""
    visitor = admit(back_to=url_for("account.reports"))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        found = list_own_reports(session, visitor.person.id)
    return render("idp/account/reports.html", visitor=visitor, reports=found)


@blueprint.get("/reports/<number>")
def report(number: str) -> AnyResponse:
    """One report: its state, and what is left to do."""
    visitor = admit(back_to=url_for("account.report", number=number))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        found = find_own_report(session, number=number, person_id=visitor.person.id)
        factors = list_factors(session, visitor.person.id)
        password_due = is_password_due(session, found)
    titles = {words.name: words.title for words in WORDS}
    held = [(factor, factor.name or titles.get(factor.kind, factor.kind)) for factor in factors]
    return render("idp/account/report.html", visitor=visitor, report=found, factors=held, password_due=password_due)


@blueprint.post("/reports/<number>")
def recheck(number: str) -> AnyResponse:
    """All of it is the person's own."""
    visitor = admit(back_to=url_for("account.report", number=number), sensitive=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    try:
        with services().database.transaction() as session:
            note_rechecked(session, services=services(), number=number, person_id=visitor.person.id, now=present())
    except Conflict as error:
        note_refusal(error)
        return redirect(url_for("account.password"), 303)
    return redirect(url_for("account.report", number=number), 303)
