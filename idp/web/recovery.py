"""A forgotten password: the same pages for every document."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from audit.vocabulary import EventType
from idp.accounts.contact import ContactKind, kind_named
from idp.accounts.document import parse_document
from idp.authentication.leaked_passwords import require_not_leaked
from idp.authentication.password import hash_password
from idp.authentication.password_reset import (
    NEVER,
    PasswordReset,
    confirm_reset_code,
    confirm_reset_second_factor,
    finish_password_reset,
    load_password_reset,
    resend_reset_code,
    start_password_reset,
)
from idp.authentication.password_rules import require_acceptable_password
from idp.web.access import present, services
from idp.web.cookies import browser_secret, clear_session_secret, device_secret, obtain_browser_secret
from idp.web.forms import Form
from idp.web.login import interaction_context, waiting_interaction
from idp.web.refused_steps import journey_named, note_step_not_due, record_refusals
from idp.web.second_factor_forms import asked_kind, factor_form
from kernel.errors import AlreadyConsumed, Conflict, Rejected, ServiceError, Throttled
from web.error_pages import offer_way_on
from web.pages import render
from web.rate_limit import limit

blueprint = Blueprint("recovery", __name__, template_folder="templates")
record_refusals(blueprint, EventType.PASSWORD_RESET_REFUSED, journey_named("reset_id"))


@blueprint.get("/recovery")
def identity() -> AnyResponse:
    """Ask whose password it is."""
    return _show_identity(Form(), request.args.get("interaction"), by=kind_named(request.args.get("contact")))


@blueprint.post("/recovery")
@limit("60 per hour")
def begin() -> AnyResponse:
    """Take the cédula or passport; whether or not it has an account, the next page is the same."""
    form, waiting = Form(), request.form.get("interaction") or None
    by = kind_named(request.form.get("contact"))
    document = form.read("username", parse_document)
    if document is None:
        return _show_identity(form, waiting, 422, by=by)
    interaction, secret = waiting_interaction(waiting), obtain_browser_secret()
    try:
        with services().database.transaction() as session:
            reset = start_password_reset(
                session,
                services=services(),
                browser_secret=secret,
                device_secret=device_secret(),
                document=document,
                interaction_id=interaction.id if interaction else None,
                channel=by,
                now=present(),
            )
    except Throttled as error:
        form.refuse("username", error)
        return _show_identity(form, waiting, 429, by=by)
    return redirect(url_for("recovery.step", reset_id=reset.id), 303)


@blueprint.get("/recovery/<reset_id>")
def step(reset_id: str) -> AnyResponse:
    """Show the step that is due."""
    return _show(_load(reset_id), Form())


@blueprint.post("/recovery/<reset_id>")
@limit("120 per minute")
def advance(reset_id: str) -> AnyResponse:
    """Take what was typed for one step. A step that is not due changes nothing."""
    reset, sent = _load(reset_id), request.form.get("step", "")
    if sent == "resend" and reset.step == "mail_code":
        return _resend(reset)
    if sent == "resend" and reset.step == "second_factor":
        return _show(reset, Form(), sent_again=True)
    if sent != reset.step:
        note_step_not_due()
        return redirect(url_for("recovery.step", reset_id=reset.id), 303)
    if sent == "password":
        return _take_password(reset)
    return _take_code(reset)


def _load(reset_id: str) -> PasswordReset:
    try:
        with services().database.reading() as session:
            return load_password_reset(session, reset_id=reset_id, browser_secret=browser_secret(), now=present())
    except AlreadyConsumed:
        offer_way_on(_("Ingresar"), url_for("login.start"))
        raise
    except ServiceError:
        offer_way_on(_("Crear otra contraseña"), url_for("recovery.identity"))
        raise


def _show_identity(form: Form, waiting: str | None, status: int = 200, *, by: ContactKind) -> AnyResponse:
    context = interaction_context(waiting_interaction(waiting))
    return render("idp/recovery_identity.html", status, form=form, by=by.value, **context)


def _show(reset: PasswordReset, form: Form, status: int = 200, *, sent_again: bool = False) -> AnyResponse:
    context = interaction_context(waiting_interaction(reset.interaction_id)) | {"by": reset.channel.value}
    if reset.step == "mail_code":
        return render("idp/recovery_code.html", status, form=form, sent_again=sent_again, **context)
    if reset.step == "second_factor" and reset.person is not None:
        context |= factor_form(form, reset.person.id, journey=reset.id, offered=reset.kinds, again=sent_again)
        return render("idp/recovery_second_factor.html", status, form=form, **context)
    if reset.step == "wait":
        ready_at = None if reset.ready_at in (None, NEVER) else reset.ready_at
        return render("idp/recovery_wait.html", status, ready_at=ready_at, **context)
    cedula = reset.person.document if reset.person else ""
    return render("idp/recovery_password.html", status, form=form, cedula=cedula, **context)


def _take_code(reset: PasswordReset) -> AnyResponse:
    form, kind = Form(), asked_kind()
    code = form.text("code", longest=kind.longest)
    try:
        with services().database.transaction() as session:
            if reset.step == "mail_code":
                confirm_reset_code(
                    session,
                    services=services(),
                    reset_id=reset.id,
                    browser_secret=browser_secret(),
                    device_secret=device_secret(),
                    code=code,
                    now=present(),
                )
            else:
                confirm_reset_second_factor(
                    session,
                    services=services(),
                    reset_id=reset.id,
                    browser_secret=browser_secret(),
                    device_secret=device_secret(),
                    kind=kind,
                    code=code,
                    now=present(),
                )
    except (Rejected, Conflict) as error:
        form.refuse("code", error)
        return _show(reset, form, 422)
    except Throttled as error:
        form.refuse("code", error)
        return _show(reset, form, 429)
    return redirect(url_for("recovery.step", reset_id=reset.id), 303)


def _resend(reset: PasswordReset) -> AnyResponse:
    form = Form()
    try:
        with services().database.transaction() as session:
            resend_reset_code(
                session,
                services=services(),
                reset_id=reset.id,
                browser_secret=browser_secret(),
                device_secret=device_secret(),
                now=present(),
            )
    except (Throttled, Conflict) as error:
        form.refuse("code", error)
        return _show(reset, form, 429)
    return _show(reset, form, sent_again=True)


def _take_password(reset: PasswordReset) -> AnyResponse:
    form, person = Form(), reset.person
    password = form.password()
    if person is None:
        return redirect(url_for("recovery.step", reset_id=reset.id), 303)
    try:
        require_acceptable_password(
            password,
            cedula=person.document,
            names=[person.given_names, person.surnames],
            email=person.email,
            phone=person.phone,
        )
        require_not_leaked(services(), password)
    except Rejected as error:
        form.refuse("password", error)
        return _show(reset, form, 422)
    phc = hash_password(password)
    with services().database.transaction() as session:
        finish_password_reset(
            session,
            services=services(),
            reset_id=reset.id,
            browser_secret=browser_secret(),
            phc=phc,
            now=present(),
        )
    clear_session_secret()
    waiting = waiting_interaction(reset.interaction_id)
    next_page = url_for("login.step", interaction_id=waiting.id) if waiting else url_for("login.start")
    return render("idp/recovery_done.html", 200, next_page=next_page, **interaction_context(waiting))
