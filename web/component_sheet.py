"""The component sheet: every part and state on one page. On loopback and ``.test`` issuers only."""

from __future__ import annotations

from flask import Blueprint, Response

from web.pages import render

blueprint = Blueprint("sheet", __name__)


@blueprint.get("/muestrario")
def sheet() -> Response:
    """Every component and state."""
    return render("web/sheet.html")
