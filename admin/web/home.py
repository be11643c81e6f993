"""The front page: what waits for a decision, what is about to break, what happened today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, Response, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from admin.certificate_search import expiring_certificates
from admin.hierarchy import AuthorityNode, authority_tree
from admin.overview import HourOfLogins, issuance_today, logins_by_hour
from admin.permissions import Permission
from admin.request_list import RequestQuery, count_waiting
from admin.web.accessor import services
from admin.web.authorities import LIST_WARNING, time_left
from admin.web.certificates import display_name
from admin.web.gate import operator, requires
from admin.web.plots import stacked_bars
from audit.tree_store import latest_checkpoint
from idp.desk.report import count_new_reports
from web.pages import render

blueprint = Blueprint("admin_home", __name__, url_prefix="/admin", template_folder="../templates")
_HOURS = 24
_STALE_CHECKPOINT = timedelta(minutes=10)
_SOON = timedelta(days=7)
_MOST_WORRIES = 8


@dataclass(frozen=True)
class Worry:
    """Something that will break: what, what follows, how soon (state and text), and where to look."""

    what: str
    follows: str
    state: str
    when: str
    href: str


@dataclass(frozen=True)
class Task:
    """Something that waits for people."""

    count: int
    title: str
    detail: str
    href: str
    state: str
    note: str


@blueprint.get("")
@requires(Permission.CONSOLE_OPEN)
def show() -> Response:
    """The front page, by what the operator's roles reach."""
    service, powers = services(), operator().powers
    now = service.clock.now()
    with service.database.reading() as session:
        hours = logins_by_hour(session, now=now)
        worries = _worries(session, now=now)
        waiting = _waiting(session, now=now)
        today = issuance_today(session, now=now) if powers.allow(Permission.CERTIFICATES_READ) else None
    return render(
        "admin/home.html",
        now=now,
        waiting=waiting,
        worries=worries,
        hours=hours,
        plot=stacked_bars([(hour.started, hour.failed) for hour in hours], slots=_HOURS),
        slots=_HOURS,
        today=today,
        conclusion=_conclusion(hours),
        started=sum(hour.started for hour in hours),
        failed=sum(hour.failed for hour in hours),
    )


def _conclusion(hours: list[HourOfLogins]) -> str:
    """What the plot of logins says, in a sentence."""
    started, failed = sum(hour.started for hour in hours), sum(hour.failed for hour in hours)
    busiest = max(hours, key=lambda hour: hour.started + hour.failed)
    if not started + failed:
        return str(_("Hoy nadie ha intentado ingresar todavía."))
    if failed > started:
        return str(_("Hoy hay más intentos fallidos que ingresos: puede ser un ataque o una falla."))
    return str(_("La hora con más movimiento fue la de las %(hour)s h.", hour=busiest.hour))


def _waiting(session: Session, *, now: datetime) -> list[Task]:
    """What waits for a decision of this operator, and what he asked for that waits for others."""
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
    return tasks


def _worries(session: Session, *, now: datetime) -> list[Worry]:
    powers = operator().powers
    worries: list[Worry] = []
    if powers.allow(Permission.AUTHORITIES_READ):
        for node in authority_tree(session, now=now):
            worries += _authority_worries(node, now=now)
    if powers.allow(Permission.CERTIFICATES_READ):
        reach = powers.institutions(Permission.CERTIFICATES_READ)
        for certificate in expiring_certificates(session, institutions=reach, now=now, limit=_MOST_WORRIES):
            soon = certificate.not_after < now + _SOON
            worries.append(
                Worry(
                    what=_("Certificado de %(name)s", name=display_name(certificate)),
                    follows=_("Nadie ha pedido renovarlo: dejará de aceptarse"),
                    state="bad" if soon else "warn",
                    when=_("En %(time)s", time=time_left(certificate.not_after, now=now)),
                    href=url_for("admin_certificates.show", serial=certificate.serial),
                )
            )
    if powers.allow(Permission.AUDIT_SEARCH):
        checkpoint = latest_checkpoint(session)
        if checkpoint is None or checkpoint.signed_at < now - _STALE_CHECKPOINT:
            worries.insert(
                0,
                Worry(
                    what=_("Sello de la auditoría"),
                    follows=_("Lo nuevo queda guardado, pero sin sello: revise el proceso de fondo"),
                    state="bad",
                    when=_("Ahora"),
                    href=url_for("admin_audit.search"),
                ),
            )
    return worries[:_MOST_WORRIES]


def _authority_worries(node: AuthorityNode, *, now: datetime) -> list[Worry]:
    worries = []
    href = url_for("admin_authorities.show_all")
    state = node.revocation_list
    if state is not None and state.next_update < now + LIST_WARNING:
        over = state.next_update <= now
        worries.append(
            Worry(
                what=_("Lista de revocación de %(name)s", name=node.title),
                follows=_("Quien la comprueba deja de aceptar sus certificados"),
                state="bad",
                when=_("Ya venció") if over else _("En %(time)s", time=time_left(state.next_update, now=now)),
                href=href,
            )
        )
    if now < node.not_after < now + timedelta(days=365):
        worries.append(
            Worry(
                what=_("Autoridad %(name)s", name=node.title),
                follows=_("Ya no puede firmar certificados de un año"),
                state="warn",
                when=_("En %(time)s", time=time_left(node.not_after, now=now)),
                href=href,
            )
        )
    for child in node.children:
        worries += _authority_worries(child, now=now)
    return worries
