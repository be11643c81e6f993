"""Codes by short message as a second step."""

from __future__ import annotations

from flask import redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from idp.codes.code_factor import has_sms
from idp.codes.enrolment import enroll_sms, remove_sms
from idp.codes.sent_code import Channel, send_code
from idp.web.access import present, services
from idp.web.forms import Form
from idp.web.guard import Visitor
from idp.web.login import interaction_context
from idp.web.second_steps.blueprint import added, address, blueprint, let_in, waiting, way_on
from kernel.errors import Conflict, Rejected, Throttled
from web.pages import render
from web.rate_limit import limit


@blueprint.get("/sms")
def sms() -> AnyResponse:
    """Send a code to the confirmed telephone and ask for it; who has none is asked for one first."""
    visitor = let_in("second_steps.sms")
    if isinstance(visitor, AnyResponse):
        return visitor
    return _show(visitor, Form())


@blueprint.post("/sms")
@limit("60 per minute")
def take_sms() -> AnyResponse:
    """Take the code, or send another one."""
    visitor = let_in("second_steps.sms")
    if isinstance(visitor, AnyResponse):
        return visitor
    form = Form()
    if request.form.get("step") == "resend":
        return _show(visitor, form, again=True)
    try:
        with services().database.transaction() as session:
            secret = enroll_sms(
                session,
                services=services(),
                person=visitor.person,
                sid=visitor.session.sid,
                code=form.text("code", longest=16),
                now=present(),
            )
    except (Rejected, Conflict) as error:
        form.refuse("code", error)
        return _show(visitor, form, 422)
    except Throttled as error:
        form.refuse("code", error)
        return _show(visitor, form, 429)
    return added(visitor, secret)


@blueprint.get("/sms/remove")
def ask_sms_removal() -> AnyResponse:
    """Say what removing it changes."""
    visitor = let_in("second_steps.ask_sms_removal")
    if isinstance(visitor, AnyResponse):
        return visitor
    return render("idp/steps/remove.html", visitor=visitor, kind="sms")


@blueprint.post("/sms/remove")
def take_sms_removal() -> AnyResponse:
    """Remove it."""
    visitor = let_in("second_steps.ask_sms_removal")
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.transaction() as session:
        remove_sms(session, services=services(), person=visitor.person, sid=visitor.session.sid, now=present())
    return redirect(url_for("account.security"), 303)


def _show(visitor: Visitor, form: Form, status: int = 200, *, again: bool = False) -> AnyResponse:
    person = visitor.person
    if not person.phone_verified:
        found = waiting()
        return redirect(url_for("phone.page", use="second_step", interaction=found.id if found else None), 303)
    with services().database.reading() as session:
        if has_sms(session, person.id):
            return redirect(way_on(), 303)
    facts: dict[str, object] = {}
    try:
        with services().database.transaction() as session:
            facts |= send_code(
                session,
                services=services(),
                channel=Channel.SMS,
                person_id=person.id,
                journey=visitor.session.sid,
                device=None,
                again=again,
                now=present(),
            )
    except (Conflict, Throttled) as error:
        form.refuse("code", error)
    return render(
        "idp/steps/sms.html",
        status,
        visitor=visitor,
        form=form,
        facts=facts,
        back=address("second_steps.choose"),
        **interaction_context(waiting()),
    )
