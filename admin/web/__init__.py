"""The console's pages."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from admin.services import AdminServices
from admin.web import (
    anomalies,
    api,
    applications,
    audit,
    authorities,
    batches,
    ceremonies,
    certificates,
    credentials,
    deliveries,
    desk,
    developer,
    federation,
    figures,
    handovers,
    holds,
    home,
    institutions,
    mass_revocations,
    notices,
    profiles,
    requests,
    rights,
    roles,
    saved_searches,
    service_roles,
    session,
)
from admin.web.accessor import services
from admin.web.error_words import ERROR_TEXTS
from admin.web.frame import install_frame
from admin.web.gate import PREFIX, guard
from web.error_pages import lay_out_errors
from web.error_texts import describe_errors
from web.locale import add_translations, speak_only

__all__ = ["mount", "services"]

BLUEPRINTS = (
    session.blueprint,
    home.blueprint,
    figures.blueprint,
    requests.blueprint,
    batches.blueprint,
    certificates.blueprint,
    holds.blueprint,
    mass_revocations.blueprint,
    authorities.blueprint,
    handovers.blueprint,
    credentials.blueprint,
    profiles.blueprint,
    ceremonies.blueprint,
    *applications.BLUEPRINTS,
    developer.blueprint,
    deliveries.blueprint,
    notices.blueprint,
    institutions.blueprint,
    roles.blueprint,
    service_roles.blueprint,
    rights.blueprint,
    *federation.BLUEPRINTS,
    audit.blueprint,
    saved_searches.blueprint,
    anomalies.blueprint,
    *desk.BLUEPRINTS,
    api.blueprint,
)


def mount(app: Flask, services: AdminServices) -> None:
    """Put the console under ``/admin``, behind its door."""
    app.extensions["admin"] = services
    add_translations(app, Path(__file__).parent.parent / "translations")
    speak_only(app, prefix=PREFIX, languages=("es", "en"))
    describe_errors(app, ERROR_TEXTS)
    lay_out_errors(app, prefix=PREFIX, layout="admin/console.html")
    # On the application, not on the blueprints: whatever is ever mounted under /admin stands behind it.
    app.before_request(guard)
    install_frame(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
