"""Having a datum put right that the person cannot change himself: asked for, looked at, taken back."""

from __future__ import annotations

from flask import redirect, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from idp.accounts.rectification import Datum, ask_rectification, list_own_rectifications, withdraw_rectification
from idp.web.access import present, services
from idp.web.account_pages.blueprint import blueprint
from idp.web.forms import Form
from idp.web.guard import Visitor, admit
from kernel.errors import Conflict, Rejected
from web.pages import render
from web.rate_limit import limit

_FIELDS = {
    "datum_missing": "datum",
    "nothing_to_correct": "value",
    "rectification_open": "datum",
    "why_missing": "why",
    "words_long": "why",
}


@blueprint.get("/rectification")
def rectification() -> AnyResponse:
    """Show the form and what became of earlier requests."""
    visitor = admit(back_to=url_for("account.rectification"))
    return visitor if isinstance(visitor, AnyResponse) else _show(visitor, Form())


@blueprint.post("/rectification", endpoint="ask_rectification")
@limit("10 per hour")
def ask_to_rectify() -> AnyResponse:
    """Ask."""
    visitor = admit(back_to=url_for("account.rectification"), sensitive=True, keep=("datum", "value", "why"))
    if isinstance(visitor, AnyResponse):
        return visitor
    form = Form()
    try:
        with services().database.transaction() as session:
            ask_rectification(
                session,
                services=services(),
                person=visitor.person,
                datum=form.text("datum"),
                value=form.text("value"),
                why=form.text("why"),
                now=present(),
            )
    except (Rejected, Conflict) as error:
        form.refuse(_FIELDS.get(error.code, "value"), error)
        return _show(visitor, form, 422)
    return redirect(url_for("account.rectification", asked="1"), 303)


@blueprint.post("/rectification/withdraw", endpoint="withdraw_rectification")
def withdraw_rectification_view() -> AnyResponse:
    """Take it back."""
    visitor = admit(back_to=url_for("account.rectification"))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.transaction() as session:
        withdraw_rectification(session, services=services(), person_id=visitor.person.id, now=present())
    return redirect(url_for("account.rectification", asked="0"), 303)


def datum_words() -> dict[str, str]:
    """Return what each datum is called."""
    return {
        Datum.GIVEN_NAMES.value: _("Nombres"),
        Datum.SURNAMES.value: _("Apellidos"),
        Datum.BIRTH_DATE.value: _("Fecha de nacimiento"),
        Datum.OTHER.value: _("Otro dato"),
    }


def _show(visitor: Visitor, form: Form, status: int = 200) -> AnyResponse:
    with services().database.reading() as session:
        found = list_own_rectifications(session, visitor.person.id)
    return render(
        "idp/account/rectification.html",
        status,
        visitor=visitor,
        form=form,
        requests=found,
        waiting=next((item for item in found if item.state == "open"), None),
        words=datum_words(),
        now=present(),
    )
