"""All applications that an operator reaches."""

from __future__ import annotations

from collections.abc import Container

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin.applications.changing import waiting_changes
from admin.applications.go_live import waiting_requests
from admin.applications.reach import applications_reached
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.applications.place import blueprint
from admin.web.applications.words import ENVIRONMENTS, METHODS
from admin.web.gate import operator, requires
from admin.web.listing import Filter, Head, asked_listing, contains
from idp.clients.client import Client
from idp.directory.institutions import list_institutions
from web.pages import render

_HEADS = (
    Head("name", _l("Nombre"), "up"),
    Head("institution", _l("Institución"), "up"),
    Head("method", _l("Se identifica con"), "up"),
    Head("state", _l("Estado"), "up"),
)
_STATES = (
    ("", _l("Cualquiera")),
    *((name, text) for name, (_kind, _shape, text) in ENVIRONMENTS.items()),
    ("waiting", _l("Espera aprobación")),
    ("inactive", _l("Desactivada")),
)


@blueprint.get("")
@requires(Permission.CLIENTS_READ)
def show_all() -> Response:
    """The applications by name."""
    with services().database.reading() as session:
        clients = applications_reached(session, operator().powers, Permission.CLIENTS_READ)
        waiting, changes = waiting_requests(session), waiting_changes(session)
        institutions = {item.id: item.name for item in list_institutions(session)}
    known = {each.institution_id for each in clients}
    listing = asked_listing(
        ".show_all",
        heads=_HEADS,
        filters=(
            Filter("q", _l("Nombre o identificador")),
            Filter(
                "institution",
                _l("Institución"),
                [("", _("Todas")), *((key, name) for key, name in institutions.items() if key in known)],
            ),
            Filter("state", _l("Estado"), _STATES),
        ),
        order="name",
    )
    typed = listing.typed
    fitting = [
        each
        for each in clients
        if contains(typed["q"], each.name, each.client_id)
        and typed["institution"] in ("", each.institution_id)
        and _is(each, typed["state"], {*waiting, *changes})
    ]
    return render(
        "admin/applications/all.html",
        listing=listing.arranged(
            fitting,
            {
                "name": lambda each: each.name,
                "institution": lambda each: institutions.get(each.institution_id),
                "method": lambda each: str(METHODS[each.auth_method]),
                "state": lambda each: str(ENVIRONMENTS[each.environment][2]),
            },
        ),
        institutions=institutions,
        methods=METHODS,
        environments=ENVIRONMENTS,
        waiting=waiting,
        changes=changes,
        may_register=operator().powers.allow(Permission.APPLICATIONS_WRITE),
    )


def _is(client: Client, state: str, waiting: Container[str]) -> bool:
    """Whether an application is as the filter says."""
    if state == "waiting":
        return client.client_id in waiting
    return not client.active if state == "inactive" else state in ("", client.environment)
