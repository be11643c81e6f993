"""Logging in: one address a login, which shows the step that is due and moves only when that step succeeds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from audit.vocabulary import EventType
from idp.accounts.document import mask_document, parse_document
from idp.accounts.person import find_person
from idp.authentication.interaction import Interaction, begin_interaction, load_interaction
from idp.authentication.login import OpenedSession, Situation, log_in_with_second_factor, look_at_login, start_over
from idp.authentication.password_try import WrongCredentialsError
from idp.authentication.simulated_certificate import takes_simulated_certificates
from idp.authentication.steps import Step
from idp.broker.register import has_providers
from idp.directories.errors import DirectoryAccountError, DirectoryError
from idp.directories.login import log_in_by_password
from idp.directories.names import parse_login_name
from idp.directories.register import has_directories
from idp.web.access import present, services
from idp.web.cookies import (
    browser_secret,
    device_secret,
    obtain_browser_secret,
    session_secret,
    set_device_secret,
    set_session_secret,
)
from idp.web.forms import Form
from idp.web.levels.step import show_level_step
from idp.web.refused_steps import journey_named, note_refusal, note_step_not_due, record_refusals
from idp.web.second_factor_forms import asked_kind, factor_form
from kernel.errors import AlreadyConsumed, Conflict, Rejected, ServiceError, Throttled
from web.error_pages import offer_way_on
from web.headers import allow_form_redirect_to
from web.locale import prefer_languages
from web.pages import render
from web.rate_limit import limit

blueprint = Blueprint("login", __name__, template_folder="templates")
record_refusals(blueprint, EventType.INTERACTION_REFUSED, journey_named("interaction_id"))

ACCOUNT_RESUME_PATH = "/account"


@blueprint.get("/login")
@limit("60 per minute")
def start() -> AnyResponse:
    """Begin a login that leads to the person's own account."""
    return redirect(begin_own_login(next_path=url_for("account.home")), 303)


@blueprint.get("/login/<interaction_id>")
def step(interaction_id: str) -> AnyResponse:
    """Show the step that is due, or go on when none is."""
    situation = look_at(interaction_id)
    if isinstance(situation, AnyResponse):
        return situation
    return _show(situation, Form())


@blueprint.post("/login/<interaction_id>")
@limit("120 per minute")
def advance(interaction_id: str) -> AnyResponse:
    """Take what was typed for one step. A step that is not due changes nothing."""
    situation = look_at(interaction_id)
    if isinstance(situation, AnyResponse):
        return situation
    sent = request.form.get("step", "")
    if sent == Step.PASSWORD and situation.step is Step.PASSWORD:
        return _take_password(situation)
    if sent == Step.SECOND_FACTOR and situation.step is Step.SECOND_FACTOR:
        return _take_code(situation)
    if sent == "resend" and situation.step is Step.SECOND_FACTOR:
        return _show_second_factor(situation, Form(), 200, again=True)
    note_step_not_due()
    return redirect(_address(situation.interaction), 303)


@blueprint.post("/login/<interaction_id>/restart")
def restart(interaction_id: str) -> AnyResponse:
    """Go back to the password step, for another person."""
    interaction = start_over(services(), interaction_id=interaction_id, browser_secret=browser_secret(), now=present())
    return redirect(_address(interaction), 303)


@blueprint.post("/login/<interaction_id>/cancel")
def cancel(interaction_id: str) -> AnyResponse:
    """Go back to the application without logging in; the room that began the login tells it so."""
    with services().database.reading() as session:
        interaction = load_interaction(
            session, interaction_id=interaction_id, browser_secret=browser_secret(), now=present()
        )
    return redirect(f"{interaction.resume_address}?cancelled=1", 303)


def begin_own_login(
    *,
    next_path: str,
    required_acr: str | None = None,
    authenticated_after: datetime | None = None,
    login_hint: str | None = None,
    kept: Mapping[str, str] | None = None,
    kept_for: str | None = None,
) -> str:
    """Begin a login for one of our own pages and return the address to send the browser to.

    :param kept: what was typed there, for the person ``kept_for`` alone to get back.
    """
    secret = obtain_browser_secret()
    with services().database.transaction() as session:
        interaction = begin_interaction(
            session,
            journal=services().journal,
            browser_secret=secret,
            resume_path=ACCOUNT_RESUME_PATH,
            parameters={"next": next_path, **({"kept": dict(kept), "kept_for": kept_for} if kept else {})},
            client_id=None,
            client_name=None,
            client_origin=None,
            required_acr=required_acr,
            authenticated_after=authenticated_after,
            login_hint=login_hint,
            locale=None,
            now=present(),
        )
    return _address(interaction)


def open_in_browser(opened: OpenedSession) -> None:
    """Give the browser the cookies of a session that has just been opened."""
    set_session_secret(opened.secret)
    if opened.device_secret is not None:
        set_device_secret(opened.device_secret)


def interaction_context(interaction: Interaction | None) -> dict[str, object]:
    """Return what the sky's line and the aside say about the application that asks."""
    host = urlsplit(interaction.client_origin or "").netloc if interaction else ""
    return {
        "interaction": interaction,
        "client_name": interaction.client_name if interaction else None,
        "client_institution": interaction.client_institution if interaction else None,
        "client_host": host,
    }


def waiting_interaction(interaction_id: str | None) -> Interaction | None:
    """Return the login of this browser that waits for another journey to end, if it is still open."""
    if not interaction_id:
        return None
    try:
        with services().database.reading() as session:
            interaction = load_interaction(
                session, interaction_id=interaction_id, browser_secret=browser_secret(), now=present()
            )
    except ServiceError:
        return None
    _speak_to(interaction)
    return interaction


def look_at(interaction_id: str) -> Situation | AnyResponse:
    """Return where the login of this browser stands; errors offer a way on."""
    try:
        with services().database.reading() as session:
            situation = look_at_login(
                session,
                interaction_id=interaction_id,
                browser_secret=browser_secret(),
                session_secret=session_secret(),
                now=present(),
            )
    except AlreadyConsumed:
        offer_way_on(_("Ir a su cuenta"), url_for("account.home"))
        raise
    except (Conflict, ServiceError) as error:
        if isinstance(error, Conflict) or error.code.startswith("interaction_"):
            offer_way_on(_("Ingresar a su cuenta"), url_for("login.start"))
        raise
    _speak_to(situation.interaction)
    return situation


def _speak_to(interaction: Interaction) -> None:
    if interaction.locale:
        prefer_languages(interaction.locale.split())
    if interaction.client_origin:
        # The last form of a login ends in a redirect to the application.
        allow_form_redirect_to(interaction.client_origin)
    if services().settings.mtls_origin:
        allow_form_redirect_to(services().settings.mtls_origin)


def _show(situation: Situation, form: Form, status: int = 200) -> AnyResponse:
    interaction = situation.interaction
    if situation.step is Step.DONE:
        return redirect(interaction.resume_address, 303)
    if situation.step is Step.ENROLLMENT:
        return redirect(url_for("second_steps.choose", interaction=interaction.id), 303)
    if situation.step is Step.SECOND_FACTOR:
        return _show_second_factor(situation, form, status)
    if situation.step is Step.CERTIFICATE:
        return show_certificate(situation, form, status)
    if situation.step is Step.LEVEL:
        context = interaction_context(interaction)
        return show_level_step(interaction, person_id=situation.person_id or "", context=context, status=status)
    return show_password(situation, form, status)


def show_password(situation: Situation, form: Form, status: int, **more: object) -> Response:
    """Show the step of the password. :param more: what else the page is told."""
    interaction, username = situation.interaction, form.values.get("username", "")
    again = None
    with services().database.reading() as session:
        if situation.current is not None and not interaction.wants_another_person:
            again = find_person(session, situation.current.person_id)
        institutions, providers = has_directories(session), has_providers(session)
    if "username" not in form.values:
        username = again.document if again else _document_in(interaction.login_hint)
    return render(
        "idp/login.html",
        status,
        form=form,
        username=username,
        again=again,
        with_certificate=bool(services().settings.mtls_origin),
        with_institutions=institutions,
        with_providers=providers,
        **interaction_context(interaction),
        **more,
    )


def show_certificate(situation: Situation, form: Form, status: int) -> Response:
    """Show the step of the certificate; for an application in a sandbox also how a test citizen shows one."""
    with services().database.reading() as session:
        simulated = takes_simulated_certificates(session, situation.interaction)
    return render(
        "idp/login_certificate.html",
        status,
        form=form,
        simulated=simulated,
        available=bool(services().settings.mtls_origin),
        **interaction_context(situation.interaction),
    )


def _show_second_factor(situation: Situation, form: Form, status: int, *, again: bool = False) -> Response:
    with services().database.reading() as session:
        person = find_person(session, situation.person_id or "")
    asked = factor_form(
        form, person.id, journey=situation.interaction.id, offered=situation.second_factors, again=again
    )
    return render(
        "idp/second_factor.html",
        status,
        form=form,
        cedula=mask_document(person.document),
        **asked,
        **interaction_context(situation.interaction),
    )


def _take_password(situation: Situation) -> AnyResponse:
    form = Form()
    typed = form.read("username", parse_login_name)
    password = form.password()
    if not password:
        form.refuse("password", Rejected(code="password_missing"))
    if typed is None or form.errors:
        return show_password(situation, form, 422)
    try:
        opened = log_in_by_password(
            services(),
            interaction_id=situation.interaction.id,
            browser_secret=browser_secret(),
            session_secret=session_secret(),
            device_secret=device_secret(),
            typed=typed,
            password=password,
            now=present(),
        )
    except (WrongCredentialsError, DirectoryAccountError, Rejected) as error:
        form.refuse("password", error)
        return show_password(situation, form, 422)
    except DirectoryError as error:
        form.refuse("password", error)
        return show_password(situation, form, 503)
    except Throttled as error:
        form.refuse("password", error)
        return throttled(show_password(situation, form, 429), error)
    if opened is not None:
        open_in_browser(opened)
    return redirect(_address(situation.interaction), 303)


def _take_code(situation: Situation) -> AnyResponse:
    form, kind = Form(), asked_kind()
    try:
        opened = log_in_with_second_factor(
            services(),
            interaction_id=situation.interaction.id,
            browser_secret=browser_secret(),
            session_secret=session_secret(),
            device_secret=device_secret(),
            kind=kind,
            code=form.text("code", longest=kind.longest),
            now=present(),
        )
    except Rejected as error:
        form.refuse("code", error)
        return _show_second_factor(situation, form, 422)
    except Throttled as error:
        form.refuse("code", error)
        return throttled(_show_second_factor(situation, form, 429), error)
    except Conflict as error:
        if error.code != "wrong_step":
            raise
        note_refusal(error)
        return redirect(_address(situation.interaction), 303)
    open_in_browser(opened)
    return redirect(_address(situation.interaction), 303)


def throttled(response: Response, error: Throttled) -> Response:
    """Say in the answer when to come back."""
    response.headers["Retry-After"] = str(int(error.retry_after.total_seconds()) + 1)
    return response


def _document_in(hint: str | None) -> str:
    try:
        return parse_document(hint or "")
    except Rejected:
        return ""


def _address(interaction: Interaction) -> str:
    return url_for("login.step", interaction_id=interaction.id)
