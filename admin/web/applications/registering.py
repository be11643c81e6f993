"""Registering an application: what it is in plain words, where it returns to, what it asks for."""

from __future__ import annotations

from flask import request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin.applications.kinds import KINDS, registration_of
from admin.applications.reach import institutions_reached
from admin.applications.registering import register_in_sandbox
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.applications.mistakes import address_errors, errors_of
from admin.web.applications.place import blueprint, only_institution
from admin.web.applications.words import (
    CHOSEN_METHODS,
    KIND_WORDS,
    OFFERED_SCOPES,
)
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires
from idp.clients.registration.client_registration import ClientRegistration
from kernel.errors import NotFound, Rejected
from web.pages import render

_FIELDS = (
    "institution",
    "kind",
    "name",
    "redirect_uris",
    "post_logout_redirect_uris",
    "method",
    "jwks_uri",
    "resources",
    "api_scopes",
    "contacts",
    "policy_uri",
)


@blueprint.get("/new")
@requires(Permission.APPLICATIONS_WRITE)
def register_form() -> Response:
    """The form."""
    return _form(Typed(kind="web", institution=only_institution()), scopes=["profile"], errors={})


@blueprint.post("/new")
@requires(Permission.APPLICATIONS_WRITE, fresh=True)
def register() -> Response:
    """Register it in a sandbox. The answer shows its credentials: they stand on no other page."""
    service, typed = services(), typed_form(_FIELDS, limit=8000)
    scopes = [scope for scope in request.form.getlist("scope") if scope in OFFERED_SCOPES]
    has_people = typed["kind"] not in KINDS or KINDS[typed["kind"]].has_people
    errors = address_errors(typed, native=typed["kind"] in KINDS and KINDS[typed["kind"]].native) if has_people else {}
    if errors:
        return _form(typed, scopes=scopes, errors=errors, status=422)
    try:
        registration = ClientRegistration.parse(
            registration_of(
                typed["kind"],
                name=typed["name"],
                redirect_uris=typed["redirect_uris"].split(),
                post_logout_redirect_uris=typed["post_logout_redirect_uris"].split(),
                scopes=scopes if has_people else typed["api_scopes"].split(),
                method=typed["method"],
                jwks_uri=typed["jwks_uri"],
                resources=() if has_people else typed["resources"].split(),
                contacts=typed["contacts"].replace(",", " ").split(),
                policy_uri=typed["policy_uri"],
            )
        )
        with service.database.transaction() as session:
            registered = register_in_sandbox(
                session,
                services=service.idp,
                powers=operator().powers,
                institution_id=typed["institution"],
                registration=registration,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except (Rejected, NotFound) as error:
        return _form(typed, scopes=scopes, errors=errors_of(error), status=422)
    return render(
        "admin/applications/registered.html",
        client=registered.client,
        secret=registered.secret.reveal() if registered.secret else "",
        issuer=service.settings.issuer,
    )


def _form(typed: Typed, *, scopes: list[str], errors: dict[str, str], status: int = 200) -> Response:
    with services().database.reading() as session:
        institutions = institutions_reached(session, operator().powers, Permission.APPLICATIONS_WRITE)
    return render(
        "admin/applications/new.html",
        status,
        typed=typed,
        errors=errors,
        chosen=scopes,
        institutions=[("", _("Elija la institución")), *((each.id, each.name) for each in institutions if each.active)],
        kinds=list(KIND_WORDS.items()),
        methods=list(CHOSEN_METHODS.items()),
        scopes=list(OFFERED_SCOPES.items()),
    )
