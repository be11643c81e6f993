"""A person's own certificates: which there are, and revoking one at once."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as WerkzeugResponse

from ca.locations import PKI_PREFIX
from ca.revocation.own import OwnCertificate, list_own_certificates, revoke_own_certificate
from ca.revocation.reason import RevocationReason
from ca.revocation.revoke import Revocation
from ca.web.services import services
from ca.web.wording import spaced
from kernel.errors import Conflict, NotFound, Rejected
from web.cookies import read_cookie
from web.pages import render
from web.rate_limit import limit

blueprint = Blueprint("own", __name__, template_folder="templates", url_prefix=f"{PKI_PREFIX}/own")
_REASONS = (
    (
        RevocationReason.KEY_COMPROMISE,
        _l("Lo perdí, o alguien más puede usarlo"),
        _l("Su clave no podrá volver a certificarse."),
    ),
    (RevocationReason.SUPERSEDED, _l("Ya tengo otro que lo reemplaza"), ""),
    (RevocationReason.AFFILIATION_CHANGED, _l("Cambiaron mis datos"), _l("Por ejemplo, dejé la institución.")),
    (RevocationReason.CESSATION_OF_OPERATION, _l("Ya no lo necesito"), ""),
)


@blueprint.get("")
@limit("60 per minute")
def show_all() -> Response:
    """The certificates that count now."""
    person_id = _person()
    found = _own(person_id) if person_id else []
    titles = {profile.name: profile.title for profile in services().profiles.list()}
    return _private(
        render(
            "ca/own.html",
            signed_in=person_id is not None,
            certificates=found,
            titles=titles,
            spaced=spaced,
            done=request.args.get("done") == "1",
        )
    )


@blueprint.get("/<serial>/revoke")
@limit("60 per minute")
def ask(serial: str) -> Response | WerkzeugResponse:
    """What it means, and why."""
    found = _mine(serial)
    return _form(found) if found else redirect(url_for(".show_all"), 303)


@blueprint.post("/<serial>/revoke")
@limit("10 per minute")
def revoke(serial: str) -> Response | WerkzeugResponse:
    """Revoke it."""
    person_id = _person()
    if person_id is None:
        return redirect(url_for(".show_all"), 303)
    reason = request.form.get("reason", "")[:40]
    if not reason:
        found = _mine(serial)
        return _form(found, error=_("Elija un motivo")) if found else redirect(url_for(".show_all"), 303)
    try:
        _revoke(serial, reason, person_id)
    except Conflict:
        pass  # it is revoked already, which is what was wanted
    except Rejected:
        found = _mine(serial)
        return _form(found, error=_("Elija un motivo")) if found else redirect(url_for(".show_all"), 303)
    return redirect(url_for(".show_all", done="1"), 303)


def _revoke(serial: str, reason: str, person_id: str) -> Revocation:
    given = services()
    with given.database.transaction() as session:
        return revoke_own_certificate(
            session, services=given, serial=serial, reason=reason, person_id=person_id, now=given.clock.now()
        )


def _form(found: OwnCertificate, *, error: str = "") -> Response:
    page = render(
        "ca/own_revoke.html",
        status=422 if error else 200,
        certificate=found,
        title=_title(found),
        serial=spaced(found.serial),
        reasons=_REASONS,
        error=error,
    )
    return _private(page)


def _title(found: OwnCertificate) -> str:
    try:
        return services().profiles.get(found.profile).title
    except NotFound:
        return found.profile


def _mine(serial: str) -> OwnCertificate | None:
    person_id = _person()
    return next((item for item in _own(person_id) if item.serial == serial), None) if person_id else None


def _own(person_id: str) -> list[OwnCertificate]:
    given = services()
    with given.database.reading() as session:
        return list_own_certificates(session, person_id=person_id, now=given.clock.now())


def _person() -> str | None:
    given = services()
    with given.database.reading() as session:
        return given.signed_in.person_of(session, secret=read_cookie(given.signed_in.cookie), now=given.clock.now())


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
