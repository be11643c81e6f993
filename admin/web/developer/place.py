"""Developers' tools: their blueprint, and how an application's page leads to them."""

from __future__ import annotations

from flask import Blueprint
from flask_babel import gettext as _

from admin.applications.reach import application_reached
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.applications.links import PageLink
from admin.web.gate import operator
from idp.clients.client import Client

blueprint = Blueprint("admin_developer", __name__, url_prefix="/admin/developer", template_folder="../../templates")


def reached(client_id: str, permission: Permission = Permission.CLIENTS_READ) -> Client:
    """Return the application, if whoever asks reaches it. :raises NotFound: otherwise."""
    with services().database.reading() as session:
        return application_reached(session, operator().powers, permission, client_id)


def inspector_link() -> PageLink:
    """Return the link to the token inspector."""
    return PageLink(_("Inspector de tokens"), "admin_developer.inspector", Permission.CLIENTS_READ)


def samples_link() -> PageLink:
    """Return the link to the sample code."""
    return PageLink(_("Código de ejemplo"), "admin_developer.samples", Permission.CLIENTS_READ)


def preview_link() -> PageLink:
    """Return the link to the preview of tokens."""
    return PageLink(_("Qué recibiría"), "admin_developer.preview_form", Permission.CLIENTS_READ)


def simulator_link() -> PageLink:
    """Return the link to the simulator of faults."""
    return PageLink(_("Simulador de fallas"), "admin_developer.simulator", Permission.APPLICATIONS_WRITE)


def doctor_link() -> PageLink:
    """Return the link to the look from outside."""
    return PageLink(_("Vista desde fuera"), "admin_developer.doctor", Permission.APPLICATIONS_WRITE)
