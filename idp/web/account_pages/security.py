"""How the person logs in."""

from __future__ import annotations

from flask import url_for
from werkzeug.wrappers import Response as AnyResponse

from idp.authentication.factor_list import has_second_kind, list_factors
from idp.web.access import services
from idp.web.account_pages.blueprint import blueprint
from idp.web.account_pages.factor_words import factor_line, factor_offers
from idp.web.guard import admit
from web.pages import render


@blueprint.get("/security")
def security() -> AnyResponse:
    """Show how the person logs in."""
    visitor = admit(back_to=url_for("account.security"))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        factors = list_factors(session, visitor.person.id)
    return render(
        "idp/account/security.html",
        visitor=visitor,
        lines=[factor_line(factor) for factor in factors],
        offers=factor_offers(factors),
        protected=has_second_kind(factors),
    )
