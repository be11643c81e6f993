"""The review of one request: what stands on the page, from what the authority says of it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from admin.certificate_view import colons
from admin.permissions import Permission
from admin.web import words
from admin.web.accessor import services
from admin.web.forms import Typed
from admin.web.gate import operator
from admin.web.people_names import PeopleNames
from admin.web.problems import refusal_words
from ca.issuance.model import Certificate
from ca.lints.finding import Severity
from ca.requests.difference import Change
from ca.requests.view import RequestView, Status
from web.moments import moment_text
from web.pages import render

_SHAPES = {
    Change.SAME: "same",
    Change.REMOVED: "less",
    Change.REDUCED: "less",
    Change.ADDED: "more",
    Change.REPLACED: "edit",
}
_SEVERITIES = {Severity.ERROR: "bad", Severity.WARNING: "bad", Severity.NOTICE: "info"}


@dataclass(frozen=True)
class Step:
    """One station on the request's way; ``state`` is empty for what is still to come."""

    title: str
    detail: str = ""
    state: str = ""
    note: str = ""


def review_page(
    session: Session,
    item: RequestView,
    *,
    title: str,
    institution: str,
    typed: Typed,
    errors: dict[str, str],
    status: int,
) -> Response:
    """Render the review of ``item``."""
    names, person, powers = PeopleNames(session), operator().person_id, operator().powers
    certificate = session.get(Certificate, item.serial)
    open_now = item.status is Status.SUBMITTED and item.expires_at > services().clock.now()
    approver = powers.allow(Permission.CERTIFICATES_APPROVE)
    return render(
        "admin/request.html",
        status,
        item=item,
        title=title,
        state=words.REQUEST_STATUSES[item.status.value],
        institution=institution,
        changed=sum(row.change is not Change.SAME for row in item.differences),
        rows=[
            (row, _SHAPES[row.change], words.CHANGES.get(row.change.value, row.change.value))
            for row in item.differences
        ],
        findings=[(finding, _SEVERITIES[finding.severity]) for finding in item.findings],
        requester=names(item.requested_by),
        decider=names(item.decided_by),
        refusal=refusal_words(item.refusal_reason),
        tbs_sha256=colons(item.tbs_sha256),
        key_sha256=colons(item.spki_sha256),
        steps=_steps(item, names, signed=certificate is not None and certificate.certificate_der is not None),
        certificate=certificate,
        may_decide=approver and open_now,
        may_approve=approver and open_now and item.may_be_approved_by(person),
        why_not=_why_not(item, person),
        is_own=item.requested_by == person,
        may_withdraw=item.requested_by == person
        and powers.allow(Permission.CERTIFICATES_REQUEST)
        and item.status in (Status.SUBMITTED, Status.EXPIRED),
        may_rebuild=item.status is Status.EXPIRED and powers.allow(Permission.CERTIFICATES_REQUEST),
        may_search=powers.allow(Permission.AUDIT_SEARCH),
        typed=typed,
        errors=errors,
        finding_words=words.finding_words,
    )


def _why_not(item: RequestView, person: str) -> str:
    """Return in words why ``person`` may not approve; empty if nothing but a role stands against it."""
    if item.is_blocked:
        return str(_("La revisión automática encontró algo que impide emitir. Solo se puede negar."))
    if item.people > 1 and person in (item.requested_by, item.prepared_by):
        return str(_("Usted hizo esta solicitud: tiene que aprobarla otra persona."))
    if person in {approval.approver for approval in item.approvals}:
        return str(_("Usted ya la aprobó: falta la aprobación de otra persona."))
    return ""


def _steps(item: RequestView, names: PeopleNames, *, signed: bool) -> list[Step]:
    steps = [Step(str(_("Recibida")), f"{moment_text(item.created_at, 'short')} · {names(item.requested_by)}", "ok")]
    steps += [
        Step(str(_("Aprobada")), f"{moment_text(approval.approved_at, 'short')} · {names(approval.approver)}", "ok")
        for approval in item.approvals
    ]
    until = moment_text(item.expires_at, "short")
    if item.status is Status.SUBMITTED:
        steps.append(Step(str(_("Espera aprobación")), str(_("Plazo: %(until)s", until=until)), "warn"))
    if item.status is Status.EXPIRED:
        steps.append(Step(str(_("Venció el plazo")), until, "bad"))
    if item.status is Status.REFUSED and item.decided_at:
        by = f" · {names(item.decided_by)}" if item.decided_by else ""
        steps.append(Step(str(_("Negada")), moment_text(item.decided_at, "short") + by, "bad"))
        return steps
    steps.append(Step(str(_("Emisión")), "", "ok" if signed else ""))
    return steps
