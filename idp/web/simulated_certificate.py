"""The step of the certificate, in a sandbox: see :mod:`idp.authentication.simulated_certificate`."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from audit.vocabulary import EventType
from idp.accounts.document import parse_document
from idp.authentication.simulated_certificate import log_in_with_simulated_certificate
from idp.authentication.steps import Step
from idp.web.access import present, services
from idp.web.cookies import browser_secret, device_secret, session_secret
from idp.web.forms import Form
from idp.web.login import look_at, open_in_browser, show_certificate, throttled
from idp.web.refused_steps import journey_named, note_step_not_due, record_refusals
from kernel.errors import Denied, Rejected, Throttled
from web.rate_limit import limit

blueprint = Blueprint("simulated_certificate", __name__)
record_refusals(blueprint, EventType.INTERACTION_REFUSED, journey_named("interaction_id"))


@blueprint.post("/login/<interaction_id>/simulated-certificate")
@limit("60 per minute")
def show(interaction_id: str) -> Response:
    """Take the test citizen's user and password in place of a certificate."""
    situation = look_at(interaction_id)
    if isinstance(situation, Response):
        return situation
    login = url_for("login.step", interaction_id=interaction_id)
    if situation.step is not Step.CERTIFICATE:
        note_step_not_due()
        return redirect(login, 303)
    form = Form()
    document = form.read("username", parse_document)
    password = form.password()
    if not password:
        form.refuse("password", Rejected(code="password_missing"))
    if document is None or form.errors:
        return show_certificate(situation, form, 422)
    try:
        opened = log_in_with_simulated_certificate(
            services(),
            interaction_id=interaction_id,
            browser_secret=browser_secret(),
            session_secret=session_secret(),
            device_secret=device_secret(),
            document=document,
            password=password,
            now=present(),
        )
    except Denied as error:
        if error.code != "certificate_missing":
            form.refuse("password", error)
        else:
            form.errors["username"] = _("No tiene certificado de prueba: lo tienen las personas de prueba de nivel 3.")
            form.refuse("username", error)
        return show_certificate(situation, form, 422)
    except Throttled as error:
        form.refuse("password", error)
        return throttled(show_certificate(situation, form, 429), error)
    open_in_browser(opened)
    return redirect(login, 303)
