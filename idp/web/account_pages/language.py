"""The language of pages and mails."""

from __future__ import annotations

from flask import redirect, request, url_for
from flask import session as form_session
from werkzeug.wrappers import Response as AnyResponse

from idp.accounts.life import set_locale
from idp.accounts.person import LOCALES, find_person
from idp.web.access import present, services
from idp.web.account_pages.blueprint import blueprint
from idp.web.guard import admit


@blueprint.post("/language")
def language() -> AnyResponse:
    """Remember the language for pages and mails."""
    visitor = admit(back_to=url_for("account.profile"), keep=("locale",))
    if isinstance(visitor, AnyResponse):
        return visitor
    chosen = request.form.get("locale", "")
    if chosen in LOCALES:
        with services().database.transaction() as session:
            find_person(session, visitor.person.id)
            set_locale(session, services=services(), person_id=visitor.person.id, locale=chosen, now=present())
        form_session["lang"] = chosen
    return redirect(url_for("account.profile"), 303)
