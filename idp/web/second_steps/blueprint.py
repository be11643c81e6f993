"""What these views stand on, and where they go when they are done."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from audit.vocabulary import EventType
from idp.authentication.interaction import Interaction
from idp.authentication.recovery_codes import read_recovery_sheet
from idp.web.access import present, services
from idp.web.cookies import set_session_secret
from idp.web.guard import Visitor, admit
from idp.web.login import waiting_interaction
from idp.web.refused_steps import person_logged_in, record_refusals

blueprint = Blueprint("second_steps", __name__, template_folder="../templates", url_prefix="/account/second-steps")
record_refusals(blueprint, EventType.ACCOUNT_CHANGE_REFUSED, person_logged_in)


def waiting() -> Interaction | None:
    """Return the login that waits for a second step to be added, if any."""
    return waiting_interaction(request.args.get("interaction"))


def address(endpoint: str) -> str:
    """Return the address of a view here, with the login that waits."""
    found = waiting()
    return url_for(endpoint, interaction=found.id if found else None)


def let_in(endpoint: str) -> Visitor | AnyResponse:
    """Admit who may change how he logs in, or lead to the login that is due first."""
    return admit(back_to=address(endpoint), sensitive=True)


def way_on() -> str:
    """Return where it goes on: to the login that waits, or to the account."""
    found = waiting()
    return url_for("login.step", interaction_id=found.id) if found else url_for("account.security")


def added(visitor: Visitor, secret: str) -> AnyResponse:
    """Give the browser its session's new secret, and show recovery codes that have just been made."""
    set_session_secret(secret)
    with services().database.reading() as session:
        sheet = read_recovery_sheet(session, services=services(), person_id=visitor.person.id, now=present())
    return redirect(address("second_factor.recovery_codes") if sheet else way_on(), 303)
