"""HTTP of the provider and of people's pages."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from idp.services import IdpServices
from idp.web.access import services as services
from idp.web.protocol import mount_protocol
from web.locale import add_translations


def mount(app: Flask, services: IdpServices) -> None:
    """Put the provider's views on ``app``."""
    app.extensions["idp"] = services
    add_translations(app, Path(__file__).parent / "translations")
    mount_protocol(app)
