"""HTTP composition root: the application of one web process, for the roles that it serves."""

from __future__ import annotations

import os

from flask import Flask

import admin.web
import audit.public_log
import ca.web
import idp.web
from composition import Composition
from kernel.process import end_with_parent
from kernel.settings import load_settings
from keys.sealing import derive_secret
from operations.readiness import readiness_checks
from operations.refusals import refusal_recorder
from web.application import create_app as create_bare_app
from web.logging import configure_logging
from web.operations import add_readiness_checks


def create_app(composition: Composition | None = None) -> Flask:
    """Return the WSGI application.

    :param composition: the service; made from the environment when it is left out, as the web server does.
    """
    if composition is None:
        settings = load_settings()
        configure_logging(level=settings.log_level, form=settings.log_format)
        end_with_parent(os.getppid())
        composition = Composition(settings)
    app = create_bare_app(
        settings=composition.settings,
        clock=composition.clock,
        secret_key=derive_secret(composition.sealing_secret, "flask-session"),
        on_refusal=refusal_recorder(composition),
    )
    add_readiness_checks(app, readiness_checks(composition))
    roles = composition.settings.roles
    audit.public_log.mount(app, composition.audit)
    if "idp" in roles:
        idp.web.mount(app, composition.idp)
    if "pki" in roles:
        ca.web.mount(app, composition.ca)
    if "admin" in roles:
        admin.web.mount(app, composition.admin)
    return app
