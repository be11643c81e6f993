"""The person's telephone: adding it, changing it; it may become a second step by the same code."""

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
from idp.accounts.phone import parse_phone, shown_phone
from idp.codes.enrolment import enroll_confirmed_sms
from idp.web.access import present, services
from idp.web.forms import Form
from idp.web.guard import Visitor, admit, kept_values
from idp.web.refused_steps import note_step_not_due, person_logged_in, record_refusals
from idp.web.second_steps.blueprint import added
from idp.web.second_steps.blueprint import waiting as waiting_login
from kernel.errors import Conflict, Rejected, Throttled
from web.pages import render
from web.rate_limit import limit

blueprint = Blueprint("phone", __name__, template_folder="templates", url_prefix="/account/phone")
_SECOND_STEP = "second_step"
record_refusals(blueprint, EventType.ACCOUNT_CHANGE_REFUSED, person_logged_in)


@blueprint.get("")
def page() -> AnyResponse:
    """Ask for another telephone."""
    visitor = admit(back_to=_address("phone.page"), sensitive=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    form = Form()
    kept = kept_values(visitor)
    form.values.update(kept)
    return _show(visitor, form, kept=bool(kept))


@blueprint.post("")
@limit("30 per minute")
def change() -> AnyResponse:
    """Send the code to another telephone."""
    visitor = admit(back_to=_address("phone.page"), sensitive=True, keep=("phone",))
    if isinstance(visitor, AnyResponse):
        return visitor
    form = Form()
    phone = form.read("phone", lambda text: parse_phone(text, countries=services().settings.sms_countries))
    if phone is None:
        return _show(visitor, form, 422)
    return _start(visitor, form, phone)


@blueprint.get("/code")
def code() -> AnyResponse:
    """Ask for the code."""
    visitor = admit(back_to=_address("phone.code"), sensitive=_as_second_step())
    if isinstance(visitor, AnyResponse):
        return visitor
    waiting = _waiting(visitor)
    return _show_code(visitor, waiting, Form()) if waiting else redirect(url_for("account.profile"), 303)


@blueprint.post("/code")
@limit("60 per minute")
def take_code() -> AnyResponse:
    """Take the code, or send another one."""
    visitor = admit(back_to=_address("phone.code"), sensitive=_as_second_step())
    if isinstance(visitor, AnyResponse):
        return visitor
    waiting, form, again, secret = _waiting(visitor), Form(), request.form.get("step") == "resend", ""
    if waiting is None:
        note_step_not_due()
        return redirect(url_for("account.profile"), 303)
    try:
        with services().database.transaction() as session:
            if again:
                resend_code(session, services=services(), person=visitor.person, contact=Contact.PHONE, now=present())
            else:
                text = form.text("code")
                person = confirm_contact(
                    session,
                    services=services(),
                    person=visitor.person,
                    contact=Contact.PHONE,
                    code=text,
                    now=present(),
                )
                if _as_second_step():
                    secret = enroll_confirmed_sms(
                        session, services=services(), person=person, sid=visitor.session.sid, now=present()
                    )
    except Throttled as error:
        form.refuse("code", error)
        return _show_code(visitor, waiting, form, 429)
    except (Rejected, Conflict) as error:
        form.refuse("code", error)
        return _show_code(visitor, waiting, form, 422)
    if again:
        return _show_code(visitor, waiting, form, sent_again=True)
    if secret:
        return added(visitor, secret)
    return redirect(url_for("account.profile", changed="phone"), 303)


def _start(visitor: Visitor, form: Form, phone: str) -> AnyResponse:
    try:
        with services().database.transaction() as session:
            start_confirmation(
                session, services=services(), person=visitor.person, contact=Contact.PHONE, to=phone, now=present()
            )
    except Rejected as error:
        form.refuse("phone", error)
        return _show(visitor, form, 422)
    except Throttled as error:
        form.refuse("phone", error)
        return _show(visitor, form, 429)
    return redirect(_address("phone.code"), 303)


def _as_second_step() -> bool:
    """Tell whether the telephone is confirmed so that it becomes a second step."""
    return request.args.get("use") == _SECOND_STEP


def _address(endpoint: str) -> str:
    found = waiting_login()
    return url_for(
        endpoint,
        use=_SECOND_STEP if _as_second_step() else None,
        interaction=found.id if found else None,
    )


def _waiting(visitor: Visitor) -> Confirmation | None:
    with services().database.reading() as session:
        return find_confirmation(session, contact=Contact.PHONE, person_id=visitor.person.id, now=present())


def _show(visitor: Visitor, form: Form, status: int = 200, *, kept: bool = False) -> AnyResponse:
    present_phone = shown_phone(visitor.person.phone) if visitor.person.phone else ""
    return render(
        "idp/steps/phone.html",
        status,
        visitor=visitor,
        form=form,
        kept=kept,
        phone=present_phone,
        here=_address("phone.page"),
    )


def _show_code(
    visitor: Visitor, waiting: Confirmation, form: Form, status: int = 200, *, sent_again: bool = False
) -> AnyResponse:
    return render(
        "idp/steps/phone_code.html",
        status,
        visitor=visitor,
        phone=shown_phone(waiting.to),
        here=_address("phone.code"),
        other=_address("phone.page"),
        changes=waiting.to != visitor.person.phone,
        form=form,
        sent_again=sent_again,
    )
