"""Relying applications, to look at: they are changed from the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin.permissions import Permission
from admin.web import words
from admin.web.accessor import services
from admin.web.gate import operator, requires
from audit.model import AuditEvent
from audit.vocabulary import EventType
from idp.clients.auth_method import AuthMethod
from idp.clients.client import Client, find_client, list_clients
from idp.clients.registration.document import registration_document
from idp.directory.institutions import list_institutions
from web.pages import render

blueprint = Blueprint("admin_clients", __name__, url_prefix="/admin/clients", template_folder="../templates")
_LAST_EVENTS = 12
_METHODS: Mapping[AuthMethod, words.Text] = {
    AuthMethod.NONE: _l("Pública: no guarda secretos, usa PKCE"),
    AuthMethod.CLIENT_SECRET_BASIC: _l("Secreto, en la cabecera"),
    AuthMethod.CLIENT_SECRET_POST: _l("Secreto, en el cuerpo"),
    AuthMethod.CLIENT_SECRET_JWT: _l("Secreto, con el que firma"),
    AuthMethod.PRIVATE_KEY_JWT: _l("Clave privada"),
    AuthMethod.TLS_CLIENT_AUTH: _l("Certificado de esta autoridad"),
    AuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH: _l("Certificado propio, registrado"),
    AuthMethod.IN_PROCESS: _l("Esta consola: dentro del mismo proceso"),
}
_POLICIES: Mapping[str, words.Text] = {
    "web": _l("Aplicación web con servidor propio"),
    "classic": _l("Biblioteca antigua: reglas más flojas"),
    "public": _l("Aplicación en un teléfono, computador o navegador: no guarda secretos"),
    "service": _l("Servicio sin personas"),
    "fapi2": _l("Alto riesgo (FAPI 2.0): solicitudes enviadas antes, claves, tokens atados a una clave"),
    "fapi2-message-signing": _l("Alto riesgo con solicitudes y respuestas firmadas (FAPI 2.0 Message Signing)"),
    "fapi-ciba": _l("La persona aprueba en otro dispositivo (FAPI-CIBA)"),
}
# What is shown elsewhere on the page in words of its own.
_SHOWN = frozenset(
    {
        "client_name",
        "policy",
        "redirect_uris",
        "post_logout_redirect_uris",
        "token_endpoint_auth_method",
        "scope",
        "optional_scope",
        "default_acr_values",
        "jwks",
        "id_token_signed_response_alg",
    }
)
_SCOPES: Mapping[str, words.Text] = {
    "openid": _l("Identificador"),
    "profile": _l("Nombres y apellidos"),
    "email": _l("Correo"),
    "phone": _l("Celular"),
    "birthdate": _l("Fecha de nacimiento"),
    "cedula": _l("Cédula"),
    "institution": _l("Institución"),
    "offline_access": _l("Acceso sin la persona presente"),
}


@dataclass(frozen=True)
class ClientUse:
    """When an application was last entered, and how often in all."""

    last: datetime | None
    count: int


@blueprint.get("")
@requires(Permission.CLIENTS_READ)
def show_all() -> Response:
    """All applications by name."""
    with services().database.reading() as session:
        clients = list_clients(session)
        uses = _uses(session)
        institutions = {item.id: item.name for item in list_institutions(session)}
    return render(
        "admin/clients.html",
        clients=clients,
        uses=uses,
        never=ClientUse(last=None, count=0),
        institutions=institutions,
        methods=_METHODS,
        policies=_POLICIES,
    )


@blueprint.get("/<client_id>")
@requires(Permission.CLIENTS_READ)
def show(client_id: str) -> Response:
    """One application: where it returns, how it proves itself, what it may ask, what happened last."""
    with services().database.reading() as session:
        client = find_client(session, client_id)
        use = _uses(session).get(client_id, ClientUse(last=None, count=0))
        events = session.scalars(
            select(AuditEvent)
            .where(AuditEvent.client_id == client_id)
            .order_by(AuditEvent.occurred_at.desc())
            .limit(_LAST_EVENTS)
        ).all()
        institution = next((item for item in list_institutions(session) if item.id == client.institution_id), None)
    return render(
        "admin/client.html",
        client=client,
        use=use,
        events=events,
        institution=institution,
        methods=_METHODS,
        scopes=_SCOPES,
        policy=_POLICIES.get(client.policy.name, client.policy.name),
        registered=_registered(client),
        key_ids=_key_ids(client),
        event_words=words.event_words,
        outcomes=words.OUTCOMES,
        may_search=operator().powers.allow(Permission.AUDIT_SEARCH),
    )


def _uses(session: Session) -> dict[str, ClientUse]:
    rows = session.execute(
        select(AuditEvent.client_id, func.max(AuditEvent.occurred_at), func.count())
        .where(AuditEvent.type == EventType.AUTHORIZATION_GRANTED.value, AuditEvent.client_id.is_not(None))
        .group_by(AuditEvent.client_id)
    ).all()
    return {client_id: ClientUse(last=last, count=count) for client_id, last, count in rows if client_id}


def _registered(client: Client) -> list[tuple[str, str]]:
    """What else is registered, by its registered names: operators and developers speak of it so."""
    document = registration_document(client)
    return [(name, _text(value)) for name, value in document.items() if name not in _SHOWN and value not in ([], {})]


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _key_ids(client: Client) -> list[str]:
    keys = (client.jwks or {}).get("keys", [])
    return [str(key.get("kid", "")) for key in keys if isinstance(key, dict) and key.get("kid")]
