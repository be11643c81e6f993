"""Rights at the console: the one blueprint, and the one place where an operator's institution is asked."""

from __future__ import annotations

from flask import Blueprint, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from admin.permissions import Permission
from admin.web.gate import operator
from idp.directory.institutions import Institution, find_institution_by_ruc
from kernel.errors import Conflict, Denied, Rejected

blueprint = Blueprint("admin_rights", __name__, url_prefix="/admin/rights", template_folder="../../templates")
REFUSALS = (Rejected, Conflict, Denied)


def sections() -> list[tuple[str, str, str]]:
    """Return key, text and address of the parts of rights that the operator's roles open."""
    every = [
        ("holders", _("Quién tiene qué"), "admin_rights.show_all", Permission.RIGHTS_READ),
        (
            "declarations",
            _("Lo que declaran las aplicaciones"),
            "admin_rights.declarations",
            Permission.DECLARATIONS_READ,
        ),
        ("delegations", _("Quién puede darlo"), "admin_rights.delegations", Permission.DELEGATIONS_READ),
    ]
    powers = operator().powers
    return [(key, text, url_for(endpoint)) for key, text, endpoint, needed in every if powers.allow(needed)]


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
