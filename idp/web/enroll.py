"""The page behind a one-time enrolment link. Opening it changes nothing; its address never leaves in a Referer."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from audit.vocabulary import EventType
from idp.accounts.identity import parse_cedula, parse_email, parse_name
from idp.accounts.sign_up import Identity
from idp.authentication.assurance import AMR_PASSWORD, with_methods
from idp.authentication.enrollment_link import (
    Enrollment,
    change_enrollment_password,
    find_enrollment_link,
    look_at_enrollment,
    note_enrollment_password,
    redeem_enrollment_link,
)
from idp.authentication.leaked_passwords import require_not_leaked
from idp.authentication.login import open_session
from idp.authentication.password import hash_password
from idp.authentication.password_rules import require_acceptable_password
from idp.authentication.recovery_codes import read_recovery_sheet
from idp.authentication.totp import provisioning_address
from idp.web.access import present, services
from idp.web.cookies import device_secret, session_secret
from idp.web.forms import Form
from idp.web.login import open_in_browser
from idp.web.qr import qr_image, spaced_key
from idp.web.refused_steps import Concern, note_step_not_due, record_refusals
from idp.web.second_factor_forms import asked_kind, factor_form
from kernel.errors import AlreadyConsumed, Conflict, Rejected, Throttled
from web.error_pages import offer_way_on
from web.pages import render
from web.rate_limit import limit

blueprint = Blueprint("enroll", __name__, template_folder="templates")


def _concern() -> Concern:
    """The link by its row's id: what stands in the address is a secret."""
    with services().database.reading() as session:
        found = find_enrollment_link(session, str((request.view_args or {}).get("token", "")))
    return Concern(object_id=found[0], subject=found[1]) if found else Concern()


record_refusals(blueprint, EventType.ENROLLMENT_LINK_REFUSED, _concern)


@blueprint.get("/enroll/<token>")
@limit("60 per minute")
def step(token: str) -> AnyResponse:
    """Show the step that is due."""
    return _show(_look(token), Form())


@blueprint.post("/enroll/<token>")
@limit("60 per minute")
def advance(token: str) -> AnyResponse:
    """Take identity and password, then the first code."""
    enrollment, sent = _look(token), request.form.get("step", "")
    if sent == "password" and enrollment.step == "password":
        return _take_password(token, enrollment)
    if sent == "second_factor" and enrollment.step == "second_factor":
        return _take_code(token, enrollment)
    if sent == "resend" and enrollment.step == "second_factor":
        return _show(enrollment, Form(), again=True)
    if sent == "back" and enrollment.step == "second_factor":
        with services().database.transaction() as session:
            change_enrollment_password(session, token=token, now=present())
    else:
        note_step_not_due()
    return redirect(url_for("enroll.step", token=token), 303)


def _look(token: str) -> Enrollment:
    try:
        with services().database.reading() as session:
            return look_at_enrollment(session, services=services(), token=token, now=present())
    except AlreadyConsumed:
        offer_way_on(_("Ingresar"), url_for("login.start"))
        raise


def _show(enrollment: Enrollment, form: Form, status: int = 200, *, again: bool = False) -> AnyResponse:
    if enrollment.step == "password":
        known = enrollment.person or enrollment.identity
        values = {
            name: form.values.get(name, getattr(known, name, "") if known else "")
            for name in ("cedula", "given_names", "surnames", "email")
        }
        return render("idp/enroll_identity.html", status, form=form, person=enrollment.person, values=values)
    who = enrollment.person or enrollment.identity
    address = provisioning_address(enrollment.key, account_name=who.document if who else "")
    asked = factor_form(form, enrollment.person.id if enrollment.person else "", journey=enrollment.id, again=again)
    return render(
        "idp/enroll_second_factor.html",
        status,
        form=form,
        has_second_factor=enrollment.has_second_factor,
        qr=qr_image(address),
        key=spaced_key(enrollment.key),
        **asked,
    )


def _take_password(token: str, enrollment: Enrollment) -> AnyResponse:
    form, identity = Form(), None
    if enrollment.person is None:
        cedula = form.read("cedula", parse_cedula)
        given_names = form.read("given_names", parse_name)
        surnames = form.read("surnames", parse_name)
        email = form.read("email", parse_email)
        if cedula is not None and given_names is not None and surnames is not None and email is not None:
            identity = Identity(cedula=cedula, given_names=given_names, surnames=surnames, email=email)
    who, password = enrollment.person or identity, form.password()
    try:
        require_acceptable_password(
            password,
            cedula=who.document if who else "",
            names=[who.given_names, who.surnames] if who else [],
            email=who.email if who else "",
        )
        require_not_leaked(services(), password)
    except Rejected as error:
        form.refuse("password", error)
    if form.errors:
        return _show(enrollment, form, 422)
    phc = hash_password(password)
    with services().database.transaction() as session:
        note_enrollment_password(session, services=services(), token=token, identity=identity, phc=phc, now=present())
    return redirect(url_for("enroll.step", token=token), 303)


def _take_code(token: str, enrollment: Enrollment) -> AnyResponse:
    form, kind = Form(), asked_kind()
    code = form.text("code", longest=kind.longest)
    try:
        with services().database.transaction() as session:
            person, proved = redeem_enrollment_link(
                session,
                services=services(),
                token=token,
                kind=kind,
                code=code,
                device_secret=device_secret(),
                now=present(),
            )
            opened = open_session(
                session,
                services=services(),
                person_id=person.id,
                amr=with_methods([AMR_PASSWORD], proved),
                session_secret=session_secret(),
                device_secret=device_secret(),
                interaction=None,
                now=present(),
            )
            sheet = read_recovery_sheet(session, services=services(), person_id=person.id, now=present())
    except Throttled as error:
        form.refuse("code", error)
        return _show(enrollment, form, 429)
    except AlreadyConsumed:
        raise
    except (Rejected, Conflict) as error:
        form.refuse("code", error)
        return _show(enrollment, form, 422)
    open_in_browser(opened)
    return redirect(url_for("second_factor.recovery_codes" if sheet else "account.home"), 303)
