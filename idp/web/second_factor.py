"""The person's second factor: adding it by QR, removing it, recovery codes."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from audit.vocabulary import EventType
from idp.authentication.factors import (
    enroll_second_factor,
    issue_new_recovery_codes,
    remove_second_factor,
)
from idp.authentication.interaction import Interaction
from idp.authentication.recovery_codes import count_recovery_codes, put_away_recovery_sheet, read_recovery_sheet
from idp.authentication.steps import wants_second_factor
from idp.authentication.totp import has_totp, prepare_totp
from idp.web.access import present, services
from idp.web.cookies import set_session_secret
from idp.web.forms import Form
from idp.web.guard import Visitor, admit
from idp.web.login import interaction_context, waiting_interaction
from idp.web.qr import qr_image, spaced_key
from idp.web.refused_steps import person_logged_in, record_refusals
from kernel.errors import Conflict, Rejected, Throttled
from web.pages import render

blueprint = Blueprint("second_factor", __name__, template_folder="templates", url_prefix="/account")
record_refusals(blueprint, EventType.ACCOUNT_CHANGE_REFUSED, person_logged_in)


@blueprint.get("/second-factor")
def enroll() -> AnyResponse:
    """Show the QR code and ask for its first code."""
    visitor = _admit("second_factor.enroll")
    if isinstance(visitor, AnyResponse):
        return visitor
    waiting = waiting_interaction(request.args.get("interaction"))
    if _has_app(visitor):
        return redirect(_way_on(waiting), 303)
    return _show_enrollment(visitor, waiting, Form())


@blueprint.post("/second-factor")
def confirm() -> AnyResponse:
    """Take the first code."""
    visitor = _admit("second_factor.enroll")
    if isinstance(visitor, AnyResponse):
        return visitor
    waiting = waiting_interaction(request.args.get("interaction"))
    if _has_app(visitor):
        return redirect(_way_on(waiting), 303)
    form = Form()
    try:
        with services().database.transaction() as session:
            secret = enroll_second_factor(
                session,
                services=services(),
                person=visitor.person,
                sid=visitor.session.sid,
                code=form.text("code"),
                now=present(),
            )
    except (Rejected, Conflict) as error:
        form.refuse("code", error)
        return _show_enrollment(visitor, waiting, form, 422)
    except Throttled as error:
        form.refuse("code", error)
        return _show_enrollment(visitor, waiting, form, 429)
    set_session_secret(secret)
    with services().database.reading() as session:
        sheet = read_recovery_sheet(session, services=services(), person_id=visitor.person.id, now=present())
    if not sheet:  # another kind came first, and its owner has them
        return redirect(_way_on(waiting), 303)
    return redirect(url_for("second_factor.recovery_codes", interaction=waiting.id if waiting else None), 303)


@blueprint.get("/recovery-codes")
def recovery_codes() -> AnyResponse:
    """Show fresh codes until their owner says that he has them; else how many are left."""
    visitor = _admit("second_factor.recovery_codes")
    if isinstance(visitor, AnyResponse):
        return visitor
    waiting = waiting_interaction(request.args.get("interaction"))
    with services().database.reading() as session:
        codes = read_recovery_sheet(session, services=services(), person_id=visitor.person.id, now=present())
        left = count_recovery_codes(session, visitor.person.id)
    return render(
        "idp/recovery_codes.html",
        200,
        visitor=visitor,
        codes=codes,
        left=left,
        waiting=waiting,
        **interaction_context(waiting),
    )


@blueprint.post("/recovery-codes")
def change_recovery_codes() -> AnyResponse:
    """Put the shown codes away, or make ten new ones."""
    visitor = _admit("second_factor.recovery_codes")
    if isinstance(visitor, AnyResponse):
        return visitor
    waiting, action = waiting_interaction(request.args.get("interaction")), request.form.get("action")
    if action == "renew" and visitor.has_second_factor:
        with services().database.transaction() as session:
            issue_new_recovery_codes(session, services=services(), person=visitor.person, now=present())
        return redirect(url_for("second_factor.recovery_codes"), 303)
    if action == "saved":
        with services().database.transaction() as session:
            put_away_recovery_sheet(session, person_id=visitor.person.id)
        return redirect(_way_on(waiting), 303)
    return redirect(url_for("second_factor.recovery_codes"), 303)


@blueprint.get("/second-factor/remove")
def ask_removal() -> AnyResponse:
    """Say what removing the second factor changes, and what it does not."""
    visitor = _admit("second_factor.ask_removal")
    if isinstance(visitor, AnyResponse):
        return visitor
    if not _has_app(visitor):
        return redirect(url_for("account.security"), 303)
    return render("idp/second_factor_remove.html", visitor=visitor)


@blueprint.post("/second-factor/remove")
def remove() -> AnyResponse:
    """Remove the second factor."""
    visitor = _admit("second_factor.ask_removal")
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.transaction() as session:
        remove_second_factor(
            session, services=services(), person=visitor.person, sid=visitor.session.sid, now=present()
        )
    return redirect(url_for("account.security"), 303)


def _has_app(visitor: Visitor) -> bool:
    with services().database.reading() as session:
        return has_totp(session, visitor.person.id)


def _admit(endpoint: str) -> Visitor | AnyResponse:
    waiting = waiting_interaction(request.args.get("interaction"))
    return admit(back_to=url_for(endpoint, interaction=waiting.id if waiting else None), sensitive=True)


def _show_enrollment(visitor: Visitor, waiting: Interaction | None, form: Form, status: int = 200) -> AnyResponse:
    with services().database.transaction() as session:
        pending = prepare_totp(
            session,
            services=services(),
            person_id=visitor.person.id,
            sid=visitor.session.sid,
            account_name=visitor.person.document,
            now=present(),
        )
    return render(
        "idp/second_factor_enroll.html",
        status,
        form=form,
        qr=qr_image(pending.address),
        key=spaced_key(pending.key),
        required=waiting is not None and wants_second_factor(waiting),
        way_on=_way_on(waiting),
        way_on_words=_("Seguir sin código") if waiting else _("Ahora no"),
        **interaction_context(waiting),
    )


def _way_on(waiting: Interaction | None) -> str:
    if waiting is not None:
        return url_for("login.step", interaction_id=waiting.id)
    return url_for("account.home")
