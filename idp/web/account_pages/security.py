"""How the person logs in."""

from __future__ import annotations

from flask import url_for
from werkzeug.wrappers import Response as AnyResponse

from idp.authentication.recovery_codes import count_recovery_codes
from idp.authentication.totp import list_totp
from idp.web.access import services
from idp.web.account_pages.blueprint import blueprint
from idp.web.guard import admit
from web.pages import render


@blueprint.get("/security")
def security() -> AnyResponse:
    """Show how the person logs in."""
    visitor = admit(back_to=url_for("account.security"))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        factors = list_totp(session, visitor.person.id)
        codes = count_recovery_codes(session, visitor.person.id)
    return render("idp/account/security.html", visitor=visitor, factors=factors, recovery_codes=codes)
