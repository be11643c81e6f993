"""Which applications know what, and taking that back."""

from __future__ import annotations

from flask import redirect, url_for
from werkzeug.wrappers import Response as AnyResponse

from idp.clients.client import find_client
from idp.consent.connected_services import find_connected_service, list_connected_services, withdraw_consent
from idp.protocol.scope import OPENID
from idp.tokens.claims import person_claims
from idp.tokens.subject import subject_for
from idp.web.access import present, services
from idp.web.account_pages.blueprint import blueprint
from idp.web.consent_words import client_pages, consent_lines
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


@blueprint.get("/services/<client_id>")
def service(client_id: str) -> AnyResponse:
    """Show exactly what one application receives, value by value."""
    visitor = admit(back_to=url_for("account.service", client_id=client_id))
    if isinstance(visitor, AnyResponse):
        return visitor
    person = visitor.person
    with services().database.reading() as session:
        found = find_connected_service(
            session, person_id=person.id, client_id=client_id, issuer=services().settings.issuer
        )
        client = find_client(session, client_id)
    claims = person_claims(person, found.scopes, subject=subject_for(services(), client, person.id))
    lines = consent_lines(found.scopes, claims, found.permissions)
    return render(
        "idp/account/service.html",
        visitor=visitor,
        service=found,
        lines=lines or consent_lines((OPENID,), claims, {}),
        pages=client_pages(client.metadata),
    )


@blueprint.get("/services/<client_id>/withdraw")
def ask_withdrawal(client_id: str) -> AnyResponse:
    """Say what taking back a permission changes."""
    visitor = admit(back_to=url_for("account.ask_withdrawal", client_id=client_id))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        found = find_connected_service(
            session, person_id=visitor.person.id, client_id=client_id, issuer=services().settings.issuer
        )
    return render("idp/account/withdraw.html", visitor=visitor, service=found)


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
    return redirect(url_for("account.connected_services", disconnected="1"), 303)
