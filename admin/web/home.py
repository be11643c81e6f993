"""The front page: what waits for a decision, what is about to break, what happened today."""

from __future__ import annotations

from flask import Blueprint, Response
from flask_babel import gettext as _

from admin.hierarchy import authority_tree
from admin.overview import HourOfLogins, logins_by_hour
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.figures import certificate_plots, login_plots
from admin.web.gate import operator, requires
from admin.web.pki_figures import ages_plot, keys_plot, lives, waiting_ages
from admin.web.plots import stacked_bars
from admin.web.service_figures import latency_plot, levels_plot, new_devices_plot, queues, sees_levels
from admin.web.today import told_of_today
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
    now, plots = service.clock.now(), []
    with service.database.reading() as session:
        figures, reads = powers.allow(Permission.FIGURES_READ), powers.allow(Permission.CERTIFICATES_READ)
        hours = logins_by_hour(session, now=now) if figures else []
        tree = authority_tree(session, now=now) if powers.allow(Permission.AUTHORITIES_READ) else []
        worries = worries_known(session, tree=tree, now=now)
        waiting = tasks_waiting(session, now=now)
        today = told_of_today(session, now=now)
        behind = queues(session, now=now) if figures else []
        ages = waiting_ages(session, now=now)
        if ages:
            plots.append(ages_plot(ages, now=now))
        if figures:
            plots += [*login_plots(session, now=now), new_devices_plot(session, now=now), latency_plot()]
        if sees_levels():
            plots.append(levels_plot(session))
        if reads:
            plots += certificate_plots(session, now=now)
            # What the whole authority did is not told to whoever sees one institution.
            if powers.institutions(Permission.CERTIFICATES_READ) is None:
                plots.append(keys_plot(session, now=now))
    return render(
        "admin/home.html",
        now=now,
        waiting=waiting,
        worries=worries,
        hours=hours,
        plot=stacked_bars([(hour.started, hour.failed) for hour in hours], slots=_HOURS) if hours else None,
        slots=_HOURS,
        today=today,
        behind=behind,
        lives=lives(tree, now=now),
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
