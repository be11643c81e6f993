"""A change of an application in production: what it is, field by field, and the decision of somebody else."""

from __future__ import annotations

from flask import redirect, url_for
from werkzeug.wrappers import Response

from admin.applications.changing import (
    change_digest,
    decide_change,
    is_stale,
    last_refused_change,
    open_change,
    propose_change_anew,
    withdraw_change,
)
from admin.applications.reach import application_reached
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.applications.differences import shown
from admin.web.applications.place import blueprint
from admin.web.forms import typed_form
from admin.web.gate import operator, requires
from admin.web.people_names import PeopleNames
from admin.web.problems import problem
from idp.clients.registration.document import registration_document
from kernel.errors import Conflict, Denied, NotFound, Rejected
from web.pages import render


@blueprint.get("/<client_id>/proposal")
@requires(Permission.CLIENTS_READ)
def show_change(client_id: str) -> Response:
    """What was proposed, against what is registered."""
    return _page(client_id, errors={})


@blueprint.post("/<client_id>/proposal/decide")
@requires(Permission.APPLICATIONS_APPROVE, fresh=True)
def decide_on_change(client_id: str) -> Response:
    """Apply it, or refuse with a reason."""
    service, typed = services(), typed_form(("decision", "reason", "seen"))
    try:
        with service.database.transaction() as session:
            application_reached(session, operator().powers, Permission.APPLICATIONS_APPROVE, client_id)
            decide_change(
                session,
                services=service.idp,
                client_id=client_id,
                approve=typed["decision"] == "approve",
                reason=typed["reason"],
                seen_sha256=typed["seen"],
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except NotFound as error:
        if error.code != "nothing_waits":
            raise
        return redirect(url_for("admin_applications.show_change", client_id=client_id), 303)
    except (Rejected, Conflict, Denied) as error:
        return _page(client_id, errors={"reason": problem(error)}, status=422)
    return redirect(url_for("admin_applications.show_history", client_id=client_id), 303)


@blueprint.post("/<client_id>/proposal/withdraw")
@requires(Permission.APPLICATIONS_WRITE, fresh=True)
def withdraw_proposal(client_id: str) -> Response:
    """Take it back."""
    service = services()
    with service.database.transaction() as session:
        application_reached(session, operator().powers, Permission.APPLICATIONS_WRITE, client_id)
        if open_change(session, client_id) is not None:
            withdraw_change(
                session,
                journal=service.journal,
                client_id=client_id,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    return redirect(url_for("admin_applications.show", client_id=client_id), 303)


@blueprint.post("/<client_id>/proposal/anew")
@requires(Permission.APPLICATIONS_WRITE, fresh=True)
def propose_anew(client_id: str) -> Response:
    """Propose the same for what is registered now."""
    service = services()
    try:
        with service.database.transaction() as session:
            propose_change_anew(
                session,
                services=service.idp,
                client=application_reached(session, operator().powers, Permission.APPLICATIONS_WRITE, client_id),
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except NotFound as error:
        if error.code != "nothing_waits":
            raise
    except (Rejected, Conflict) as error:
        return _page(client_id, errors={"anew": problem(error)}, status=422)
    return redirect(url_for("admin_applications.show_change", client_id=client_id), 303)


def _page(client_id: str, *, errors: dict[str, str], status: int = 200) -> Response:
    found = operator()
    with services().database.reading() as session:
        client = application_reached(session, found.powers, Permission.CLIENTS_READ, client_id)
        names, waiting = PeopleNames(session), open_change(session, client_id)
        stale = waiting is not None and is_stale(client, waiting)
        # What is stale is shown as it was meant: against what was registered then.
        before = (waiting.before if stale else registration_document(client)) if waiting else {}
        after = {name: value for name, value in waiting.changes.items() if value is not None} if waiting else {}
        return render(
            "admin/applications/proposal.html",
            status,
            client=client,
            waiting=waiting,
            asked_by=names(waiting.asked_by) if waiting else "",
            differences=shown({name: before[name] for name in before if name in waiting.changes}, after)
            if waiting
            else [],
            stale=stale,
            digest=change_digest(waiting) if waiting else "",
            refused=None if waiting else last_refused_change(session, client_id),
            may_write=found.powers.allow(Permission.APPLICATIONS_WRITE),
            may_decide=waiting is not None
            and found.powers.allow(Permission.APPLICATIONS_APPROVE)
            and waiting.asked_by != found.person_id,
            own=waiting is not None and waiting.asked_by == found.person_id,
            errors=errors,
        )
