"""Who the person is here: names, document, contacts, language, and the ways to change each."""

from __future__ import annotations

from flask import url_for
from werkzeug.wrappers import Response as AnyResponse

from idp.accounts.phone import shown_phone
from idp.web.account_pages.blueprint import blueprint
from idp.web.guard import admit, kept_values
from web.pages import render


@blueprint.get("/profile")
def profile() -> AnyResponse:
    """Show what the account says of the person."""
    visitor = admit(back_to=url_for("account.profile"))
    if isinstance(visitor, AnyResponse):
        return visitor
    phone = shown_phone(visitor.person.phone) if visitor.person.phone else ""
    return render("idp/account/profile.html", visitor=visitor, phone=phone, kept=kept_values(visitor))
