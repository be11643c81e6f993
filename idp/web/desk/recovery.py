"""The code from a desk, typed by its person: password, second factor, and in."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from audit.vocabulary import EventType
from idp.accounts.document import parse_document
from idp.accounts.person import Person
from idp.authentication.assurance import AMR_OTP, AMR_PASSWORD
from idp.authentication.login import open_session
from idp.authentication.password import hash_password
from idp.authentication.password_rules import require_acceptable_password
from idp.authentication.recovery_codes import read_recovery_sheet
from idp.authentication.totp import provisioning_address
from idp.desk.redemption import (
    NotYetError,
    Redemption,
    enter_code,
    finish_recovery,
    look_at_redemption,
    note_new_password,
)
from idp.web.access import present, services
from idp.web.cookies import browser_secret, device_secret, obtain_browser_secret, session_secret
from idp.web.forms import Form
from idp.web.login import open_in_browser
from idp.web.qr import qr_image, spaced_key
from idp.web.refused_steps import journey_named, note_refusal, note_step_not_due, record_refusals
from kernel.errors import AlreadyConsumed, Conflict, Rejected, ServiceError, Throttled
from web.error_pages import offer_way_on
from web.pages import render
from web.rate_limit import limit

blueprint = Blueprint("desk_recovery", __name__, template_folder="../templates")
record_refusals(blueprint, EventType.DESK_RECOVERY_REFUSED, journey_named("recovery_id"))


@blueprint.get("/recovery/desk")
def start() -> AnyResponse:
    """Ask for the number of the document and the code from the paper."""
    return render("idp/desk/enter.html", form=Form(), waits=None)


@blueprint.post("/recovery/desk")
@limit("30 per minute")
def enter() -> AnyResponse:
    """Take them. The code stands in no address, log or referrer."""
    form, waits = Form(), None
    document, code = form.read("username", parse_document), form.text("code")
    form.values["code"] = ""
    if not code.strip():
        form.refuse("code", Rejected(code="code_missing"))
    if document is None or form.errors:
        return render("idp/desk/enter.html", 422, form=form, waits=None)
    secret = obtain_browser_secret()
    try:
        with services().database.transaction() as session:
            redemption = enter_code(
                session, services=services(), document=document, code=code, browser_secret=secret, now=present()
            )
    except Rejected as error:
        form.refuse("code", error)
    except NotYetError as error:
        note_refusal(error)
        waits = error
    else:
        return redirect(url_for("desk_recovery.step", recovery_id=redemption.id), 303)
    return render("idp/desk/enter.html", 422 if form.errors else 200, form=form, waits=waits)


@blueprint.get("/recovery/desk/<recovery_id>")
def step(recovery_id: str) -> AnyResponse:
    """Show the step that is due."""
    return _show(_load(recovery_id), Form())


@blueprint.post("/recovery/desk/<recovery_id>")
@limit("60 per minute")
def advance(recovery_id: str) -> AnyResponse:
    """Take what was typed for one step. A step that is not due changes nothing."""
    redemption, sent = _load(recovery_id), request.form.get("step", "")
    if sent == "password":
        # Also in the second step: a browser that went back corrects what it typed.
        return _take_password(redemption)
    if redemption.step == "second_factor" and sent in ("second_factor", "without"):
        return _finish(redemption, with_code=sent == "second_factor")
    note_step_not_due()
    return redirect(url_for("desk_recovery.step", recovery_id=redemption.id), 303)


def _load(recovery_id: str) -> Redemption:
    try:
        with services().database.reading() as session:
            return look_at_redemption(
                session, services=services(), recovery_id=recovery_id, browser_secret=browser_secret(), now=present()
            )
    except AlreadyConsumed:
        offer_way_on(_("Ingresar"), url_for("login.start"))
        raise
    except ServiceError:
        offer_way_on(_("Escribir el código otra vez"), url_for("desk_recovery.start"))
        raise


def _show(redemption: Redemption, form: Form, status: int = 200) -> AnyResponse:
    if redemption.step == "password":
        return render("idp/desk/password.html", status, form=form, person=redemption.person)
    address = provisioning_address(redemption.key, account_name=redemption.person.document)
    return render(
        "idp/desk/second_factor.html", status, form=form, qr=qr_image(address), key=spaced_key(redemption.key)
    )


def _take_password(redemption: Redemption) -> AnyResponse:
    form, person = Form(), redemption.person
    password = form.password()
    try:
        require_acceptable_password(
            password,
            cedula=person.document,
            names=[person.given_names, person.surnames],
            email=person.email,
            phone=person.phone,
        )
    except Rejected as error:
        form.refuse("password", error)
        return render("idp/desk/password.html", 422, form=form, person=person)
    phc = hash_password(password)
    with services().database.transaction() as session:
        note_new_password(
            session,
            services=services(),
            recovery_id=redemption.id,
            browser_secret=browser_secret(),
            phc=phc,
            now=present(),
        )
    return redirect(url_for("desk_recovery.step", recovery_id=redemption.id), 303)


def _finish(redemption: Redemption, *, with_code: bool) -> AnyResponse:
    form = Form()
    code = form.text("code") if with_code else None
    try:
        with services().database.transaction() as session:
            person: Person = finish_recovery(
                session,
                services=services(),
                recovery_id=redemption.id,
                browser_secret=browser_secret(),
                code=code,
                now=present(),
            )
            opened = open_session(
                session,
                services=services(),
                person_id=person.id,
                amr=[AMR_PASSWORD, AMR_OTP] if with_code else [AMR_PASSWORD],
                session_secret=session_secret(),
                device_secret=device_secret(),
                interaction=None,
                now=present(),
            )
            sheet = read_recovery_sheet(session, services=services(), person_id=person.id, now=present())
    except Throttled as error:
        form.refuse("code", error)
        return _show(redemption, form, 429)
    except (AlreadyConsumed, Conflict):
        raise
    except Rejected as error:
        form.refuse("code", error)
        return _show(redemption, form, 422)
    open_in_browser(opened)
    return redirect(url_for("second_factor.recovery_codes" if sheet else "account.home"), 303)
