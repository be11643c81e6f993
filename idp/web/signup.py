"""Creating an account: data, code by mail or message, password; then the second factor is offered."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from audit.vocabulary import EventType
from idp.accounts.contact import Contact, ContactKind, kind_named, parse_contact
from idp.accounts.document import parse_passport
from idp.accounts.identity import parse_cedula, parse_name
from idp.accounts.issuing_states import states_by_name
from idp.accounts.sign_up import (
    Identity,
    SignUp,
    confirm_sign_up_contact,
    finish_sign_up,
    load_sign_up,
    resend_sign_up_code,
    start_sign_up,
)
from idp.authentication.assurance import AMR_PASSWORD
from idp.authentication.leaked_passwords import require_not_leaked
from idp.authentication.login import open_session
from idp.authentication.password import hash_password
from idp.authentication.password_rules import require_acceptable_password
from idp.web.access import present, services
from idp.web.cookies import browser_secret, device_secret, obtain_browser_secret, session_secret
from idp.web.forms import Form
from idp.web.login import interaction_context, open_in_browser, waiting_interaction
from idp.web.refused_steps import journey_named, note_refusal, note_step_not_due, record_refusals
from kernel.errors import AlreadyConsumed, Conflict, Rejected, ServiceError, Throttled
from web.error_pages import offer_way_on
from web.locale import current_language
from web.pages import render
from web.rate_limit import limit

PASSPORT = "passport"

blueprint = Blueprint("signup", __name__, template_folder="templates")
record_refusals(blueprint, EventType.ACCOUNT_SIGN_UP_REFUSED, journey_named("sign_up_id"))


@blueprint.get("/signup")
def identity() -> AnyResponse:
    """Ask who it is."""
    by_passport = request.args.get("document") == PASSPORT
    by = kind_named(request.args.get("contact"))
    return _show_identity(Form(), request.args.get("interaction"), by_passport=by_passport, by=by)


@blueprint.post("/signup")
@limit("60 per hour")
def begin() -> AnyResponse:
    """Take cédula or passport, names and contact, and send the code."""
    form = Form()
    waiting = request.form.get("interaction") or None
    by_passport = request.form.get("document") == PASSPORT
    document = _read_passport(form) if by_passport else form.read("cedula", parse_cedula)
    given_names = form.read("given_names", parse_name)
    surnames = form.read("surnames", parse_name)
    by = kind_named(request.form.get("contact"))
    contact = _read_contact(form, by)
    if document is None or given_names is None or surnames is None or contact is None:
        return _show_identity(form, waiting, 422, by_passport=by_passport, by=by)
    interaction = waiting_interaction(waiting)
    secret = obtain_browser_secret()
    try:
        with services().database.transaction() as session:
            sign_up = start_sign_up(
                session,
                services=services(),
                browser_secret=secret,
                identity=Identity(
                    cedula="" if by_passport else document,
                    passport=document if by_passport else "",
                    given_names=given_names,
                    surnames=surnames,
                    email=contact.address if by is ContactKind.EMAIL else "",
                    phone=contact.address if by is ContactKind.PHONE else "",
                ),
                locale=current_language(),
                interaction_id=interaction.id if interaction else None,
                now=present(),
            )
    except Throttled as error:
        form.refuse(by.value, error)
        return _show_identity(form, waiting, 429, by_passport=by_passport, by=by)
    return redirect(url_for("signup.step", sign_up_id=sign_up.id), 303)


@blueprint.get("/signup/<sign_up_id>")
def step(sign_up_id: str) -> AnyResponse:
    """Show the step that is due: the code from the mail, then the password."""
    sign_up = _load(sign_up_id)
    return _show(sign_up, Form())


@blueprint.post("/signup/<sign_up_id>")
@limit("120 per minute")
def advance(sign_up_id: str) -> AnyResponse:
    """Take what was typed for one step. A step that is not due changes nothing."""
    sign_up, sent = _load(sign_up_id), request.form.get("step", "")
    if sent == "code" and not sign_up.contact_verified:
        return _take_code(sign_up)
    if sent == "resend" and not sign_up.contact_verified:
        return _resend(sign_up)
    if sent == "password" and sign_up.contact_verified:
        return _take_password(sign_up)
    note_step_not_due()
    return redirect(url_for("signup.step", sign_up_id=sign_up.id), 303)


def _load(sign_up_id: str) -> SignUp:
    try:
        with services().database.reading() as session:
            return load_sign_up(session, sign_up_id=sign_up_id, browser_secret=browser_secret(), now=present())
    except AlreadyConsumed:
        offer_way_on(_("Ingresar"), url_for("login.start"))
        raise
    except ServiceError:
        offer_way_on(_("Crear una cuenta"), url_for("signup.identity"))
        raise


def _read_passport(form: Form) -> str | None:
    """Return the passport in normal form, or note at each of its two fields what is wrong there."""
    state, number = form.text("state"), form.text("passport")
    try:
        return parse_passport(state, number)
    except Rejected as error:
        form.refuse("state" if "state" in error.code else "passport", error)
        return None


def _read_contact(form: Form, by: ContactKind) -> Contact | None:
    countries = services().settings.sms_countries
    return form.read(by.value, lambda text: parse_contact(by, text, countries=countries))


def _show_identity(
    form: Form, waiting: str | None, status: int = 200, *, by_passport: bool, by: ContactKind
) -> AnyResponse:
    interaction = waiting_interaction(waiting)
    return render(
        "idp/signup_identity.html",
        status,
        form=form,
        by_passport=by_passport,
        by=by.value,
        states=[("", _("Elija un país")), *states_by_name(current_language())] if by_passport else (),
        **interaction_context(interaction),
    )


def _show(sign_up: SignUp, form: Form, status: int = 200, *, sent_again: bool = False) -> AnyResponse:
    interaction = waiting_interaction(sign_up.interaction_id)
    if not sign_up.contact_verified:
        return render(
            "idp/signup_code.html",
            status,
            form=form,
            to=sign_up.identity.contact.masked,
            by=sign_up.identity.contact.kind.value,
            by_passport=bool(sign_up.identity.passport),
            sent_again=sent_again,
            **interaction_context(interaction),
        )
    return render(
        "idp/signup_password.html",
        status,
        form=form,
        cedula=sign_up.identity.document,
        by=sign_up.identity.contact.kind.value,
        **interaction_context(interaction),
    )


def _take_code(sign_up: SignUp) -> AnyResponse:
    form = Form()
    code = form.text("code")
    try:
        with services().database.transaction() as session:
            confirm_sign_up_contact(
                session,
                services=services(),
                sign_up_id=sign_up.id,
                browser_secret=browser_secret(),
                code=code,
                now=present(),
            )
    except (Rejected, Conflict) as error:
        form.refuse("code", error)
        return _show(sign_up, form, 422)
    return redirect(url_for("signup.step", sign_up_id=sign_up.id), 303)


def _resend(sign_up: SignUp) -> AnyResponse:
    form = Form()
    try:
        with services().database.transaction() as session:
            resend_sign_up_code(
                session,
                services=services(),
                sign_up_id=sign_up.id,
                browser_secret=browser_secret(),
                now=present(),
            )
    except (Throttled, Conflict) as error:
        form.refuse("code", error)
        return _show(sign_up, form, 429)
    return _show(sign_up, form, sent_again=True)


def _take_password(sign_up: SignUp) -> AnyResponse:
    form = Form()
    password, who = form.password(), sign_up.identity
    try:
        require_acceptable_password(
            password,
            cedula=who.document,
            names=[who.given_names, who.surnames],
            email=who.email,
            phone=who.phone,
        )
        require_not_leaked(services(), password)
    except Rejected as error:
        form.refuse("password", error)
        return _show(sign_up, form, 422)
    phc = hash_password(password)
    try:
        with services().database.transaction() as session:
            person = finish_sign_up(
                session,
                services=services(),
                sign_up_id=sign_up.id,
                browser_secret=browser_secret(),
                phc=phc,
                now=present(),
            )
            opened = open_session(
                session,
                services=services(),
                person_id=person.id,
                amr=[AMR_PASSWORD],
                session_secret=session_secret(),
                device_secret=device_secret(),
                interaction=None,
                now=present(),
            )
    except AlreadyConsumed as error:
        # A double submit: the first one made the account.
        note_refusal(error)
        return redirect(url_for("second_steps.choose", interaction=sign_up.interaction_id), 303)
    except Conflict as error:
        form.refuse("password", error)
        return _show(sign_up, form, 409)
    open_in_browser(opened)
    return redirect(url_for("second_steps.choose", interaction=sign_up.interaction_id), 303)
