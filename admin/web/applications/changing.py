"""Changing an application: at once in its sandbox; in production it is proposed, and somebody else decides."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from admin.applications.changing import change_in_sandbox, open_change, propose_change
from admin.applications.reach import application_reached
from admin.applications.registered import foreign_scopes, with_scopes
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.applications.mistakes import address_errors, errors_of
from admin.web.applications.place import blueprint
from admin.web.applications.words import OFFERED_SCOPES, POLICIES
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires
from idp.clients.client import Client
from idp.clients.environment import Environment
from idp.clients.policy import POLICIES as RULES
from idp.protocol.scope import IDENTITY_SCOPES, OPENID
from kernel.errors import Conflict, Rejected
from web.pages import render

_FIELDS = (
    "name",
    "redirect_uris",
    "post_logout_redirect_uris",
    "backchannel_logout_uri",
    "contacts",
    "policy_uri",
    "policy",
    "api_scopes",
    "why",
    "version",
)


@blueprint.get("/<client_id>/change")
@requires(Permission.APPLICATIONS_WRITE, fresh=True)
def change_form(client_id: str) -> Response:
    """The form, with what is registered."""
    client = _reached(client_id)
    typed = Typed(
        name=client.name,
        redirect_uris="\n".join(client.redirect_uris),
        post_logout_redirect_uris="\n".join(client.post_logout_redirect_uris),
        backchannel_logout_uri=client.metadata.backchannel_logout_uri or "",
        contacts=" ".join(client.metadata.contacts),
        policy_uri=client.metadata.policy_uri or "",
        policy=client.policy.name,
        api_scopes=" ".join(foreign_scopes(client)),
        version=str(client.version),
    )
    return _form(client, typed, list(client.scopes), errors={})


@blueprint.post("/<client_id>/change")
@requires(Permission.APPLICATIONS_WRITE, fresh=True)
def change(client_id: str) -> Response:
    """Change it, or propose the change."""
    service, typed = services(), typed_form(_FIELDS, limit=8000)
    client, scopes = _reached(client_id), request.form.getlist("scope")
    errors = address_errors(typed, native=client.application_type == "native")
    if errors:
        return _form(client, typed, scopes, errors=errors, status=422)
    asked: dict[str, Any] = {
        "services": service.idp,
        "changes": _changes(client, typed, scopes),
        "seen_version": int(typed["version"]) if typed["version"].isdecimal() else 0,
        "actor": operator().person_id,
        "now": service.clock.now(),
    }
    try:
        with service.database.transaction() as session:
            held = application_reached(session, operator().powers, Permission.APPLICATIONS_WRITE, client_id)
            if held.environment is Environment.SANDBOX:
                change_in_sandbox(session, client=held, **asked)
                return redirect(url_for("admin_applications.show", client_id=client_id), 303)
            propose_change(session, client=held, why=typed["why"], **asked)
    except (Rejected, Conflict) as error:
        return _form(client, typed, scopes, errors=errors_of(error), status=422)
    return redirect(url_for("admin_applications.show_change", client_id=client_id), 303)


def _changes(client: Client, typed: Typed, scopes: list[str]) -> dict[str, Any]:
    """Return the members that were typed; scopes and policy only if they are others than before."""
    changes: dict[str, Any] = {
        "client_name": typed["name"],
        "redirect_uris": typed["redirect_uris"].split(),
        "post_logout_redirect_uris": typed["post_logout_redirect_uris"].split(),
        "backchannel_logout_uri": typed["backchannel_logout_uri"] or None,
        "contacts": typed["contacts"].replace(",", " ").split(),
        "policy_uri": typed["policy_uri"] or None,
    }
    if typed["policy"] and typed["policy"] != client.policy.name:
        changes["policy"] = typed["policy"]
    chosen = [each for each in scopes if each in IDENTITY_SCOPES] + typed["api_scopes"].split()
    if OPENID in client.scopes:
        chosen = [OPENID, *chosen]
    return changes if set(chosen) == set(client.scopes) else changes | with_scopes(client, chosen)


def _form(client: Client, typed: Typed, scopes: list[str], *, errors: dict[str, str], status: int = 200) -> Response:
    others = [scope for scope in client.scopes if scope in IDENTITY_SCOPES and scope not in (OPENID, *OFFERED_SCOPES)]
    with services().database.reading() as session:
        waits = open_change(session, client.client_id) is not None
    return render(
        "admin/applications/change.html",
        status,
        client=client,
        live=client.environment is Environment.PRODUCTION,
        waits=waits,
        has_people=OPENID in client.scopes,
        typed=typed,
        chosen=scopes,
        offered=[*OFFERED_SCOPES.items(), *((each, (each, "")) for each in others)],
        policies=[
            (name, POLICIES[name])
            for name, rules in RULES.items()
            if client.auth_method in rules.auth_methods and set(client.grant_types) <= rules.grant_types
        ],
        errors=errors,
    )


def _reached(client_id: str) -> Client:
    with services().database.reading() as session:
        return application_reached(session, operator().powers, Permission.APPLICATIONS_WRITE, client_id)
