"""Which applications know what, and taking that back."""

from __future__ import annotations

from flask import redirect, url_for
from werkzeug.wrappers import Response as AnyResponse

from idp.consent.connected_services import list_connected_services, withdraw_consent
from idp.web.access import present, services
from idp.web.account_pages.blueprint import blueprint
from idp.web.guard import admit
from kernel.errors import NotFound
from web.pages import render


@blueprint.get("/services")
def connected_services() -> AnyResponse:
    """Show which applications know what."""
    visitor = admit(back_to=url_for("account.connected_services"))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        connected = list_connected_services(session, visitor.person.id, issuer=services().settings.issuer)
    return render("idp/account/services.html", visitor=visitor, connected=connected)


@blueprint.get("/services/<client_id>/withdraw")
def ask_withdrawal(client_id: str) -> AnyResponse:
    """Say what taking back a permission changes."""
    visitor = admit(back_to=url_for("account.ask_withdrawal", client_id=client_id))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        found = [
            item
            for item in list_connected_services(session, visitor.person.id, issuer=services().settings.issuer)
            if item.client_id == client_id
        ]
    if not found:
        return redirect(url_for("account.connected_services"), 303)
    return render("idp/account/withdraw.html", visitor=visitor, service=found[0])


@blueprint.post("/services/<client_id>/withdraw")
def withdraw(client_id: str) -> AnyResponse:
    """Take back what the application was allowed to know."""
    visitor = admit(back_to=url_for("account.connected_services"))
    if isinstance(visitor, AnyResponse):
        return visitor
    try:
        with services().database.transaction() as session:
            withdraw_consent(
                session,
                journal=services().journal,
                person_id=visitor.person.id,
                client_id=client_id,
                now=present(),
            )
    except NotFound:
        # Taken back before: a double submit.
        pass
    return redirect(url_for("account.connected_services"), 303)
