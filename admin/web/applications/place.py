"""The blueprint of the pages about applications, and what they share."""

from __future__ import annotations

from flask import Blueprint

from admin.applications.reach import institutions_reached
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.gate import operator

blueprint = Blueprint(
    "admin_applications", __name__, url_prefix="/admin/applications", template_folder="../../templates"
)


def only_institution() -> str:
    """Return the institution for which this operator makes things, where there is no choice; else nothing."""
    with services().database.reading() as session:
        reached = institutions_reached(session, operator().powers, Permission.APPLICATIONS_WRITE)
    found = [each.id for each in reached if each.active]
    return found[0] if len(found) == 1 else ""
