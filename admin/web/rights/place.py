"""Rights at the console: the one blueprint, and the one place where an operator's institution is asked."""

from __future__ import annotations

from flask import Blueprint
from sqlalchemy.orm import Session

from admin.permissions import Permission
from admin.web.gate import operator
from idp.directory.institutions import Institution, find_institution_by_ruc
from kernel.errors import Conflict, Denied, Rejected

blueprint = Blueprint("admin_rights", __name__, url_prefix="/admin/rights", template_folder="../../templates")
REFUSALS = (Rejected, Conflict, Denied)


def institution_reached(session: Session, ruc: str) -> Institution:
    """Return the institution if the operator administers it: the one place where that is asked.

    :raises NotFound: (``not_found``) for every other one, known or not.
    """
    operator().powers.require_institution(Permission.RIGHTS_ASSIGN, ruc)
    return find_institution_by_ruc(session, ruc)


def reaches(institution: Institution) -> bool:
    """Tell whether the operator may read the rights of this institution's people."""
    reach = operator().powers.institutions(Permission.RIGHTS_READ)
    return reach is None or institution.ruc in reach
