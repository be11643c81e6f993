"""Codes by mail on new devices: a switch."""

from __future__ import annotations

from flask import redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from idp.codes.code_factor import find_code_factor
from idp.codes.enrolment import ask_mail_on_new_devices, ask_no_mail
from idp.codes.sent_code import Channel
from idp.web.access import present, services
from idp.web.second_steps.blueprint import blueprint, let_in
from web.pages import render


@blueprint.get("/mail")
def mail() -> AnyResponse:
    """Say what it is and is not."""
    visitor = let_in("second_steps.mail")
    if isinstance(visitor, AnyResponse):
        return visitor
    if not visitor.person.email_verified:
        return redirect(url_for("account.profile"), 303)
    with services().database.reading() as session:
        switched_on = find_code_factor(session, visitor.person.id, Channel.EMAIL) is not None
    return render("idp/steps/mail.html", visitor=visitor, switched_on=switched_on)


@blueprint.post("/mail")
def switch_mail() -> AnyResponse:
    """Switch it on or off."""
    visitor = let_in("second_steps.mail")
    if isinstance(visitor, AnyResponse):
        return visitor
    switch = ask_mail_on_new_devices if request.form.get("switch") == "on" else ask_no_mail
    with services().database.transaction() as session:
        switch(session, services=services(), person=visitor.person, now=present())
    return redirect(url_for("account.security"), 303)
