"""What waits for this operator: decisions that are his, and what he asked for that waits for others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from admin.applications.changing import waiting_changes
from admin.applications.go_live import waiting_requests
from admin.model import ApplicationChange, GoLiveRequest
from admin.permissions import Permission
from admin.request_list import RequestQuery, count_waiting
from admin.web.accessor import services
from admin.web.authorities import time_left
from admin.web.deliveries import delivery_kinds
from admin.web.gate import operator
from ca.bulk.view import list_batches
from ca.revocation.mass.decide import MassState, list_mass_revocations
from idp.accounts.rectification import count_open_rectifications
from idp.deliveries.queue import count_given_up
from idp.desk.identity import list_waiting_checks
from idp.desk.recovery_record import list_recoveries
from idp.desk.report import count_new_reports
from idp.rights.reports import report_holders

_MOST = 100


@dataclass(frozen=True)
class Task:
    """Something that waits for people."""

    count: int
    title: str
    detail: str
    href: str
    state: str
    note: str


def tasks_waiting(session: Session, *, now: datetime) -> list[Task]:
    """Return what waits for a decision of this operator, and what he asked for that waits for others."""
    found = operator()
    powers = found.powers
    tasks = []
    if powers.allow(Permission.CERTIFICATES_APPROVE):
        query = RequestQuery(not_by=found.person_id, institutions=powers.institutions(Permission.CERTIFICATES_APPROVE))
        waiting = count_waiting(session, query, now=now)
        if waiting.count and waiting.oldest:
            age = time_left(now, now=waiting.oldest)
            tasks.append(
                Task(
                    count=waiting.count,
                    title=_("Solicitudes de certificado"),
                    detail=_("La más antigua: %(age)s. Plazo: 24 h.", age=age),
                    href=url_for("admin_requests.show_all", status="submitted"),
                    state="warn",
                    note=_("Espera su decisión"),
                )
            )
    if powers.allow(Permission.CERTIFICATES_REQUEST):
        waiting = count_waiting(session, RequestQuery(requested_by=found.person_id), now=now)
        if waiting.count:
            tasks.append(
                Task(
                    count=waiting.count,
                    title=_("Solicitudes suyas"),
                    detail=_("Esperan la aprobación de otra persona."),
                    href=url_for("admin_requests.show_all", status="submitted", mine="1"),
                    state="info",
                    note=_("En espera"),
                )
            )
    if powers.allow(Permission.REPORTS_READ):
        new = count_new_reports(session)
        if new:
            tasks.append(
                Task(
                    count=new,
                    title=_("Reportes de «No fui yo»"),
                    detail=_("Nadie los ha mirado todavía."),
                    href=url_for("admin_reports.show_all"),
                    state="bad",
                    note=_("Espera su decisión"),
                )
            )
    return tasks + _certificate_tasks(session) + _own_applications(session) + _people_tasks(session, now=now)


def _own_applications(session: Session) -> list[Task]:
    """What one asked for applications, and another decides."""
    found = operator()
    asked = [*waiting_requests(session).values(), *waiting_changes(session).values()]
    own = asked.count(found.person_id)
    if not own or not found.powers.allow(Permission.APPLICATIONS_WRITE):
        return []
    return [
        Task(
            count=own,
            title=_("Pedidos suyos de aplicaciones"),
            detail=_("Esperan la aprobación de otra persona."),
            href=url_for("admin_applications.show_all", state="waiting"),
            state="info",
            note=_("En espera"),
        )
    ]


def _certificate_tasks(session: Session) -> list[Task]:
    """Batches and mass revocations that somebody else proposed."""
    found, tasks = operator(), []
    if found.powers.allow(Permission.CERTIFICATES_APPROVE):
        reach = found.powers.institutions(Permission.CERTIFICATES_APPROVE)
        batches = list_batches(
            session, services=services().ca, institutions=None if reach is None else tuple(sorted(reach))
        )
        count = sum(each.status.value == "proposed" and each.requested_by != found.person_id for each in batches)
        if count:
            tasks.append(_decision(count, _("Lotes de certificados"), url_for("admin_batches.show_all")))
    if (
        found.powers.allow(Permission.CERTIFICATES_REVOKE)
        and found.powers.institutions(Permission.CERTIFICATES_REVOKE) is None
    ):
        proposed = [each for each in list_mass_revocations(session) if each.state is MassState.WAITING]
        count = sum(each.proposed_by != found.person_id for each in proposed)
        if count:
            tasks.append(
                _decision(count, _("Revocaciones masivas"), url_for("admin_mass_revocations.show_all"), state="bad")
            )
    return tasks


def _people_tasks(session: Session, *, now: datetime) -> list[Task]:
    """Identities, recoveries and rights that a second person decides; deliveries that were given up."""
    found, tasks = operator(), []
    powers = found.powers
    if powers.allow(Permission.IDENTITIES_VERIFY):
        reach = powers.institutions(Permission.IDENTITIES_VERIFY)
        checks = list_waiting_checks(session, institutions=reach, now=now)
        count = sum(found.person_id not in (each.officer_id, each.person_id) for each in checks)
        if count:
            tasks.append(_decision(count, _("Identidades por aprobar"), url_for("admin_identity.waiting")))
    if powers.allow(Permission.RECTIFICATIONS_DECIDE):
        count = count_open_rectifications(session)
        if count:
            tasks.append(
                Task(
                    count=count,
                    title=_("Correcciones de datos"),
                    detail=_("Una persona dice que un dato suyo está mal. Hay un plazo."),
                    href=url_for("admin_rectifications.show_all"),
                    state="warn",
                    note=_("Espera su decisión"),
                )
            )
    if powers.allow(Permission.APPLICATIONS_APPROVE):
        mine = GoLiveRequest.asked_by == found.person_id, ApplicationChange.asked_by == found.person_id
        for row, own, title in (
            (GoLiveRequest, mine[0], _("Aplicaciones que quieren salir a producción")),
            (ApplicationChange, mine[1], _("Cambios de aplicaciones en producción")),
        ):
            count = session.scalar(select(func.count()).select_from(row).where(row.decided_at.is_(None), ~own)) or 0
            if count:
                tasks.append(_decision(count, title, url_for("admin_applications.show_all", state="waiting")))
    if powers.allow(Permission.RECOVERIES_READ):
        reach = powers.institutions(Permission.RECOVERIES_READ)
        open_ones = [
            each
            for each in list_recoveries(session, institutions=reach, limit=_MOST)
            if each.closed_at is None and each.expires_at > now
        ]
        due = sum(
            each.ready_at is None and found.person_id not in (each.officer_id, each.person_id) for each in open_ones
        )
        if due and powers.allow(Permission.RECOVERIES_OPEN):
            tasks.append(_decision(due, _("Recuperaciones por aprobar"), url_for("admin_recoveries.show_all")))
        elif open_ones:
            tasks.append(
                Task(
                    count=len(open_ones),
                    title=_("Recuperaciones abiertas"),
                    detail=_("Puede detener la que no sea de la persona."),
                    href=url_for("admin_recoveries.show_all"),
                    state="info",
                    note=_("En curso"),
                )
            )
    if powers.allow(Permission.RIGHTS_DECIDE):
        reach = powers.institutions(Permission.RIGHTS_DECIDE)
        lines = report_holders(session, institution_rucs=reach, pending=True, limit=_MOST, now=now)
        count = sum(found.person_id not in (x.assignment.proposed_by, x.assignment.person_id) for x in lines)
        if count:
            tasks.append(_decision(count, _("Roles propuestos"), url_for("admin_rights.show_all")))
    if powers.allow(Permission.DELIVERIES_REPEAT):
        count = count_given_up(session, kinds=delivery_kinds())
        if count:
            tasks.append(
                Task(
                    count=count,
                    title=_("Envíos abandonados"),
                    detail=_("La aplicación no los recibió después de muchos intentos."),
                    href=url_for("admin_deliveries.show_all"),
                    state="bad",
                    note=_("Repetir o avisar"),
                )
            )
    return tasks


def _decision(count: int, title: str, href: str, *, state: str = "warn") -> Task:
    detail = _("Otra persona lo propuso y no puede decidirlo sola.")
    return Task(count=count, title=title, detail=detail, href=href, state=state, note=_("Espera su decisión"))
