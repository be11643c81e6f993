"""What the account did, and "no fui yo"."""

from __future__ import annotations

from flask import redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from idp.authentication.activity import find_activity, list_activity
from idp.desk.disowning import report_activity
from idp.web.access import present, services
from idp.web.account_pages.activity_choice import choices, read_choice
from idp.web.account_pages.blueprint import blueprint
from idp.web.activity_words import services_that_acted, words_of
from idp.web.guard import admit
from kernel.errors import NotFound
from web.pages import render

_EVENTS_A_PAGE = 25


@blueprint.get("/activity")
def activity() -> AnyResponse:
    """Show what the account did, a page at a time, all or what was chosen."""
    before, asked = request.args.get("before"), read_choice(request.args)
    visitor = admit(back_to=url_for("account.activity", before=before, **asked.address))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        shown = list_activity(
            session,
            services=services(),
            person_id=visitor.person.id,
            limit=_EVENTS_A_PAGE,
            before=before,
            chosen=asked.filter,
        )
        told = [(event, words_of(session, event)) for event in shown.events]
        first = before is None and not asked.address
        acted = services_that_acted(session, person_id=visitor.person.id, now=present()) if first else []
    return render(
        "idp/account/activity.html",
        visitor=visitor,
        activity=told,
        acted=acted,
        older=shown.older,
        is_later=before is not None,
        asked=asked,
        choices=choices(),
    )


@blueprint.get("/activity/<event_id>/disown")
def ask_disowning(event_id: str) -> AnyResponse:
    """Say what happens when it was not the person."""
    visitor = admit(back_to=url_for("account.ask_disowning", event_id=event_id))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        event = find_activity(session, services=services(), person_id=visitor.person.id, event_id=event_id)
        words = words_of(session, event)
    if not event.can_be_disowned:
        raise NotFound("Nobody acted as this person there.", code="unknown_activity")
    return render("idp/account/disown.html", visitor=visitor, event=event, words=words)


@blueprint.post("/activity/<event_id>/disown")
def disown(event_id: str) -> AnyResponse:
    """End the other sessions and lead to the report, with what is left to do."""
    visitor = admit(back_to=url_for("account.ask_disowning", event_id=event_id))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.transaction() as session:
        report = report_activity(
            session,
            services=services(),
            person_id=visitor.person.id,
            event_id=event_id,
            except_sid=visitor.session.sid,
            end_grants=request.form.get("grants") == "1",
            now=present(),
        )
    return redirect(url_for("account.report", number=report.number), 303)
