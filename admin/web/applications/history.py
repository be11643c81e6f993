"""The history of an application: each change before and after, who and when; and the way back from the last one."""

from __future__ import annotations

from collections.abc import Mapping

from flask import redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin.applications.changing import undo_change, undoable_change
from admin.applications.reach import application_reached
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.applications.differences import Shown, shown
from admin.web.applications.links import PAGES, PageLink
from admin.web.applications.place import blueprint
from admin.web.forms import typed_form
from admin.web.gate import operator, requires
from admin.web.people_names import PeopleNames
from admin.web.problems import problem
from admin.web.words import Text
from idp.clients.environment import Environment
from idp.clients.history import CHANGED, DELETED, DISABLED, ENABLED, PLACED, REGISTERED, Change, list_changes
from kernel.errors import Conflict, Rejected
from web.pages import render

KINDS: Mapping[str, Text] = {
    REGISTERED: _l("Se registró"),
    CHANGED: _l("Cambió"),
    PLACED: _l("Cambió de lugar"),
    DISABLED: _l("Se desactivó"),
    ENABLED: _l("Se reabrió"),
    DELETED: _l("Se quitó"),
}
_MOST = 50


@blueprint.get("/<client_id>/history")
@requires(Permission.CLIENTS_READ)
def show_history(client_id: str) -> Response:
    """All changes, the newest first."""
    return _page(client_id, errors={})


@blueprint.post("/<client_id>/history")
@requires(Permission.APPLICATIONS_WRITE, fresh=True)
def undo(client_id: str) -> Response:
    """Take the last change back, or propose to."""
    service, typed = services(), typed_form(("version", "why"))
    try:
        with service.database.transaction() as session:
            proposed = undo_change(
                session,
                services=service.idp,
                client=application_reached(session, operator().powers, Permission.APPLICATIONS_WRITE, client_id),
                version=int(typed["version"]) if typed["version"].isdecimal() else 0,
                why=typed["why"],
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except (Rejected, Conflict) as error:
        return _page(client_id, errors={"why": problem(error)}, why=typed["why"], status=422)
    if proposed is not None:
        return redirect(url_for("admin_applications.show_change", client_id=client_id), 303)
    return redirect(url_for("admin_applications.show_history", client_id=client_id), 303)


def history_link() -> PageLink:
    """The page of changes, as an application's page leads to it."""
    return PageLink(_l("Historia de cambios"), "admin_applications.show_history", Permission.CLIENTS_READ)


def _page(client_id: str, *, errors: dict[str, str], why: str = "", status: int = 200) -> Response:
    powers = operator().powers
    with services().database.reading() as session:
        client = application_reached(session, powers, Permission.CLIENTS_READ, client_id)
        names = PeopleNames(session)

        def who(identifier: str | None) -> str:
            if identifier is None:
                return str(_("Una orden en el servidor"))
            return str(_("La propia aplicación")) if identifier == client_id else names(identifier)

        changes = list_changes(session, client_id, limit=_MOST)
        undoable = undoable_change(session, client) if powers.allow(Permission.APPLICATIONS_WRITE) else None
        return render(
            "admin/applications/history.html",
            status,
            client=client,
            live=client.environment is Environment.PRODUCTION,
            changes=[
                (
                    each,
                    KINDS[each.kind],
                    who(each.changed_by),
                    who(each.approved_by) if each.approved_by else "",
                    _differences(each),
                )
                for each in changes
            ],
            undoable=undoable,
            way_back=shown(undoable.after, undoable.before) if undoable else [],
            why=why,
            errors=errors,
        )


def _differences(change: Change) -> list[Shown]:
    return [] if change.kind == REGISTERED else shown(change.before, change.after)


PAGES.append(history_link)
