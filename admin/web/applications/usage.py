"""Use and errors of an application in the last days: a plot, its numbers, CSV, and the last errors with what to do."""

from __future__ import annotations

from collections import Counter

from flask import Response as FileResponse
from flask_babel import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin.applications.reach import application_reached
from admin.applications.usage import DAYS, Day, last_errors, live_counts, usage_by_day
from admin.permissions import Permission
from admin.web import words
from admin.web.accessor import services
from admin.web.applications.links import PAGES, PageLink
from admin.web.applications.place import blueprint
from admin.web.applications.reasons import error_page, reason_text
from admin.web.gate import operator, requires
from idp.clients.environment import Environment
from web.csv_export import csv_lines
from web.pages import render
from web.plots import Column, bar_plot


@blueprint.get("/<client_id>/usage")
@requires(Permission.CLIENTS_READ)
def show_usage(client_id: str) -> Response:
    """The last days."""
    now = services().clock.now()
    with services().database.reading() as session:
        client = application_reached(session, operator().powers, Permission.CLIENTS_READ, client_id)
        live = client.environment is Environment.PRODUCTION
        # In a sandbox few log in, and who tries something wants to see it at once.
        today = Counter[str]() if live else live_counts(session, client_id, now=now)
        days = usage_by_day(session, client_id, now=now, more=today)
        errors = last_errors(session, client_id, now=now)
    reasons = sum((Counter(day.refused) for day in days), Counter())
    return render(
        "admin/applications/usage.html",
        client=client,
        live=live,
        says=_says(days, live=live),
        plot=_plot(days),
        renewed=sum(day.refreshed for day in days),
        reasons=[
            (*reason_text(reason), reason, amount, error_page(reason)) for reason, amount in reasons.most_common()
        ],
        errors=[(each, *reason_text(each.reason or each.type), error_page(each.reason)) for each in errors],
        event_words=words.event_words,
        days=DAYS,
    )


@blueprint.get("/<client_id>/usage.csv")
@requires(Permission.CLIENTS_READ)
def usage_as_csv(client_id: str) -> FileResponse:
    """The same numbers for other programs: a line for each day and outcome."""
    now = services().clock.now()
    with services().database.reading() as session:
        client = application_reached(session, operator().powers, Permission.CLIENTS_READ, client_id)
        live = client.environment is Environment.PRODUCTION
        today = Counter[str]() if live else live_counts(session, client_id, now=now)
        days = usage_by_day(session, client_id, now=now, more=today)
    rows = [
        (day.day.isoformat(), name, amount)
        for day in days
        for name, amount in (("issued", day.issued), ("refreshed", day.refreshed), *sorted(day.refused.items()))
    ]
    answer = FileResponse("".join(csv_lines(("day", "outcome", "amount"), rows)), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename="usage.csv")
    return answer


def usage_link() -> PageLink:
    """The page of use and errors, as an application's page leads to it."""
    return PageLink(_l("Uso y errores"), "admin_applications.show_usage", Permission.CLIENTS_READ)


def _plot(days: list[Day]) -> object:
    return bar_plot(
        [Column(str(format_date(day.day, "d MMM")), day.issued, day.failures) for day in days],
        title=_("Ingresos y errores por día; los números están en la tabla que sigue"),
        label_name=_("Día"),
        value_name=_("Ingresos"),
        usual_name=_("Errores"),
        label_every=2,
    )


def _says(days: list[Day], *, live: bool) -> str:
    """What the plot says, in a sentence."""
    issued, failed = sum(day.issued for day in days), sum(day.failures for day in days)
    if not issued + failed:
        return str(
            _("En las horas ya contadas de estos días nadie la usó.") if live else _("Nadie la usó en estos días.")
        )
    reasons = sum((Counter(day.refused) for day in days), Counter())
    if not failed:
        return str(_("%(issued)s ingresos, ningún error.", issued=issued))
    most, amount = reasons.most_common(1)[0]
    return str(
        _(
            "%(issued)s ingresos, %(failed)s errores. El más frecuente, %(amount)s veces: %(reason)s.",
            issued=issued,
            failed=failed,
            amount=amount,
            reason=reason_text(most)[0],
        )
    )


PAGES.append(usage_link)
