"""The person's switch: a PIN to approve requests on a telephone with keys."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from audit.vocabulary import EventType
from idp.accounts.phone import shown_phone
from idp.ussd.pin import has_pin, parse_pin, remove_pin, set_pin
from idp.web.access import present, services
from idp.web.forms import Form
from idp.web.guard import Visitor, admit
from idp.web.refused_steps import person_logged_in, record_refusals
from kernel.errors import Conflict, NotFound, Rejected
from web.pages import render
from web.rate_limit import limit

blueprint = Blueprint("ussd_pin", __name__, template_folder="../templates", url_prefix="/account/ussd")
record_refusals(blueprint, EventType.ACCOUNT_CHANGE_REFUSED, person_logged_in)


@blueprint.get("")
def page() -> AnyResponse:
    """Say what it is, and ask for a PIN."""
    visitor = _let_in()
    return visitor if isinstance(visitor, AnyResponse) else _show(visitor, Form())


@blueprint.post("")
@limit("30 per minute")
def change() -> AnyResponse:
    """Set the PIN, or switch it off."""
    visitor, form = _let_in(), Form()
    if isinstance(visitor, AnyResponse):
        return visitor
    try:
        pin = (
            ""
            if request.form.get("switch") == "off"
            else parse_pin(form.password("pin").reveal(), person=visitor.person)
        )
        with services().database.transaction() as session:
            if pin:
                set_pin(session, services=services(), person=visitor.person, pin=pin, now=present())
            else:
                remove_pin(session, services=services(), person=visitor.person, now=present())
    except (Rejected, Conflict) as error:
        form.refuse("pin", error)
        return _show(visitor, form, 422)
    return redirect(url_for("ussd_pin.page", done="on" if pin else "off"), 303)


def _let_in() -> Visitor | AnyResponse:
    """Changing the PIN is changing how one approves: it wants a recent login."""
    if not services().settings.ussd_code:
        raise NotFound("There is no such page.", code="not_found")
    return admit(back_to=url_for("ussd_pin.page"), sensitive=True)


def _show(visitor: Visitor, form: Form, status: int = 200) -> AnyResponse:
    with services().database.reading() as session:
        switched_on = has_pin(session, visitor.person.id)
    return render(
        "idp/ussd_pin.html",
        status,
        visitor=visitor,
        form=form,
        switched_on=switched_on,
        phone=shown_phone(visitor.person.phone) if visitor.person.phone_verified else "",
        dial=services().settings.ussd_code,
        done=request.args.get("done"),
    )
