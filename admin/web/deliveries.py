"""What the service sends to applications and could not deliver yet: to look at, and to try again."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from flask import Blueprint, redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

import idp.jobs
from admin.permissions import Permission
from admin.web import words
from admin.web.accessor import services
from admin.web.gate import operator, requires
from admin.web.listing import Filter, Head, asked_listing
from idp.clients.client import list_clients
from idp.deliveries.queue import count_deliveries, count_given_up, list_deliveries, repeat_delivery
from web.pages import render

blueprint = Blueprint("admin_deliveries", __name__, url_prefix="/admin/deliveries", template_folder="../templates")

KINDS: Mapping[str, words.Text] = {
    "idp.backchannel_logout": _l("Aviso de salida"),
    "idp.ciba_ping": _l("Aviso de una decisión"),
    "idp.security_event": _l("Aviso de seguridad"),
}
_STATES = (("", _l("Cualquiera")), ("given_up", _l("Abandonado")), ("waiting", _l("En espera")))
_HEADS = (
    Head("kind", _l("Qué")),
    Head("client", _l("Aplicación")),
    Head("host", _l("Servidor")),
    Head("attempts", _l("Intentos"), numeric=True),
    Head("error", _l("Último error")),
    Head("next", _l("Siguiente intento")),
    Head("act", _l("Acción")),
)
DELIVERY_ERRORS: Mapping[str, words.Text] = {
    "outgoing_bad_url": _l("La dirección registrada no sirve"),
    "outgoing_plain_http": _l("La dirección registrada no es https"),
    "outgoing_refused_port": _l("El puerto de la dirección no se permite"),
    "outgoing_refused_address": _l("El servidor está en una red interna que no está en la lista permitida"),
    "outgoing_unresolved": _l("El nombre del servidor no existe"),
    "outgoing_unreachable": _l("El servidor no acepta la conexión"),
    "outgoing_busy": _l("Había demasiados envíos a la vez"),
    "outgoing_timed_out": _l("El servidor tardó demasiado"),
    "outgoing_bad_certificate": _l("El certificado del servidor no es de confianza o es de otro nombre"),
    "outgoing_bad_tls": _l("El servidor no usa una conexión segura aceptable"),
    "outgoing_bad_trust_file": _l("No se puede leer el archivo de autoridades de confianza"),
    "outgoing_bad_answer": _l("La respuesta del servidor no se entiende"),
    "outgoing_too_large": _l("La respuesta del servidor es demasiado grande"),
    "outgoing_encoded": _l("El servidor respondió comprimido sin que se le pida"),
    "outgoing_redirected": _l("El servidor mandó a otra dirección, y eso no se sigue"),
}


@blueprint.get("")
@requires(Permission.DELIVERIES_READ)
def show_all() -> Response:
    """Deliveries that wait or were given up."""
    kinds, may_repeat = delivery_kinds(), operator().powers.allow(Permission.DELIVERIES_REPEAT)
    with services().database.reading() as session:
        clients = {client.client_id: client.name for client in list_clients(session)}
        listing = asked_listing(
            ".show_all",
            heads=_HEADS if may_repeat else _HEADS[:-1],
            filters=(
                Filter("state", _l("Estado"), _STATES),
                Filter("kind", _l("Qué"), [("", _("Todo")), *((each, KINDS.get(each, each)) for each in kinds)]),
                Filter("client", _l("Aplicación"), [("", _("Todas")), *clients.items()]),
            ),
        )
        chosen = (listing.typed["kind"],) if listing.typed["kind"] else kinds
        client_id = listing.typed["client"]
        abandoned = {"given_up": True, "waiting": False}.get(listing.typed["state"])
        listing = listing.counted(
            count_deliveries(session, kinds=chosen, client_id=client_id, given_up=abandoned)
        ).showing(
            list_deliveries(
                session,
                kinds=chosen,
                client_id=client_id,
                given_up=abandoned,
                limit=listing.size,
                offset=listing.offset,
            )
        )
        given_up = count_given_up(session, kinds=kinds)
    return render(
        "admin/deliveries.html",
        listing=listing,
        given_up=given_up,
        kinds=KINDS,
        clients=clients,
        error_words=error_words,
        may_repeat=may_repeat,
    )


@blueprint.post("/<delivery_id>/repeat")
@requires(Permission.DELIVERIES_REPEAT)
def repeat(delivery_id: str) -> Response:
    """Try a delivery again now."""
    service = services()
    with service.database.transaction() as session:
        repeat_delivery(
            session,
            journal=service.journal,
            delivery_id=delivery_id,
            kinds=delivery_kinds(),
            actor=operator().person_id,
            now=service.clock.now(),
        )
    return redirect(url_for("admin_deliveries.show_all"), 303)


def error_words(code: str | None) -> str:
    """Say in words why the last attempt failed; empty before the first."""
    if not code:
        return ""
    answered, status = code.rpartition("_")[::2]
    if answered == "receiver_answered":
        meaning = HTTPStatus(int(status)).phrase if status.isdigit() and int(status) in set(HTTPStatus) else ""
        return str(_("El servidor respondió %(status)s", status=f"{status} {meaning}".strip()))
    return str(DELIVERY_ERRORS.get(code) or _("Falló dentro del servicio (%(code)s)", code=code))


def delivery_kinds() -> tuple[str, ...]:
    """Return the kinds of tasks that are deliveries to applications."""
    return tuple(idp.jobs.deliveries(services().idp))
