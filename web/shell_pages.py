"""The pages that every footer leads to: help, privacy, accessibility."""

from __future__ import annotations

from flask import Blueprint, Response

from web.pages import render

blueprint = Blueprint("shell", __name__)


@blueprint.get("/ayuda")
def help_page() -> Response:
    """How to get help."""
    return render("web/help.html")


@blueprint.get("/privacidad")
def privacy_page() -> Response:
    """What is kept and why, and the reader's rights."""
    return render("web/privacy.html")


@blueprint.get("/accesibilidad")
def accessibility_page() -> Response:
    """What works for whom, and how to report what does not."""
    return render("web/accessibility.html")
