"""Suspending a certificate and taking it up again, after reading what that means."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from admin.certificate_view import colons
from admin.deciding_revocations import release as release_from_hold
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.certificates import display_name, reachable
from admin.web.gate import operator, requires
from admin.web.problems import problem
from ca.revocation.hold import HeldAs, find_hold, hold_certificate
from kernel.errors import Conflict, Denied, Rejected, ServiceError
from web.pages import render

blueprint = Blueprint("admin_holds", __name__, url_prefix="/admin/certificates", template_folder="../templates")


@blueprint.get("/<serial>/hold")
@requires(Permission.CERTIFICATES_HOLD)
def hold_form(serial: str) -> Response:
    """Say what a suspension does."""
    return _form(serial, "admin/certificate_hold.html")


@blueprint.post("/<serial>/hold")
@requires(Permission.CERTIFICATES_HOLD, fresh=True)
def hold(serial: str) -> WerkzeugResponse:
    """Suspend it."""
    service = services()
    try:
        with service.database.transaction() as session:
            certificate = reachable(session, serial, Permission.CERTIFICATES_HOLD)
            hold_certificate(
                session,
                services=service.ca,
                serial=certificate.serial,
                actor=operator().person_id,
                held_as=HeldAs.AUTHORITY,
                now=service.clock.now(),
            )
    except (Rejected, Conflict, Denied) as error:
        return _form(serial, "admin/certificate_hold.html", error)
    return redirect(url_for("admin_certificates.show", serial=serial), 303)


@blueprint.get("/<serial>/release")
@requires(Permission.CERTIFICATES_HOLD)
def release_form(serial: str) -> Response:
    """Say what a release does, and whose word it takes."""
    return _form(serial, "admin/certificate_release.html")


@blueprint.post("/<serial>/release")
@requires(Permission.CERTIFICATES_HOLD, fresh=True)
def release(serial: str) -> WerkzeugResponse:
    """Take it up again, or ask for that where two people must agree."""
    service = services()
    try:
        with service.database.transaction() as session:
            certificate = reachable(session, serial, Permission.CERTIFICATES_HOLD)
            release_from_hold(
                session,
                services=service.ca,
                certificate=certificate,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except (Rejected, Conflict, Denied) as error:
        return _form(serial, "admin/certificate_release.html", error)
    return redirect(url_for("admin_certificates.show", serial=serial), 303)


def _form(serial: str, template: str, error: ServiceError | None = None) -> Response:
    service = services()
    with service.database.reading() as session:
        certificate = reachable(session, serial, Permission.CERTIFICATES_HOLD)
        found = find_hold(session, certificate.serial)
    return render(
        template,
        200 if error is None else 422,
        certificate=certificate,
        hold=found,
        error=problem(error) if error else "",
        two_people=service.settings.hold_release_people == 2,
        title=display_name(certificate),
        serial_text=colons(certificate.serial),
    )
