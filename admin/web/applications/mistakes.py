"""What was typed wrong about an application, said beside its field."""

from __future__ import annotations

from flask_babel import gettext as _

from admin.applications.kinds import address_problems
from admin.web.applications.words import ADDRESS_PROBLEMS, METADATA_PROBLEMS
from admin.web.forms import Typed
from admin.web.problems import problem
from kernel.errors import NotFound, ServiceError


def address_errors(typed: Typed, *, native: bool) -> dict[str, str]:
    """Return by field what is wrong with the addresses as they were typed, each with its reason."""
    errors = {}
    for field in ("redirect_uris", "post_logout_redirect_uris"):
        wrong = address_problems(typed[field].split(), native=native)
        if wrong:
            errors[field] = " ".join(f"{uri[:80]}: {_why(detail)}." for uri, detail in wrong)
    return errors


def _why(detail: str) -> str:
    return next((str(words) for ending, words in ADDRESS_PROBLEMS.items() if detail.endswith(f"{ending}.")), detail)


def errors_of(error: ServiceError) -> dict[str, str]:
    """Return what a use case refused, beside the field that it is about."""
    if isinstance(error, NotFound):
        return {"institution": _("Elija la institución")}
    if error.code == "unknown_kind":
        return {"kind": _("Elija qué es")}
    if error.code == "api_outside":
        return {"resources": problem(error)}
    if error.code in ("why_missing", "why_long"):
        return {"why": problem(error)}
    if error.code == "bad_client_metadata" and (error.public_detail or "").startswith("No API "):
        return {"api_scopes": _("Ninguna API a la que llama tiene ese permiso")}
    member = (error.public_detail or "").partition(":")[0].split(" ")[0]
    if member in METADATA_PROBLEMS:
        field, words = METADATA_PROBLEMS[member]
        return {field: str(words)}
    return {"name": problem(error)}
