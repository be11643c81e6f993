"""The pages: a list, and one address for each code that stays what it is."""

from __future__ import annotations

from flask import Blueprint, Response
from flask_babel import gettext as _

from idp.web.access import services
from idp.web.error_dictionary.entries import codes, find_entry
from idp.web.error_dictionary.oauth import MEANINGS, PAGE, REDIRECT, REGISTRATION, RESOURCE, TOKEN
from kernel.errors import NotFound
from web.pages import render
from web.state import web_state

blueprint = Blueprint("error_dictionary", __name__, url_prefix="/errors", template_folder="../templates")


@blueprint.get("")
def show_all() -> Response:
    """Every code: those of OAuth first, then those with words of their own, then the rest."""
    own = set(web_state().error_texts) - set(MEANINGS)
    known = set(codes())
    return render(
        "idp/errors/list.html",
        oauth=list(MEANINGS.items()),
        own=sorted(own & known),
        rest=sorted(known - own - set(MEANINGS)),
    )


@blueprint.get("/<code>")
def show(code: str) -> Response:
    """One code: why it happens, what to do, how it looks.

    :raises NotFound: ``not_found``.
    """
    entry = find_entry(code, issuer=services().settings.issuer)
    if entry is None:
        raise NotFound("There is no such error.")
    return render("idp/errors/one.html", entry=entry, places=_places())


def _places() -> dict[str, str]:
    return {
        REDIRECT: _("de regreso a la aplicación, en la dirección"),
        TOKEN: _("como respuesta JSON de /token, /par, /introspect, /revoke, /device_authorization o /ciba"),
        RESOURCE: _("de UserInfo o de una API, en la cabecera WWW-Authenticate"),
        REGISTRATION: _("al registrar una aplicación"),
        PAGE: _("en una página de este servicio, porque no se sabe a quién devolver la respuesta"),
    }
