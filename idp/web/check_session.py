"""The page that an application's page asks, in a frame, whether the login changed (Session Management 1.0 §3.2)."""

from __future__ import annotations

from flask import Blueprint, Response
from markupsafe import escape

from idp.web.access import services
from idp.web.cookies import STATE_COOKIE
from web.cookies import cookie_name
from web.headers import let_anyone_frame
from web.static_files import static_url

PATH = "/session/check"
blueprint = Blueprint("idp_check_session", __name__)
_CACHED = "public, max-age=3600"


@blueprint.get(PATH)
def check_session() -> Response:
    """Show nothing, and answer messages. The script is one of our files: no line of it stands in the page."""
    name = cookie_name(services().settings, STATE_COOKIE)
    script = static_url("session.js")
    page = (
        f'<!doctype html><html lang="es" data-cookie="{escape(name)}"><title>SAU</title>'
        f'<script src="{escape(script)}"></script>'
    )
    response = Response(page, mimetype="text/html")
    response.headers["Cache-Control"] = _CACHED
    let_anyone_frame()
    return response
