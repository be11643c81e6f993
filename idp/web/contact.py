"""The person's e-mail address: confirming it, changing it."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from audit.vocabulary import EventType
from idp.accounts.contact_confirmation import (
    Confirmation,
    Contact,
    confirm_contact,
    find_confirmation,
    resend_code,
    start_confirmation,
)
from idp.accounts.identity import parse_email
from idp.web.access import present, services
from idp.web.forms import Form
from idp.web.guard import Visitor, admit, kept_values
from idp.web.refused_steps import note_step_not_due, person_logged_in, record_refusals
from kernel.errors import Conflict, Rejected, Throttled
from web.pages import render
from web.rate_limit import limit

blueprint = Blueprint("contact", __name__, template_folder="templates", url_prefix="/account/email")
record_refusals(blueprint, EventType.ACCOUNT_CHANGE_REFUSED, person_logged_in)


@blueprint.get("")
def page() -> AnyResponse:
    """Ask for another address."""
    visitor = admit(back_to=url_for("contact.page"), sensitive=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    form = Form()
    kept = kept_values(visitor)
    form.values.update(kept)
    return _show(visitor, form, kept=bool(kept))


@blueprint.post("")
@limit("30 per minute")
def change() -> AnyResponse:
    """Send the code to another address."""
    visitor = admit(back_to=url_for("contact.page"), sensitive=True, keep=("email",))
    if isinstance(visitor, AnyResponse):
        return visitor
    form = Form()
    email = form.read("email", parse_email)
    if email is None:
        return _show(visitor, form, 422)
    return _start(visitor, form, email)


@blueprint.post("/confirm")
@limit("30 per minute")
def confirm_present() -> AnyResponse:
    """Send the code to the address that the account has."""
    visitor = admit(back_to=url_for("account.profile"))
    if isinstance(visitor, AnyResponse):
        return visitor
    if visitor.person.email_verified or not visitor.person.email:
        note_step_not_due()
        return redirect(url_for("account.profile"), 303)
    return _start(visitor, Form(), visitor.person.email)


@blueprint.get("/code")
def code() -> AnyResponse:
    """Ask for the code."""
    visitor = admit(back_to=url_for("contact.code"))
    if isinstance(visitor, AnyResponse):
        return visitor
    waiting = _waiting(visitor)
    return _show_code(visitor, waiting, Form()) if waiting else redirect(url_for("account.profile"), 303)


@blueprint.post("/code")
@limit("60 per minute")
def take_code() -> AnyResponse:
    """Take the code, or send another one."""
    visitor = admit(back_to=url_for("contact.code"))
    if isinstance(visitor, AnyResponse):
        return visitor
    waiting, form, again = _waiting(visitor), Form(), request.form.get("step") == "resend"
    if waiting is None:
        note_step_not_due()
        return redirect(url_for("account.profile"), 303)
    try:
        with services().database.transaction() as session:
            if again:
                resend_code(session, services=services(), person=visitor.person, contact=Contact.EMAIL, now=present())
            else:
                text = form.text("code")
                confirm_contact(
                    session,
                    services=services(),
                    person=visitor.person,
                    contact=Contact.EMAIL,
                    code=text,
                    now=present(),
                )
    except Throttled as error:
        form.refuse("code", error)
        return _show_code(visitor, waiting, form, 429)
    except (Rejected, Conflict) as error:
        form.refuse("code", error)
        return _show_code(visitor, waiting, form, 422)
    if again:
        return _show_code(visitor, waiting, form, sent_again=True)
    return redirect(url_for("account.profile", changed="email"), 303)


def _start(visitor: Visitor, form: Form, email: str) -> AnyResponse:
    try:
        with services().database.transaction() as session:
            start_confirmation(
                session, services=services(), person=visitor.person, contact=Contact.EMAIL, to=email, now=present()
            )
    except Rejected as error:
        form.refuse("email", error)
        return _show(visitor, form, 422)
    except Throttled as error:
        form.refuse("email", error)
        return _show(visitor, form, 429)
    return redirect(url_for("contact.code"), 303)


def _waiting(visitor: Visitor) -> Confirmation | None:
    with services().database.reading() as session:
        return find_confirmation(session, contact=Contact.EMAIL, person_id=visitor.person.id, now=present())


def _show(visitor: Visitor, form: Form, status: int = 200, *, kept: bool = False) -> AnyResponse:
    return render("idp/account_email.html", status, visitor=visitor, form=form, kept=kept)


def _show_code(
    visitor: Visitor, waiting: Confirmation, form: Form, status: int = 200, *, sent_again: bool = False
) -> AnyResponse:
    return render(
        "idp/account_email_code.html",
        status,
        visitor=visitor,
        email=waiting.to,
        changes=waiting.to != visitor.person.email,
        form=form,
        sent_again=sent_again,
    )
