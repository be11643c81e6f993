"""Plots for who looks for what is not as usual: each says what it shows, and leads to the search behind its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, url_for
from flask_babel import format_date, format_datetime
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy.orm import Session

from admin.anomalies import (
    DayShares,
    HourBeside,
    approvals_out_of_hours,
    by_day,
    hours_beside_usual,
    read_counts,
    shares_beside_usual,
)
from admin.counted_search import last_counted
from admin.hour_counts import ACTS, APPROVED, FACTOR, FAILED, HOUR, NEW_DEVICES, REFUSED, STARTED, STRENGTH, refusals
from admin.overview import ECUADOR, start_of_day
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.figures import FACTORS, STRENGTHS
from admin.web.gate import requires
from admin.web.words import Text
from web.csv_export import csv_lines
from web.pages import render
from web.plots import BarPlot, Column, bar_plot

blueprint = Blueprint("admin_anomalies", __name__, url_prefix="/admin/audit/anomalies")
_WEEK, _DAY = timedelta(days=7), timedelta(days=1)


@dataclass(frozen=True)
class Anomaly:
    """A plot. :ivar says: its conclusion; :ivar numbers: its table, as CSV has it.

    :ivar behind: the search with all that it divides; empty: each row of its table leads to its own.
    """

    id: str
    heading: str
    says: str
    unusual: bool
    plot: BarPlot
    numbers: tuple[tuple[object, ...], ...]
    behind: str = ""


@blueprint.get("")
@requires(Permission.AUDIT_SEARCH)
def show() -> Response:
    """All plots."""
    now = services().clock.now()
    with services().database.reading() as session:
        found = _all(session, now=now)
    return render("admin/anomalies.html", figures=found)


@blueprint.get("/<name>.csv")
@requires(Permission.AUDIT_SEARCH)
def as_csv(name: str) -> Response:
    """The numbers of one of them."""
    with services().database.reading() as session:
        found = {each.id: each for each in _all(session, now=services().clock.now())}
    if name not in found:
        abort(404)
    answer = Response("".join(csv_lines(("of", "amount", "usual"), found[name].numbers)), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename=f"{name}.csv")
    return answer


def _all(session: Session, *, now: datetime) -> list[Anomaly]:
    counted = read_counts(
        session, names=(STARTED, FAILED, APPROVED, ACTS, NEW_DEVICES), prefixes=(FACTOR, STRENGTH), now=now
    )
    over = last_counted(counted)
    return [
        _hours("logins", _("Ingresos por hora"), hours_beside_usual(counted, STARTED), STARTED),
        _hours("failures", _("Intentos fallidos por hora"), hours_beside_usual(counted, FAILED), FAILED),
        _shares("factors", _("Con qué se ingresó ayer"), shares_beside_usual(counted, FACTOR, now=now), FACTORS),
        _shares(
            "strengths", _("Con qué fuerza se ingresó ayer"), shares_beside_usual(counted, STRENGTH, now=now), STRENGTHS
        ),
        _days(
            "approvals",
            _("Aprobaciones fuera de horario"),
            approvals_out_of_hours(counted, now=now),
            none=_("Nadie aprobó nada de noche ni en fin de semana en 28 días."),
            counted=APPROVED,
            over=over,
        ),
        _days(
            "devices",
            _("Equipos nuevos"),
            by_day(counted, NEW_DEVICES, now=now),
            none=_("Nadie ingresó desde un equipo nuevo en 28 días."),
            counted=NEW_DEVICES,
            over=over,
        ),
        _days(
            "acts",
            _("Actos de la consola"),
            by_day(counted, ACTS, now=now),
            none=_("Nadie hizo nada en la consola en 28 días."),
            counted=ACTS,
            over=over,
        ),
        _refusals(session, now=now, over=over),
    ]


def _hours(name: str, heading: str, hours: Sequence[HourBeside], counted: str) -> Anomaly:
    plot = bar_plot(
        [Column(_hour_of(each.hour), each.amount, each.usual) for each in hours],
        title=_title(heading),
        label_name=_("Hora"),
        value_name=_("Contados"),
        usual_name=_("Lo usual a esa hora y ese día"),
        label_every=6,
    )
    linked = [
        [_link(row[0], counted=counted, since=_stamp(each.hour), until=_stamp(each.hour + HOUR)), *row[1:]]
        for row, each in zip(plot.rows, hours, strict=True)
    ]
    worst = max(hours, key=lambda each: each.excess, default=None)
    if worst is None:
        says = _("Todavía no se ha contado ninguna hora: el proceso de fondo lo hace cada 5 minutos.")
    elif worst.excess > 0:
        usual = round(worst.usual or 0)
        says = _(
            "Fuera de lo usual: %(count)s el %(hour)s, cuando lo usual es %(usual)s.",
            count=worst.amount,
            hour=_hour_of(worst.hour),
            usual=usual,
        )
    elif all(each.usual is None for each in hours):
        says = _("Todavía no hay una semana anterior con qué comparar.")
    else:
        says = _("Nada fuera de lo usual en las últimas 48 horas contadas.")
    numbers = tuple(
        (each.hour.isoformat(), each.amount, "" if each.usual is None else round(each.usual, 1)) for each in hours
    )
    unusual = worst is not None and worst.excess > 0
    return Anomaly(name, heading, says, unusual, replace(plot, rows=linked), numbers)


def _days(
    name: str,
    heading: str,
    days: Sequence[tuple[datetime, int]],
    *,
    none: str,
    counted: str,
    over: datetime | None,
) -> Anomaly:
    plot = bar_plot(
        [Column(_day_of(day), amount) for day, amount in days],
        title=_title(heading),
        label_name=_("Día"),
        value_name=_("Contados"),
        label_every=7,
        low=True,
    )
    linked = [
        [_link(row[0], counted=counted, since=_stamp(day), until=_stamp(_end(day, over))), *row[1:]]
        for row, (day, _amount) in zip(plot.rows, days, strict=True)
    ]
    total = sum(amount for _day, amount in days)
    says = none
    if total:
        most = max(days, key=lambda pair: pair[1])
        says = _(
            "%(num)s en 28 días; el día con más, %(day)s: %(most)s.",
            num=total,
            day=_day_of(most[0]),
            most=most[1],
        )
    unusual = bool(total) and name == "approvals"
    numbers = tuple((day.date().isoformat(), amount, "") for day, amount in days)
    return Anomaly(name, heading, says, unusual, replace(plot, rows=linked), numbers)


def _shares(name: str, heading: str, found: DayShares, names: Mapping[str, Text]) -> Anomaly:
    said = [(str(names.get(each.name, each.name)), each) for each in found.shares]
    plot = bar_plot(
        [Column(words, round(each.share, 1), each.usual) for words, each in said],
        title=_title(heading),
        label_name=_("Cómo"),
        value_name=_("Por ciento de los ingresos"),
        usual_name=_("En los 28 días anteriores"),
        low=True,
    )
    day, worst = _day_of(found.day), found.worst
    if not found.logins:
        says = _("Nadie ingresó el %(day)s, o todavía no se ha contado.", day=day)
    elif worst is not None:
        says = _(
            "Fuera de lo usual: %(what)s fue el %(share)s %% de los ingresos del %(day)s; lo usual es el %(usual)s %%.",
            what={each.name: words for words, each in said}[worst.name],
            share=round(worst.share),
            day=day,
            usual=round(worst.usual or 0),
        )
    elif all(each.usual is None for each in found.shares):
        says = _("Todavía no hay días anteriores con qué comparar.")
    else:
        says = _("Nada fuera de lo usual entre los %(num)s ingresos del %(day)s.", num=found.logins, day=day)
    numbers = tuple(
        (words, round(each.share, 1), "" if each.usual is None else round(each.usual, 1)) for words, each in said
    )
    search = (STARTED, found.day, found.day + _DAY)
    return Anomaly(name, heading, says, worst is not None, plot, numbers, _address(search))


def _refusals(session: Session, *, now: datetime, over: datetime | None) -> Anomaly:
    heading, since = _("Negativas por motivo, 7 días"), start_of_day(now) - _WEEK
    found = refusals(session, since=since)
    plot = bar_plot(
        [Column(reason, amount) for reason, amount in found[:8]],
        title=_title(heading),
        label_name=_("Motivo"),
        value_name=_("Contadas"),
        label_every=2,
        low=True,
    )
    rows = [
        [_link(reason, counted=f"{REFUSED}{reason}", since=_stamp(since), until=_stamp(over or now)), str(amount)]
        for reason, amount in found
    ]
    says = _("Nada fue negado en las horas ya contadas de estos 7 días.")
    if found:
        total = sum(amount for _reason, amount in found)
        says = _(
            "El motivo más frecuente: %(reason)s, %(count)s de %(total)s.",
            reason=found[0][0],
            count=found[0][1],
            total=total,
        )
    # Names of reasons are too long to stand under bars beside each other: they are in the table.
    return Anomaly(
        "refusals", heading, says, False, replace(plot, rows=rows, labels=[]), tuple((*pair, "") for pair in found)
    )


def _link(text: str, **search: str) -> str:
    address = f"{url_for('admin_audit.search')}?{urlencode(search)}"
    return Markup('<a href="{}">{}</a>').format(address, text)


def _address(search: tuple[str, datetime, datetime]) -> str:
    counted, since, until = search
    values = urlencode({"counted": counted, "since": _stamp(since), "until": _stamp(until)})
    return f"{url_for('admin_audit.search')}?{values}"


def _end(day: datetime, over: datetime | None) -> datetime:
    """When the day ends, or its last hour that was counted."""
    end = day + _DAY
    return min(end, over) if over is not None and over > day else end


def _title(heading: str) -> str:
    return str(_("%(heading)s; los números están en la tabla que sigue", heading=heading))


def _hour_of(hour: datetime) -> str:
    return str(format_datetime(hour, "d MMM H 'h'"))


def _day_of(day: datetime) -> str:
    return str(format_date(day.astimezone(ECUADOR).date(), "d MMM"))


def _stamp(moment: datetime) -> str:
    return moment.astimezone(ECUADOR).strftime("%Y-%m-%dT%H:%M")
