"""HTTP composition root: the application of one web process, for the roles that it serves.

:func:`create_app` is a WSGI application, for any server; ``sau serve`` takes :func:`create_rsgi`.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import cast

import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

import admin.web
import audit.public_log
import ca.web
import idp.web
from ca.lints.gate import outside_lint
from composition import Composition
from kernel.errors import ServiceError
from kernel.process import end_with_parent
from kernel.settings import load_settings
from keys.sealing import derive_once
from operations.metrics import ServiceCollector
from operations.readiness import readiness_checks
from operations.refusals import refusal_recorder
from operations.starting import record_start
from operations.tracing import tracing_of
from web.application import SauFlask
from web.application import create_app as create_bare_app
from web.logging import configure_logging
from web.operations import add_collector, add_readiness_checks
from web.rate_limit import limit
from web.rsgi import RsgiApplication

# Measured: more threads than this only wait for each other. The database pool holds as many connections.
THREADS = 16

# No statement of a page or an endpoint takes as long; proxies wait for 30 seconds.
_DATABASE_SILENCE = timedelta(seconds=10)
_log = structlog.get_logger("wsgi")


def create_app(composition: Composition | None = None) -> Flask:
    """Return the WSGI application.

    :param composition: the service; made from the environment when it is left out, as the web server does.
    """
    starting = composition is None
    if composition is None:
        settings = load_settings()
        configure_logging(level=settings.log_level, form=settings.log_format)
        end_with_parent(os.getppid())
        composition = Composition(settings)
        composition.database.bound_silence(_DATABASE_SILENCE)
    app = create_bare_app(
        settings=composition.settings,
        clock=composition.clock,
        secret_key=lambda: derive_once(composition.sealing_secret, "flask-session"),
        on_refusal=refusal_recorder(composition),
    )
    add_readiness_checks(app, readiness_checks(composition))
    roles = composition.settings.roles
    audit.public_log.mount(app, composition.audit, limited=limit("120 per minute", methods=("GET",)))
    if "idp" in roles:
        idp.web.mount(app, composition.idp)
        _open_token_keys(composition)
    if "pki" in roles:
        ca.web.mount(app, composition.ca)
    if "admin" in roles:
        admin.web.mount(app, composition.admin)
    if {"admin", "pki"} & set(roles):
        outside_lint()  # here, so that nobody waits for it with the database's write lock in hand
    if starting and "pki" in roles:
        ca.web.look_at_proofs_at_once(app, composition.ca)
    add_collector(app, ServiceCollector(composition))
    tracing = tracing_of(composition.settings)
    if tracing:
        app.extensions["tracing"] = tracing
        tracing.around_app(app)
        tracing.around_engine(composition.database.engine)
    if starting:
        record_start(composition, process="web")
    return app


def create_rsgi() -> RsgiApplication:
    """Return the application as ``sau serve`` has it served; made from the environment."""
    return RsgiApplication(cast(SauFlask, create_app()), threads=THREADS)


def _open_token_keys(composition: Composition) -> None:
    try:
        with composition.database.reading() as session:
            composition.idp.token_keys.open_all(session)
    except (ServiceError, SQLAlchemyError) as error:
        # Readiness says what is missing; the first request that needs a key tries again.
        _log.warning("token_keys_not_opened", error=type(error).__name__)
