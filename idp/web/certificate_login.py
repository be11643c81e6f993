"""Logging in with a certificate, on both hosts: see :mod:`idp.authentication.certificate_login`."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from audit.vocabulary import EventType
from idp.accounts.document import mask_document
from idp.authentication.certificate_login import (
    PresentedCertificate,
    confirm_certificate,
    find_ticket,
    issue_ticket,
    log_in_with_certificate,
    look_at_certificate,
)
from idp.authentication.interaction import Interaction
from idp.web.access import present, services
from idp.web.cookies import browser_secret, device_secret, session_secret
from idp.web.login import interaction_context, open_in_browser
from idp.web.refused_steps import journey_named, record_refusals
from kernel.errors import Conflict, NotFound
from web.client_certificate import on_mtls_host, presented_certificate
from web.error_pages import offer_way_on
from web.headers import allow_form_redirect_to
from web.locale import prefer_languages
from web.pages import render
from web.rate_limit import limit

#: On the mutual-TLS host.
PATH = "/certificate"
_MOST = 100

blueprint = Blueprint("certificate_login", __name__, template_folder="templates")
record_refusals(blueprint, EventType.INTERACTION_REFUSED, journey_named("interaction_id"))


@blueprint.post("/login/<interaction_id>/certificate")
@limit("60 per minute")
def begin(interaction_id: str) -> AnyResponse:
    """Send the browser to the mutual-TLS host with a ticket for this login."""
    provider = services()
    if not provider.settings.mtls_origin:
        raise NotFound("No certificates are taken here.", code="not_found")
    with provider.database.transaction() as session:
        ticket = issue_ticket(session, interaction_id=interaction_id, browser_secret=browser_secret(), now=present())
    return redirect(f"{provider.settings.mtls_origin}{PATH}?{urlencode({'ticket': ticket})}", 303)


@blueprint.get("/login/<interaction_id>/certificate")
@limit("60 per minute")
def finish(interaction_id: str) -> AnyResponse:
    """Take the result that the mutual-TLS host gave this browser, and go on."""
    provider, login = services(), url_for("login.step", interaction_id=interaction_id)
    result = request.args.get("result", "")[:_MOST]
    if not result:
        return redirect(login, 303)
    offer_way_on(_("Ingresar de otra forma"), login)
    with provider.database.transaction() as session:
        opened = log_in_with_certificate(
            session,
            services=provider,
            interaction_id=interaction_id,
            result=result,
            browser_secret=browser_secret(),
            session_secret=session_secret(),
            device_secret=device_secret(),
            now=present(),
        )
    if opened is not None:
        open_in_browser(opened)
    return redirect(login, 303)


@blueprint.get(PATH)
@limit("60 per minute")
def show() -> Response:
    """Say who the certificate names and what it would be used for. Nothing happens yet."""
    _require_mtls_host()
    return _show(request.args.get("ticket", "")[:_MOST])


@blueprint.post(PATH)
@limit("60 per minute")
def confirm() -> AnyResponse:
    """Take the holder's yes and send the browser back to the main host."""
    _require_mtls_host()
    ticket, shown = request.form.get("ticket", "")[:_MOST], request.form.get("certificate", "")[:_MOST]
    provider = services()
    try:
        with provider.database.transaction() as session:
            _welcome(find_ticket(session, ticket=ticket, now=present()))
            interaction, result = confirm_certificate(
                session,
                services=provider,
                ticket=ticket,
                certificate_der=presented_certificate(),
                shown=shown,
                now=present(),
            )
    except Conflict as error:
        if error.code != "certificate_changed":
            raise
        return _show(ticket)
    path = url_for("certificate_login.finish", interaction_id=interaction.id, result=result)
    return redirect(f"{provider.settings.issuer}{path}", 303)


def _show(ticket: str) -> Response:
    provider = services()
    with provider.database.transaction() as session:
        interaction = find_ticket(session, ticket=ticket, now=present())
        _welcome(interaction)
        found = look_at_certificate(
            session,
            services=provider,
            interaction=interaction,
            certificate_der=presented_certificate(),
            now=present(),
        )
    return _page(found, ticket)


def _page(found: PresentedCertificate, ticket: str) -> Response:
    return render(
        "idp/certificate_confirm.html",
        200,
        ticket=ticket,
        identity=found.identity,
        person=found.person,
        cedula=mask_document(found.person.document),
        other_way=_login_address(found.interaction),
        **interaction_context(found.interaction),
    )


def _welcome(interaction: Interaction) -> None:
    """Speak the login's language, and let what follows lead back to where it began."""
    if interaction.locale:
        prefer_languages(interaction.locale.split())
    allow_form_redirect_to(services().settings.issuer)
    if interaction.client_origin:
        allow_form_redirect_to(interaction.client_origin)
    offer_way_on(_("Ingresar de otra forma"), _login_address(interaction))


def _login_address(interaction: Interaction) -> str:
    return services().settings.issuer + url_for("login.step", interaction_id=interaction.id)


def _require_mtls_host() -> None:
    """:raises NotFound: on the main host, where nobody asks the browser for a certificate."""
    if not on_mtls_host(request.environ, services().settings):
        raise NotFound("Certificates are presented on another host.", code="not_found")
