"""HTTP of the provider and of people's pages."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from idp.authentication.leaked_passwords import LOOKUPS
from idp.services import IdpServices
from idp.web import (
    account_pages,
    approvals,
    broker,
    certificate_login,
    contact,
    demo,
    desk,
    device,
    enroll,
    error_dictionary,
    login,
    login_proof,
    passkeys,
    phone,
    recovery,
    second_factor,
    second_steps,
    signup,
    simulated_certificate,
    ussd,
)
from idp.web.access import services as services
from idp.web.account_pages.navigation import account_navigation
from idp.web.account_pages.staying import warning_times
from idp.web.institution_messages import INSTITUTION_TEXTS
from idp.web.levels import pages as level_pages
from idp.web.messages import PAGE_TEXTS
from idp.web.protocol import mount_protocol
from web.error_texts import describe_errors
from web.locale import add_translations
from web.operations import add_counter
from web.state import answer_on_mtls_host


def mount(app: Flask, services: IdpServices) -> None:
    """Put the provider's views on ``app``; the demo page only where the settings say so."""
    app.extensions["idp"] = services
    add_counter(app, LOOKUPS)
    add_translations(app, Path(__file__).parent / "translations")
    describe_errors(app, PAGE_TEXTS)
    describe_errors(app, INSTITUTION_TEXTS)
    app.jinja_env.globals["session_idle_minutes"] = services.settings.session_idle_minutes
    app.jinja_env.globals["ussd_code"] = services.settings.ussd_code
    app.jinja_env.globals["account_navigation"] = account_navigation
    app.jinja_env.globals.update(warning_times(services.settings.session_idle_minutes))
    mount_protocol(app)
    for people in (
        login,
        certificate_login,
        simulated_certificate,
        signup,
        recovery,
        enroll,
        account_pages,
        login_proof,
        approvals,
        contact,
        phone,
        second_factor,
        passkeys.login,
        passkeys.account,
        second_steps,
        device,
        error_dictionary,
    ):
        app.register_blueprint(people.blueprint)
    app.register_blueprint(level_pages.blueprint)
    for blueprint in (*desk.BLUEPRINTS, *broker.BLUEPRINTS, *ussd.BLUEPRINTS):
        app.register_blueprint(blueprint)
    answer_on_mtls_host(app, certificate_login.PATH)
    if services.settings.demo:
        app.register_blueprint(demo.blueprint)
