"""The account's page on the level of identity, and the check against the civil registry."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from audit.vocabulary import EventType
from idp.authentication.assurance import HIGHEST_LEVEL, VERIFIED
from idp.authentication.interaction import Interaction
from idp.levels.answers import Answers, parse_birth_date, parse_fingerprint_code
from idp.levels.check import RegistryMismatchError, check_with_registry
from idp.levels.evidence import list_evidence
from idp.levels.registry import RegistryUnavailableError
from idp.levels.ways import Way
from idp.web.access import present, services
from idp.web.forms import Form
from idp.web.guard import Visitor, admit
from idp.web.levels.step import ways_for
from idp.web.login import interaction_context, waiting_interaction
from idp.web.refused_steps import note_refusal, person_logged_in, record_refusals
from kernel.errors import Conflict, Throttled
from web.pages import render
from web.rate_limit import limit

blueprint = Blueprint("levels", __name__, template_folder="../templates", url_prefix="/account/level")
record_refusals(blueprint, EventType.ACCOUNT_CHANGE_REFUSED, person_logged_in)


@blueprint.get("")
def page() -> AnyResponse:
    """Show the person's level, what it rests on, and how to raise it."""
    visitor = admit(back_to=url_for("levels.page"))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        evidence = list_evidence(session, visitor.person.id, now=present())
    return render(
        "idp/levels/page.html",
        visitor=visitor,
        evidence=evidence,
        ways=ways_for(visitor.person, HIGHEST_LEVEL),
        raised=request.args.get("changed") == "level",
    )


@blueprint.get("/check")
def ask() -> AnyResponse:
    """Ask what the civil registry knows."""
    waiting = waiting_interaction(request.args.get("interaction"))
    visitor = _admit(waiting)
    if isinstance(visitor, AnyResponse):
        return visitor
    if Way.REGISTRY not in ways_for(visitor.person, VERIFIED):
        return redirect(_way_on(waiting), 303)
    return _show(visitor, waiting, Form())


@blueprint.post("/check")
@limit("30 per hour")
def answer() -> AnyResponse:
    """Have the answers compared with the registry; once they fit, go on with what waits."""
    waiting = waiting_interaction(request.form.get("interaction"))
    visitor = _admit(waiting)
    if isinstance(visitor, AnyResponse):
        return visitor
    form = Form()
    answers = _read_answers(form)
    if answers is None:
        return _show(visitor, waiting, form, 422)
    try:
        check_with_registry(
            services(), person=visitor.person, session_id=visitor.session.sid, answers=answers, now=present()
        )
    except RegistryMismatchError as error:
        form.refuse("answers", error)
        return _show(visitor, waiting, form, 422)
    except Throttled as error:
        form.refuse("answers", error)
        return _show(visitor, waiting, form, 429)
    except RegistryUnavailableError as error:
        form.refuse("answers", error)
        return _show(visitor, waiting, form, 503, down=True)
    except Conflict as error:
        # Sent twice: the first one raised the level.
        note_refusal(error)
    return redirect(_way_on(waiting), 303)


def _admit(waiting: Interaction | None) -> Visitor | AnyResponse:
    back = url_for("levels.ask", interaction=waiting.id if waiting else None)
    return admit(back_to=back, sensitive=True)


def _read_answers(form: Form) -> Answers | None:
    born = form.read("birth_date", lambda text: parse_birth_date(text, today=present().date()))
    code = form.read("fingerprint_code", parse_fingerprint_code)
    return Answers(born, code) if born is not None and code is not None else None


def _show(
    visitor: Visitor, waiting: Interaction | None, form: Form, status: int = 200, *, down: bool = False
) -> AnyResponse:
    return render(
        "idp/levels/check.html",
        status,
        visitor=visitor,
        form=form,
        down=down,
        way_back=_way_on(waiting),
        **interaction_context(waiting),
    )


def _way_on(waiting: Interaction | None) -> str:
    if waiting is not None:
        return url_for("login.step", interaction_id=waiting.id)
    return url_for("levels.page", changed="level" if request.method == "POST" else None)
