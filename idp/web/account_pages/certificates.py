"""The person's own certificates: seen, asked for, suspended, revoked. Changes ask for a recent login."""

from __future__ import annotations

from flask import request, url_for
from flask_babel import gettext as _
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as AnyResponse

from idp.accounts.person import VERIFIED_LEVEL
from idp.authentication.certificate_suspension import list_suspended, release_certificate, suspend_certificate
from idp.ports import PersonalCertificate
from idp.web.access import present, services
from idp.web.account_pages.blueprint import blueprint
from idp.web.forms import Form
from idp.web.guard import Visitor, admit
from kernel.errors import Conflict, Denied, NotFound, Rejected
from web.pages import render
from web.rate_limit import limit

_MOST_CSR = 64 * 1024


@blueprint.get("/certificates")
def certificates() -> AnyResponse:
    """Show the person's certificates and what is asked for."""
    visitor = admit(back_to=url_for("account.certificates"))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        held = services().personal_certificates.list_of(session, visitor.person.id, now=present())
        asked = services().personal_certificates.requests_of(session, visitor.person.id)
        suspended = list_suspended(session, visitor.person.id)
    return render(
        "idp/account/certificates.html",
        visitor=visitor,
        held=held,
        waiting=[item for item in asked if item.state != "issued" or item.key_state in ("prepared", "offered")],
        suspended=suspended,
        may_ask=_may_ask(visitor),
    )


@blueprint.get("/certificates/request")
def ask_certificate() -> AnyResponse:
    """Show what can be asked for, and how."""
    visitor = admit(back_to=url_for("account.ask_certificate"), sensitive=True)
    return visitor if isinstance(visitor, AnyResponse) else _show_request(visitor, Form())


@blueprint.post("/certificates/request")
@limit("20 per hour")
def request_certificate() -> AnyResponse:
    """Ask for a certificate: officers decide."""
    visitor = admit(back_to=url_for("account.ask_certificate"), sensitive=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    form, csr = Form(), None
    if form.text("key") == "own":
        csr = _csr()
    try:
        services().personal_certificates.request(
            cedula=visitor.person.cedula, profile=form.text("profile"), csr=csr, now=present()
        )
    except (Rejected, Conflict, NotFound) as error:
        form.refuse("csr" if csr is not None else "profile", error)
        return _show_request(visitor, form, 422)
    return redirect(url_for("account.certificates", asked="1"), 303)


@blueprint.get("/certificates/<serial>/revoke")
def ask_revocation(serial: str) -> AnyResponse:
    """Say what will stop working."""
    visitor = admit(back_to=url_for("account.ask_revocation", serial=serial), sensitive=True)
    return visitor if isinstance(visitor, AnyResponse) else _show_revocation(visitor, serial, Form())


@blueprint.post("/certificates/<serial>/revoke")
@limit("20 per hour")
def revoke_certificate(serial: str) -> AnyResponse:
    """Revoke for good."""
    visitor = admit(back_to=url_for("account.ask_revocation", serial=serial), sensitive=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    form = Form()
    try:
        with services().database.transaction() as session:
            services().personal_certificates.revoke(
                session, visitor.person.id, serial=serial, reason=form.text("reason"), now=present()
            )
    except Rejected as error:
        form.refuse("reason", error)
        return _show_revocation(visitor, serial, form, 422)
    except Conflict as error:
        if error.code != "already_revoked":
            raise
    return redirect(url_for("account.certificates", revoked="1"), 303)


@blueprint.get("/certificates/<serial>/suspend")
def ask_suspension(serial: str) -> AnyResponse:
    """Say what putting a certificate aside does, and what it does not."""
    visitor = admit(back_to=url_for("account.ask_suspension", serial=serial), sensitive=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    return render("idp/account/certificate_suspend.html", visitor=visitor, certificate=_own(visitor, serial))


@blueprint.post("/certificates/<serial>/suspend")
@limit("20 per hour")
def suspend(serial: str) -> AnyResponse:
    """Suspend the certificate."""
    visitor = admit(back_to=url_for("account.ask_suspension", serial=serial), sensitive=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    try:
        with services().database.transaction() as session:
            suspend_certificate(session, services=services(), person=visitor.person, serial=serial, now=present())
    except (Rejected, Conflict, Denied):
        return redirect(url_for("account.certificates", changed="no"), 303)
    return redirect(url_for("account.certificates", changed="suspended"), 303)


@blueprint.post("/certificates/<serial>/release")
@limit("20 per hour")
def release(serial: str) -> AnyResponse:
    """Take the certificate up again."""
    visitor = admit(back_to=url_for("account.certificates"), sensitive=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    try:
        with services().database.transaction() as session:
            release_certificate(
                session,
                services=services(),
                person=visitor.person,
                login=visitor.session,
                serial=serial,
                now=present(),
            )
    except Denied as error:
        why = "factor" if error.code == "release_needs_other_factor" else "officer"
        return redirect(url_for("account.certificates", refused=why), 303)
    except (Rejected, Conflict):
        return redirect(url_for("account.certificates", changed="no"), 303)
    return redirect(url_for("account.certificates", changed="released"), 303)


def _show_request(visitor: Visitor, form: Form, status: int = 200) -> AnyResponse:
    return render(
        "idp/account/certificate_request.html",
        status,
        visitor=visitor,
        form=form,
        kinds=services().personal_certificates.kinds(),
        may_ask=_may_ask(visitor),
    )


def _show_revocation(visitor: Visitor, serial: str, form: Form, status: int = 200) -> AnyResponse:
    with services().database.reading() as session:
        consequences = services().personal_certificates.preview(
            session, visitor.person.id, serial=serial, now=present()
        )
    reasons = [
        ("keyCompromise", _("Lo perdí, me lo robaron o alguien más puede usarlo")),
        ("cessationOfOperation", _("Ya no lo uso")),
        ("superseded", _("Tengo otro en su lugar")),
    ]
    return render(
        "idp/account/certificate_revoke.html",
        status,
        visitor=visitor,
        certificate=_own(visitor, serial),
        consequences=consequences,
        reasons=reasons,
        form=form,
    )


def _own(visitor: Visitor, serial: str) -> PersonalCertificate:
    with services().database.reading() as session:
        for found in services().personal_certificates.list_of(session, visitor.person.id, now=present()):
            if found.serial == serial:
                return found
    raise NotFound("There is no certificate with this serial number.", code="unknown_certificate")


def _may_ask(visitor: Visitor) -> bool:
    return bool(visitor.person.cedula) and visitor.person.level >= VERIFIED_LEVEL


def _csr() -> str:
    file = request.files.get("file")
    if file is not None and file.filename:
        return file.stream.read(_MOST_CSR + 1).decode("ascii", "replace")
    return request.form.get("csr", "")[: _MOST_CSR + 1]
