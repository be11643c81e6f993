"""A person's own passkeys: which there are, one more, another name, one less, and doing without the password."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from audit.vocabulary import EventType
from idp.authentication.device import describe_device
from idp.authentication.password import find_phc
from idp.passkeys.ceremony import LONGEST_ANSWER, RelyingParty
from idp.passkeys.passkey import handle_of, has_passkey, list_passkeys
from idp.passkeys.registration import prepare_registration, register_passkey
from idp.passkeys.upkeep import (
    find_passkey,
    may_remove_password,
    remove_passkey,
    remove_password,
    rename_passkey,
)
from idp.web.access import present, services
from idp.web.cookies import set_session_secret
from idp.web.forms import Form
from idp.web.guard import Visitor, admit
from idp.web.login import interaction_context, waiting_interaction
from idp.web.refused_steps import person_logged_in, record_refusals
from kernel.errors import Conflict, Rejected, Throttled
from kernel.origin import current_origin
from web.error_pages import offer_way_on
from web.pages import render
from web.rate_limit import limit

blueprint = Blueprint("passkeys", __name__, template_folder="../templates", url_prefix="/account")
record_refusals(blueprint, EventType.ACCOUNT_CHANGE_REFUSED, person_logged_in)


@blueprint.get("/passkeys")
def show() -> AnyResponse:
    """Show the person's passkeys."""
    visitor = admit(back_to=url_for("passkeys.show"))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        mine = list_passkeys(session, visitor.person.id)
        without_password = may_remove_password(session, visitor.person.id)
        has_password = find_phc(session, visitor.person.id) is not None
    accepted = None
    if mine:
        with services().database.transaction() as session:
            handle = handle_of(session, visitor.person.id)
        accepted = {
            "rpId": RelyingParty.of(services().settings.issuer).id,
            "userId": handle,
            "allAcceptedCredentialIds": [each.credential for each in mine],
        }
    return render(
        "idp/passkeys/list.html",
        visitor=visitor,
        passkeys=mine,
        accepted=accepted,
        without_password=without_password,
        has_password=has_password,
    )


@blueprint.get("/passkeys/new")
def ask() -> AnyResponse:
    """Offer to make a passkey on this device."""
    visitor = _admit("passkeys.ask")
    if isinstance(visitor, AnyResponse):
        return visitor
    return _show_new(visitor, Form())


@blueprint.post("/passkeys/new")
@limit("60 per hour")
def add() -> AnyResponse:
    """Take the passkey that the browser's authenticator made."""
    visitor = _admit("passkeys.ask")
    if isinstance(visitor, AnyResponse):
        return visitor
    waiting, form = waiting_interaction(request.args.get("interaction")), Form()
    name, answer = form.text("name"), request.form.get("code", "")[: LONGEST_ANSWER + 1]
    try:
        if not answer:
            raise Rejected("No passkey was made.", code="passkey_missing")
        with services().database.transaction() as session:
            secret = register_passkey(
                session,
                services=services(),
                person=visitor.person,
                sid=visitor.session.sid,
                answer=answer,
                name=name,
                now=present(),
            )
    except (Rejected, Conflict, Throttled) as error:
        form.refuse("name" if error.code == "passkey_name" else "submit", error)
        return _show_new(visitor, form, 429 if isinstance(error, Throttled) else 422)
    set_session_secret(secret)
    return redirect(url_for("second_factor.recovery_codes", interaction=waiting.id if waiting else None), 303)


@blueprint.get("/passkeys/<factor_id>")
def one(factor_id: str) -> AnyResponse:
    """Show one passkey, to rename or remove it."""
    visitor = admit(back_to=url_for("passkeys.one", factor_id=factor_id))
    if isinstance(visitor, AnyResponse):
        return visitor
    return _show_one(visitor, factor_id, Form())


@blueprint.post("/passkeys/<factor_id>")
def rename(factor_id: str) -> AnyResponse:
    """Call a passkey something else."""
    visitor = admit(back_to=url_for("passkeys.one", factor_id=factor_id))
    if isinstance(visitor, AnyResponse):
        return visitor
    form = Form()
    try:
        with services().database.transaction() as session:
            rename_passkey(
                session,
                services=services(),
                person=visitor.person,
                passkey_id=factor_id,
                name=form.text("name"),
                now=present(),
            )
    except Rejected as error:
        form.refuse("name", error)
        return _show_one(visitor, factor_id, form, 422)
    return redirect(url_for("passkeys.show"), 303)


@blueprint.post("/passkeys/<factor_id>/remove")
def remove(factor_id: str) -> AnyResponse:
    """Remove a passkey."""
    visitor = admit(back_to=url_for("passkeys.one", factor_id=factor_id), sensitive=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    form = Form()
    try:
        with services().database.transaction() as session:
            remove_passkey(
                session,
                services=services(),
                person=visitor.person,
                sid=visitor.session.sid,
                passkey_id=factor_id,
                now=present(),
            )
    except Conflict as error:
        form.refuse("remove", error)
        return _show_one(visitor, factor_id, form, 422)
    return redirect(url_for("passkeys.show", changed="removed"), 303)


@blueprint.get("/password/remove")
def ask_password_removal() -> AnyResponse:
    """Say what doing without a password changes."""
    visitor = _admit("passkeys.ask_password_removal")
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        allowed = may_remove_password(session, visitor.person.id)
    if not allowed:
        return redirect(url_for("passkeys.show"), 303)
    return render("idp/passkeys/password_remove.html", visitor=visitor)


@blueprint.post("/password/remove")
def take_password_removal() -> AnyResponse:
    """Do without the password from now on."""
    visitor = _admit("passkeys.ask_password_removal")
    if isinstance(visitor, AnyResponse):
        return visitor
    offer_way_on(_("Ver mis llaves de acceso"), url_for("passkeys.show"))
    with services().database.transaction() as session:
        remove_password(session, services=services(), person=visitor.person, sid=visitor.session.sid, now=present())
    return redirect(url_for("passkeys.show", changed="password"), 303)


def _admit(endpoint: str) -> Visitor | AnyResponse:
    waiting = waiting_interaction(request.args.get("interaction"))
    return admit(back_to=url_for(endpoint, interaction=waiting.id if waiting else None), sensitive=True)


def _show_new(visitor: Visitor, form: Form, status: int = 200) -> AnyResponse:
    waiting = waiting_interaction(request.args.get("interaction"))
    with services().database.transaction() as session:
        options = prepare_registration(
            session, services=services(), person=visitor.person, sid=visitor.session.sid, now=present()
        )
        first = not has_passkey(session, visitor.person.id)
    return render(
        "idp/passkeys/new.html",
        status,
        visitor=visitor,
        form=form,
        name=form.values.get("name") or describe_device(current_origin().user_agent),
        options=options,
        first=first,
        way_on=url_for("login.step", interaction_id=waiting.id) if waiting else url_for("passkeys.show"),
        **interaction_context(waiting),
    )


def _show_one(visitor: Visitor, factor_id: str, form: Form, status: int = 200) -> AnyResponse:
    with services().database.reading() as session:
        found = find_passkey(session, person_id=visitor.person.id, passkey_id=factor_id)
    return render("idp/passkeys/one.html", status, visitor=visitor, form=form, passkey=found)
