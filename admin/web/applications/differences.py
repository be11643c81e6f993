"""What differs between two registrations, in words: each member by its name for people, what goes and what comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from admin.applications.registered import Differing, differing
from admin.web.applications.words import ENVIRONMENTS, METHODS, POLICIES, SCOPES
from admin.web.words import Text
from idp.clients.auth_method import AuthMethod
from idp.clients.environment import Environment

#: Members by the names that people read. The others are shown by their registered name.
MEMBERS: Mapping[str, Text] = {
    "client_name": _l("Nombre"),
    "redirect_uris": _l("Direcciones de retorno"),
    "post_logout_redirect_uris": _l("Al salir vuelve a"),
    "backchannel_logout_uri": _l("Aviso de salida"),
    "frontchannel_logout_uri": _l("Aviso de salida en el navegador"),
    "contacts": _l("Correos de contacto"),
    "policy_uri": _l("Política de datos"),
    "tos_uri": _l("Condiciones de uso"),
    "client_uri": _l("Página de la aplicación"),
    "logo_uri": _l("Logotipo"),
    "scope": _l("Datos que puede pedir"),
    "optional_scope": _l("Datos que la persona elige"),
    "policy": _l("Política"),
    "grant_types": _l("Formas de obtener fichas"),
    "token_endpoint_auth_method": _l("Se identifica con"),
    "jwks": _l("Claves registradas"),
    "jwks_uri": _l("Publica sus claves en"),
    "default_acr_values": _l("Exige"),
    "resources": _l("API a las que llama"),
    "environment": _l("Quién puede entrar"),
    "active": _l("Estado"),
    "institution_id": _l("Institución"),
}


@dataclass(frozen=True)
class Shown:
    """A member that differs; its values are texts.

    :ivar technical: its registered name. :ivar several: whether values come and go one by one.
    """

    label: str
    technical: str
    removed: tuple[str, ...]
    added: tuple[str, ...]
    kept: tuple[str, ...]
    several: bool


def shown(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Shown]:
    """Return what differs, those with a name for people first."""
    found = differing(before, after)
    found.sort(key=lambda each: (list(MEMBERS).index(each.name) if each.name in MEMBERS else len(MEMBERS), each.name))
    return [_shown(each) for each in found]


def _shown(each: Differing) -> Shown:
    return Shown(
        label=str(MEMBERS.get(each.name, each.name)),
        technical=each.name,
        removed=tuple(_value(each.name, value) for value in each.removed),
        added=tuple(_value(each.name, value) for value in each.added),
        kept=tuple(_value(each.name, value) for value in each.kept),
        several=each.several,
    )


def _value(name: str, value: str) -> str:
    if name in ("scope", "optional_scope"):
        return f"{SCOPES[value]} ({value})" if value in SCOPES else value
    if name == "policy":
        return str(POLICIES.get(value, value))
    if name == "token_endpoint_auth_method":
        return str(METHODS[AuthMethod(value)])
    if name == "environment":
        return str(ENVIRONMENTS[Environment(value)][2])
    if name == "active":
        return str(_("Activa") if value == "true" else _("Desactivada"))
    if value in ("true", "false"):
        return str(_("Sí") if value == "true" else _("No"))
    return value
