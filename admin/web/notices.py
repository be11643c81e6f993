"""The messages that people get, as they get them: in each language, as text and as HTML, with made-up values."""

from __future__ import annotations

from flask import Blueprint, Response, request
from flask_babel import lazy_gettext as _l

from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.gate import requires
from admin.web.listing import Filter, Head, asked_listing, contains
from idp.notices.catalogue import Message, Preview, describe, find_message, list_messages, preview
from idp.notices.texts import LANGUAGES
from web.locale import current_language
from web.pages import render

blueprint = Blueprint("admin_notices", __name__, url_prefix="/admin/notices", template_folder="../templates")

_LANGUAGE_NAMES = {"es": _l("Español"), "en": _l("Inglés"), "qu": _l("Kichwa")}
_HEADS = (
    Head("name", _l("Nombre"), "up"),
    Head("channel", _l("Medio"), "up"),
    Head("when", _l("Cuándo se envía")),
    Head("languages", _l("Idiomas")),
)
_FILTERS = (
    Filter("q", _l("Nombre o momento")),
    Filter("channel", _l("Medio"), [("", _l("Cualquiera")), ("mail", _l("Correo")), ("sms", _l("SMS"))]),
)
# The mail's own styles and nothing else: no script, no address is fetched, no link opens.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"


@blueprint.get("")
@requires(Permission.DELIVERIES_READ)
def show_all() -> Response:
    """Every message, when it is sent, in which languages."""
    found = [(message, describe(message, current_language())) for message in list_messages()]
    listing = asked_listing(".show_all", heads=_HEADS, filters=_FILTERS, size=100)
    typed = listing.typed
    fitting = [
        (message, description)
        for message, description in found
        if typed["channel"] in ("", message.channel) and contains(typed["q"], message.name, description.when)
    ]
    listing = listing.arranged(fitting, {"name": lambda pair: pair[0].name, "channel": lambda pair: pair[0].channel})
    return render("admin/notices.html", listing=listing, language_names=_LANGUAGE_NAMES)


@blueprint.get("/<any(mail, sms):channel>/<name>")
@requires(Permission.DELIVERIES_READ)
def show(channel: str, name: str) -> Response:
    """One message as text."""
    message, shown = _preview(channel, name)
    return render(
        "admin/notice.html",
        message=message,
        shown=shown,
        asked=_language(),
        when=describe(message, current_language()).when,
        language_names=_LANGUAGE_NAMES,
    )


@blueprint.get("/mail/<name>/html")
@requires(Permission.DELIVERIES_READ)
def show_html(name: str) -> Response:
    """A mail as HTML, as a mailbox shows it."""
    _, shown = _preview("mail", name)
    return Response(shown.html, mimetype="text/html", headers={"Content-Security-Policy": _POLICY})


def _preview(channel: str, name: str) -> tuple[Message, Preview]:
    message, service = find_message(name, channel), services()
    return message, preview(message, language=_language(), issuer=service.settings.issuer, now=service.clock.now())


def _language() -> str:
    asked = request.args.get("language", "es")
    return asked if asked in LANGUAGES else "es"
