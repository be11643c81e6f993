"""The start: a signpost to what this process serves."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, current_app, request
from flask_babel import lazy_gettext as _l
from werkzeug.exceptions import HTTPException

from web.error_texts import Text
from web.pages import render

blueprint = Blueprint("start", __name__)


@dataclass(frozen=True)
class Signpost:
    """A way from the start. It is shown when the path is served here."""

    path: str
    title: Text
    detail: Text
    icon: str


_SIGNPOSTS = (
    Signpost("/account", _l("Mi cuenta"), _l("Ingresar, mis datos, mis sesiones y los servicios que uso"), "person"),
    Signpost("/pki/", _l("Certificados"), _l("Las autoridades, sus listas y la búsqueda pública"), "cert"),
    Signpost("/admin", _l("Consola"), _l("Para quienes operan el servicio"), "app"),
    Signpost("/demo", _l("Demostración"), _l("Personas de prueba, sus códigos y sus correos"), "info"),
)


@blueprint.get("/")
def start() -> Response:
    """Show where one can go."""
    return render("web/start.html", signposts=[post for post in _SIGNPOSTS if _is_served(post.path)])


def _is_served(path: str) -> bool:
    adapter = current_app.create_url_adapter(request)
    if adapter is None:
        return False
    try:
        adapter.match(path, method="GET")
    except HTTPException as error:
        return error.code is not None and error.code < 400
    return True
