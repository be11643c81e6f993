"""Which roles the person holds in applications, by whom they were given and until when."""

from __future__ import annotations

from flask import url_for
from werkzeug.wrappers import Response as AnyResponse

from idp.rights.belonging import institutions_of
from idp.rights.reports import report_holders
from idp.web.access import present, services
from idp.web.account_pages.blueprint import blueprint
from idp.web.guard import admit
from web.locale import current_language
from web.pages import render


@blueprint.get("/roles")
def roles() -> AnyResponse:
    """Show what institutions gave the person, and what waits for a second person."""
    visitor = admit(back_to=url_for("account.roles"))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        held, waiting = (
            report_holders(session, person_id=visitor.person.id, pending=pending, now=present())
            for pending in (False, True)
        )
        institutions = institutions_of(session, visitor.person.id, now=present())
    return render(
        "idp/account/roles.html",
        visitor=visitor,
        held=[line for line in held if line.assignment.counts(present())],
        waiting=waiting,
        institutions=institutions,
        locale=current_language(),
    )
