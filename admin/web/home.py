"""The front page: what waits for a decision, what is about to break, what happened today."""

from __future__ import annotations

from flask import Blueprint, Response
from flask_babel import gettext as _

from admin.overview import HourOfLogins, issuance_today, logins_by_hour
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.figures import certificate_plots, login_plots
from admin.web.gate import operator, requires
from admin.web.plots import stacked_bars
from admin.web.waiting import tasks_waiting
from admin.web.worries import worries_known
from web.pages import render

blueprint = Blueprint("admin_home", __name__, url_prefix="/admin", template_folder="../templates")
_HOURS = 24


@blueprint.get("")
@requires(Permission.CONSOLE_OPEN)
def show() -> Response:
    """The front page, by what the operator's roles reach."""
    service, powers = services(), operator().powers
    now = service.clock.now()
    with service.database.reading() as session:
        hours = logins_by_hour(session, now=now) if powers.allow(Permission.FIGURES_READ) else []
        worries = worries_known(session, now=now)
        waiting = tasks_waiting(session, now=now)
        # What the whole authority did is not told to whoever sees one institution.
        whole = powers.allow(Permission.CERTIFICATES_READ) and powers.institutions(Permission.CERTIFICATES_READ) is None
        today = issuance_today(session, now=now) if whole else None
        plots = login_plots(session, now=now) if powers.allow(Permission.FIGURES_READ) else []
        if powers.allow(Permission.CERTIFICATES_READ):
            plots += certificate_plots(session, now=now)
    return render(
        "admin/home.html",
        now=now,
        waiting=waiting,
        worries=worries,
        hours=hours,
        plot=stacked_bars([(hour.started, hour.failed) for hour in hours], slots=_HOURS) if hours else None,
        slots=_HOURS,
        today=today,
        plots=plots,
        conclusion=_conclusion(hours) if hours else "",
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
