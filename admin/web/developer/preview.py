"""What an application would be told of a person. Nothing is issued; that somebody looked is on record."""

from __future__ import annotations

from collections.abc import Mapping

from flask import request
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.applications.words import SCOPES
from admin.web.developer.acr_words import ACR
from admin.web.developer.place import blueprint, reached
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires
from admin.web.problems import problem
from admin.web.words import Text
from audit.event import Event
from audit.vocabulary import EventType
from idp.clients.client import Client
from idp.clients.policy import AUTHORIZATION_CODE
from idp.developer.preview import Described, Preview, Wanted, as_text, bindings_for, preview_tokens
from idp.directory.institutions import find_institution
from idp.rights.catalog import list_roles
from kernel.errors import Rejected
from web.pages import render

_PERSON = ("given_names", "surnames", "cedula", "email", "phone", "birth_date")
_FIELDS = ("level", "login", "acr", "claims", "resource", "nonce", "bound", "works", *_PERSON)
_EXAMPLE = {
    "level": "2",
    "login": "two",
    "given_names": "Persona",
    "surnames": "de Ejemplo",
    "cedula": "1710034065",
    "email": "persona@correo.example",
    "phone": "+593991234567",
    "birth_date": "1990-05-24",
}
_MISTAKES = {
    "unknown_scope": "scopes",
    "unknown_login": "login",
    "unknown_level": "level",
    "bad_claims": "claims",
    "unknown_resource": "resource",
    "unknown_binding": "bound",
    "unknown_role": "roles",
}
_MOST_ROLES = 200
_BINDINGS: Mapping[str, Text] = {
    "": _l("A nada: sirve a quien lo tenga (Bearer)"),
    "dpop": _l("A una clave de la aplicación (DPoP)"),
    "certificate": _l("Al certificado de la aplicación (mTLS)"),
}


@blueprint.get("/<client_id>/preview")
@requires(Permission.CLIENTS_READ)
def preview_form(client_id: str) -> Response:
    """The form, with somebody as an example."""
    client = reached(client_id)
    example = _EXAMPLE | {"bound": bindings_for(client)[0]}
    return _page(client, Typed({name: example.get(name, "") for name in _FIELDS}), set(client.scopes), set(), {})


@blueprint.post("/<client_id>/preview")
@requires(Permission.CLIENTS_READ)
def preview(client_id: str) -> Response:
    """What the application would get."""
    service, client, typed = services(), reached(client_id), typed_form(_FIELDS, limit=4000)
    chosen = tuple(each for each in client.scopes if each in set(request.form.getlist("scope")))
    roles = set(request.form.getlist("role")[:_MOST_ROLES])
    now = service.clock.now()
    try:
        seen = preview_tokens(
            service.idp,
            client=client,
            person=Described(
                level=int(typed["level"]) if typed["level"] in ("1", "2", "3") else 0,
                roles=tuple(sorted(roles)),
                works=bool(typed["works"]),
                **{name: typed[name][:100] for name in _PERSON},
            ),
            wanted=Wanted(
                scopes=chosen,
                acr_values=typed["acr"],
                claims=typed["claims"],
                resource=typed["resource"],
                nonce=typed["nonce"],
                login=typed["login"],
                bound=typed["bound"],
            ),
            now=now,
        )
    except Rejected as error:
        wrong = {_MISTAKES.get(error.code, "claims"): problem(error)}
        return _page(client, typed, set(chosen), roles, wrong, status=422)
    with service.database.transaction() as session:
        event = Event(
            type=EventType.TOKENS_PREVIEWED,
            actor=operator().person_id,
            client_id=client_id,
            details={
                "scopes": list(chosen),
                "level": typed["level"],
                "login": typed["login"],
                "acr": typed["acr"],
                "roles": sorted(roles),
                "bound": typed["bound"],
            },
        )
        service.idp.journal.record(session, event, now=now)
    return _page(client, typed, set(chosen), roles, {}, seen=seen)


def _page(
    client: Client,
    typed: Typed,
    chosen: set[str],
    roles: set[str],
    errors: Mapping[str, str],
    *,
    seen: Preview | None = None,
    status: int = 200,
) -> Response:
    provider = services().idp
    with provider.database.reading() as session:
        declared = [role for role in list_roles(session, client_id=client.client_id) if not role.retired]
        institution = find_institution(session, client.institution_id).name if client.institution_id else ""
    locale = str(get_locale())
    return render(
        "admin/developer/preview.html",
        status,
        client=client,
        people=AUTHORIZATION_CODE in client.grant_types,
        typed=typed,
        errors=errors,
        seen=seen,
        answers=_answers(seen) if seen else [],
        scopes=[(each, SCOPES.get(each, each), each in chosen) for each in client.scopes],
        levels=[("1", _("Nivel 1")), ("2", _("Nivel 2")), ("3", _("Nivel 3, con certificado"))],
        logins=[
            ("password", _("Con contraseña")),
            ("two", _("Con contraseña y aplicación de códigos")),
            ("certificate", _("Con certificado")),
        ],
        acrs=[("", _("Nada"))] + [(each, ACR[each]) for each in (*provider.acr_values, *provider.acr_levels)],
        institution=institution,
        roles=[(role.name, role.said(locale), role.name in roles) for role in declared if institution],
        bindings=[(each, _BINDINGS[each]) for each in bindings_for(client)],
        resources=[("", _("UserInfo")), *((each, each) for each in client.metadata.resources)],
    )


def _answers(seen: Preview) -> list[tuple[str, str, str]]:
    """Return id, title and text of what the application would get."""
    found = []
    for id, title, token in (
        ("id-token", _("Token de identidad (ID token)"), seen.id_token),
        ("access-token", _("Token de acceso"), seen.access_token),
    ):
        if token is not None:
            found.append((id, title, f"{as_text(token.header)}\n{as_text(token.claims or {})}"))
    if seen.response:
        found.append(("response", _("Lo demás de la respuesta de /token"), as_text(seen.response)))
    for id, title, document in (
        ("userinfo", "UserInfo", seen.userinfo),
        ("introspection", _("Introspección"), seen.introspection),
    ):
        if document is not None:
            found.append((id, title, as_text(document)))
    return found
