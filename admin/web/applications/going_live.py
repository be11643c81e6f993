"""Going to production: the checklist, asking, and the decision of somebody else."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from admin.applications.contacts import confirm_contact, confirmed_contacts, send_contact_code
from admin.applications.go_live import (
    AFFIRMED,
    ask_go_live,
    ask_go_live_anew,
    checklist,
    decide_go_live,
    last_refusal,
    open_request,
    withdraw_go_live,
)
from admin.applications.reach import application_reached, owner_of
from admin.applications.registered import document_digest
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.applications.place import blueprint
from admin.web.applications.words import AFFIRMATIONS, CHECKS, ENVIRONMENTS, METHODS, POLICIES, SCOPES
from admin.web.forms import typed_form
from admin.web.gate import operator, requires
from admin.web.people_names import PeopleNames
from admin.web.problems import problem
from kernel.errors import Conflict, Denied, Rejected, Throttled
from web.pages import render


@blueprint.get("/<client_id>/go-live")
@requires(Permission.CLIENTS_READ)
def show_go_live(client_id: str) -> Response:
    """What is done and what is not; who asked; what an approver decides on."""
    return _page(client_id, errors={})


@blueprint.post("/<client_id>/go-live")
@requires(Permission.APPLICATIONS_WRITE, fresh=True)
def ask_for_go_live(client_id: str) -> Response:
    """Ask for it."""
    service = services()
    try:
        with service.database.transaction() as session:
            client = application_reached(session, operator().powers, Permission.APPLICATIONS_WRITE, client_id)
            ask_go_live(
                session,
                journal=service.journal,
                client=client,
                affirmed=request.form.getlist("affirmed"),
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except (Rejected, Conflict) as error:
        return _page(client_id, errors={f"affirmed-{AFFIRMED[0]}": problem(error)}, status=422)
    return redirect(url_for("admin_applications.show_go_live", client_id=client_id), 303)


@blueprint.post("/<client_id>/go-live/decide")
@requires(Permission.APPLICATIONS_APPROVE, fresh=True)
def decide(client_id: str) -> Response:
    """Let it into production, or refuse with a reason."""
    service, typed = services(), typed_form(("decision", "reason", "seen"))
    try:
        with service.database.transaction() as session:
            application_reached(session, operator().powers, Permission.APPLICATIONS_APPROVE, client_id)
            decide_go_live(
                session,
                journal=service.journal,
                client_id=client_id,
                approve=typed["decision"] == "approve",
                reason=typed["reason"],
                seen_sha256=typed["seen"],
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except (Rejected, Conflict, Denied) as error:
        return _page(client_id, errors={"reason": problem(error)}, status=422)
    return redirect(url_for("admin_applications.show", client_id=client_id), 303)


@blueprint.post("/<client_id>/go-live/contact")
@requires(Permission.APPLICATIONS_WRITE)
def check_contact(client_id: str) -> Response:
    """Send a code to a contact, or take the one that came."""
    service, typed = services(), typed_form(("act", "address", "code"))
    asked: dict[str, Any] = {"address": typed["address"], "actor": operator().person_id, "now": service.clock.now()}
    try:
        with service.database.transaction() as session:
            client = application_reached(session, operator().powers, Permission.APPLICATIONS_WRITE, client_id)
            if typed["act"] == "confirm":
                confirm_contact(session, services=service.idp, client=client, code=typed["code"], **asked)
            else:
                send_contact_code(session, services=service.idp, client=client, **asked)
    except (Rejected, Conflict, Throttled) as error:
        return _page(client_id, errors={}, contact_error=problem(error), status=422)
    return redirect(url_for("admin_applications.show_go_live", client_id=client_id, _anchor="contacts"), 303)


@blueprint.post("/<client_id>/go-live/anew")
@requires(Permission.APPLICATIONS_WRITE, fresh=True)
def ask_for_go_live_anew(client_id: str) -> Response:
    """Ask again, with what is registered now."""
    service = services()
    try:
        with service.database.transaction() as session:
            ask_go_live_anew(
                session,
                journal=service.journal,
                client=application_reached(session, operator().powers, Permission.APPLICATIONS_WRITE, client_id),
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except (Rejected, Conflict) as error:
        return _page(client_id, errors={f"affirmed-{AFFIRMED[0]}": problem(error)}, status=422)
    return redirect(url_for("admin_applications.show_go_live", client_id=client_id), 303)


@blueprint.post("/<client_id>/go-live/withdraw")
@requires(Permission.APPLICATIONS_WRITE, fresh=True)
def withdraw_from_go_live(client_id: str) -> Response:
    """Take the request back."""
    service = services()
    with service.database.transaction() as session:
        application_reached(session, operator().powers, Permission.APPLICATIONS_WRITE, client_id)
        if open_request(session, client_id) is not None:
            withdraw_go_live(
                session,
                journal=service.journal,
                client_id=client_id,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    return redirect(url_for("admin_applications.show_go_live", client_id=client_id), 303)


def _page(client_id: str, *, errors: dict[str, str], contact_error: str = "", status: int = 200) -> Response:
    found = operator()
    with services().database.reading() as session:
        client = application_reached(session, found.powers, Permission.CLIENTS_READ, client_id)
        names, waiting = PeopleNames(session), open_request(session, client_id)
        refused = None if waiting else last_refusal(session, client_id)
        checks = checklist(session, client, now=services().clock.now())
        return render(
            "admin/applications/go_live.html",
            status,
            client=client,
            institution=owner_of(session, client),
            environment=ENVIRONMENTS[client.environment],
            live=client.environment.value == "production",
            checks=checks,
            ready=all(each.passed for each in checks),
            check_words=CHECKS,
            affirmations=AFFIRMATIONS,
            methods=METHODS,
            scopes=SCOPES,
            policy=POLICIES.get(client.policy.name, client.policy.name),
            waiting=waiting,
            contact_error=contact_error,
            confirmed=confirmed_contacts(session, client),
            asked_by=names(waiting.asked_by) if waiting else "",
            refused=refused,
            digest=document_digest(client),
            changed=waiting is not None and waiting.document_sha256 != document_digest(client),
            may_ask=found.powers.allow(Permission.APPLICATIONS_WRITE),
            may_decide=waiting is not None
            and found.powers.allow(Permission.APPLICATIONS_APPROVE)
            and waiting.asked_by != found.person_id,
            errors=errors,
        )
