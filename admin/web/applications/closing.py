"""Disabling an application, opening it again, removing it from its sandbox: asked first, with what stops."""

from __future__ import annotations

from flask import redirect, url_for
from werkzeug.wrappers import Response

from admin.applications.life import DAYS, MOST, consequences, disable, enable, may_enable, remove_from_sandbox
from admin.applications.reach import application_reached
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.applications.place import blueprint
from admin.web.applications.words import ENVIRONMENTS
from admin.web.forms import typed_form
from admin.web.gate import operator, requires
from admin.web.problems import problem
from idp.clients.environment import Environment
from kernel.errors import Conflict, Denied, Rejected
from web.pages import render


@blueprint.get("/<client_id>/close")
@requires(Permission.APPLICATIONS_WRITE)
def close_form(client_id: str) -> Response:
    """What stops, before it does."""
    return _page(client_id, error="")


@blueprint.post("/<client_id>/close")
@requires(Permission.APPLICATIONS_WRITE, fresh=True)
def close(client_id: str) -> Response:
    """Disable it, open it again, or remove it."""
    service, act = services(), typed_form(("act",))["act"]
    now, actor, powers = service.clock.now(), operator().person_id, operator().powers
    try:
        with service.database.transaction() as session:
            client = application_reached(session, powers, Permission.APPLICATIONS_WRITE, client_id)
            if act == "enable":
                enable(session, services=service.idp, client=client, powers=powers, actor=actor, now=now)
            elif act == "remove":
                remove_from_sandbox(session, services=service.idp, client=client, actor=actor, now=now)
            else:
                disable(session, services=service.idp, client=client, actor=actor, now=now)
    except (Rejected, Conflict, Denied) as error:
        return _page(client_id, error=problem(error), status=422)
    return redirect(url_for("admin_applications.show", client_id=client_id), 303)


def _page(client_id: str, *, error: str, status: int = 200) -> Response:
    found, now = operator(), services().clock.now()
    with services().database.reading() as session:
        client = application_reached(session, found.powers, Permission.APPLICATIONS_WRITE, client_id)
        return render(
            "admin/applications/close.html",
            status,
            client=client,
            live=client.environment is Environment.PRODUCTION,
            environment=ENVIRONMENTS[client.environment],
            stops=consequences(session, client_id, now=now),
            most=MOST,
            days=DAYS,
            may_enable=not client.active and may_enable(session, client, powers=found.powers, actor=found.person_id),
            error=error,
        )
