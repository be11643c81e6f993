"""Plots of the running of the service: how long answers take, new devices, what waits behind the answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import isinf
from typing import cast

from flask import Response, url_for
from flask_babel import format_date, format_number, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from admin.hour_counts import NEW_DEVICES, counted_hours
from admin.latencies import Latency, latencies
from admin.level_counts import level_figures
from admin.overview import start_of_day
from admin.permissions import Permission
from admin.queues import logs_of_service, tasks_of_worker
from admin.web.accessor import services
from admin.web.authorities import time_left
from admin.web.figures import Figure, as_csv, blueprint
from admin.web.gate import operator, requires
from admin.web.words import Text
from idp.accounts.person import VERIFIED_LEVEL
from web.operations import web_metrics
from web.plots import Column, bar_plot

_DAYS = 7
_MOST = 10.0  # seconds: the last bound of the counts
GROUPS: dict[str, Text] = {
    "login": _l("Ingreso"),
    "authorize": _l("Entrada"),
    "token": _l("Tokens"),
    "discovery": _l("Claves"),
    "status": _l("OCSP, listas"),
    "enrolment": _l("Pedidos"),
    "console": _l("Consola"),
    "other": _l("Otras"),
}


@dataclass(frozen=True)
class Queue:
    """A line of what waits behind the answers."""

    name: str
    state: str
    says: str
    detail: str


def latency_plot() -> Figure:
    """Return how long answers took, by what was asked for."""
    metrics = web_metrics()
    found = latencies(metrics.seconds())
    scope = (
        _("De todos los procesos de esta máquina, desde que empezó el más antiguo.")
        if metrics.covers_machine
        else _("Del proceso que dio esta página, desde que empezó; los otros cuentan aparte.")
    )
    slowest = max(found, key=lambda each: each.p95, default=None)
    says = _("Todavía no se ha contado ninguna respuesta.")
    if slowest is not None:
        says = _(
            "Lo más lento es «%(group)s»: 95 de cada 100 en %(time)s o menos.",
            group=GROUPS[slowest.group],
            time=_duration(slowest.p95),
        )
    plot = bar_plot(
        [
            Column(str(GROUPS[each.group]), round(min(each.p95, _MOST) * 1000), round(min(each.p50, _MOST) * 1000))
            for each in found
        ],
        title=_("Milisegundos hasta la respuesta; los números están en la tabla que sigue"),
        label_name=_("Qué"),
        value_name=_("95 de 100, ms"),
        usual_name=_("la mitad, ms"),
        label_every=1 if len(found) < 7 else 2,
        low=True,
    )
    rows = [_latency_row(each) for each in found]
    columns = [_("Qué"), _("Respuestas"), _("La mitad (p50)"), "p95", "p99"]
    return Figure(
        "latency",
        _("Cuánto tardan las respuestas"),
        says,
        replace(plot, columns=columns, rows=rows),
        (1, 2, 3, 4),
        url_for("admin_figures.service", name="latency"),
        scope,
    )


def new_devices_plot(session: Session, *, now: datetime) -> Figure:
    """Return notices of a new device, by day."""
    days = _new_devices(session, now=now)
    total = sum(number for _day, number in days)
    says = ngettext("%(num)s aviso de dispositivo nuevo.", "%(num)s avisos de dispositivo nuevo.", total)
    return Figure(
        "devices",
        _("Dispositivos nuevos, 7 días"),
        says if total else _("Nadie ingresó desde un dispositivo nuevo en las horas ya contadas."),
        bar_plot(
            [Column(str(format_date(day.date(), "d MMM")), number) for day, number in days],
            title=_("Avisos de dispositivo nuevo por día; los números están en la tabla que sigue"),
            label_name=_("Día"),
            value_name=_("Avisos"),
            label_every=2,
            low=True,
        ),
        (1,),
        url_for("admin_figures.service", name="devices"),
    )


def levels_plot(session: Session) -> Figure:
    """Return how well it is known who people are: accounts by level of identity."""
    found = level_figures(session)
    total = sum(found.accounts.values())
    known = sum(number for level, number in found.accounts.items() if level >= VERIFIED_LEVEL)
    says = _("%(known)s de %(total)s cuentas tienen la identidad comprobada.", known=known, total=total)
    if found.counted_at is None:
        says = _("Todavía no se han contado: el proceso de fondo lo hace una vez al día.")
    return Figure(
        "levels",
        _("Niveles de identidad"),
        says,
        bar_plot(
            [Column(_("Nivel %(level)s", level=level), number) for level, number in sorted(found.accounts.items())],
            title=_("Cuentas por nivel de identidad; los números están en la tabla que sigue"),
            label_name=_("Nivel"),
            value_name=_("Cuentas"),
            low=True,
        ),
        (1,),
        url_for("admin_figures.levels_csv"),
    )


def sees_levels() -> bool:
    """Tell whether this operator's work is about them: whoever reads figures, or verifies identities everywhere."""
    powers = operator().powers
    if powers.allow(Permission.FIGURES_READ):
        return True
    verifies = Permission.IDENTITIES_VERIFY
    return powers.allow(verifies) and powers.institutions(verifies) is None


@blueprint.get("/levels.csv")
@requires(Permission.CONSOLE_OPEN)
def levels_csv() -> Response:
    """Accounts by level as a table for other programs; nothing for whoever does not see the plot."""
    accounts: dict[int, int] = {}
    if sees_levels():
        with services().database.reading() as session:
            accounts = dict(level_figures(session).accounts)
    return as_csv("levels", ("level", "accounts"), sorted(accounts.items()))


def queues(session: Session, *, now: datetime) -> list[Queue]:
    """Return what waits behind the answers, each with how it stands."""
    tasks = tasks_of_worker(session, now=now)
    late = _("la más antigua, hace %(time)s", time=time_left(now, now=tasks.oldest)) if tasks.oldest else ""
    found = [
        Queue(
            _("Tareas de fondo"),
            "bad" if tasks.late else "ok",
            ngettext("%(num)s atrasada", "%(num)s atrasadas", tasks.late) if tasks.late else _("Al día"),
            late or ngettext("%(num)s espera su hora", "%(num)s esperan su hora", tasks.waiting),
        ),
        Queue(
            _("Tareas abandonadas"),
            "bad" if tasks.given_up else "ok",
            str(format_number(tasks.given_up)),
            _("después de muchos intentos") if tasks.given_up else "",
        ),
    ]
    names = {"audit": _("Sello de la auditoría"), "certificates": _("Sello de los certificados")}
    for log in logs_of_service(session, now=now):
        age = _("hace %(time)s", time=_ago(now - log.sealed_at)) if log.sealed_at else _("nunca")
        well = log.is_well(now)
        detail = ngettext("%(num)s registro sellado", "%(num)s registros sellados", log.size)
        if log.waiting:
            detail += "; " + ngettext("%(num)s espera su lugar", "%(num)s esperan su lugar", log.waiting)
        empty = log.sealed_at is None and not log.waiting
        found.append(Queue(names[log.name], "ok" if well else "none" if empty else "warn", age, detail))
    return found


@blueprint.get("/service/<any(latency, devices, queues):name>.csv")
@requires(Permission.FIGURES_READ)
def service(name: str) -> Response:
    """The running of the service as a table for other programs."""
    now = services().clock.now()
    if name == "latency":
        found = latencies(web_metrics().seconds())
        rows: list[tuple[object, ...]] = [
            (each.group, each.answers, *(f"{part:.4f}" for part in (each.p50, each.p95, each.p99))) for each in found
        ]
        return as_csv(name, ("group", "answers", "p50_seconds", "p95_seconds", "p99_seconds"), rows)
    with services().database.reading() as session:
        if name == "devices":
            days = _new_devices(session, now=now)
            return as_csv(name, ("day", "notices"), [(day.date().isoformat(), number) for day, number in days])
        tasks, logs = tasks_of_worker(session, now=now), logs_of_service(session, now=now)
    rows = [("tasks_waiting", tasks.waiting), ("tasks_late", tasks.late), ("tasks_given_up", tasks.given_up)]
    for log in logs:
        rows.append((f"{log.name}_log_size", log.size))
        rows.append((f"{log.name}_log_waiting", log.waiting))
        rows.append((f"{log.name}_log_sealed_at", log.sealed_at.isoformat() if log.sealed_at else ""))
    return as_csv(name, ("what", "value"), rows)


def _new_devices(session: Session, *, now: datetime) -> list[tuple[datetime, int]]:
    first = start_of_day(now) - timedelta(days=_DAYS - 1)
    days: Counter[datetime] = Counter()
    for hour, told in counted_hours(session, since=first, names=(NEW_DEVICES,)).items():
        days[start_of_day(hour)] += told.get(NEW_DEVICES, 0)
    return [(day, days[day]) for day in (first + timedelta(days=number) for number in range(_DAYS))]


def _latency_row(each: Latency) -> list[str]:
    return [
        str(GROUPS[each.group]),
        cast(str, format_number(each.answers)),
        *(_duration(part) for part in (each.p50, each.p95, each.p99)),
    ]


def _duration(seconds: float) -> str:
    if isinf(seconds):
        return str(_("más de 10 s"))
    if seconds < 1:
        return f"{format_number(round(seconds * 1000) or 1)} ms"
    return f"{format_number(round(seconds, 1))} s"


def _ago(age: timedelta) -> str:
    """Return an age in words, to the second under an hour: a seal is young."""
    seconds = max(0, int(age.total_seconds()))
    if seconds < 120:
        return str(ngettext("%(num)s segundo", "%(num)s segundos", seconds))
    if seconds < 7200:
        return str(ngettext("%(num)s minuto", "%(num)s minutos", seconds // 60))
    hours = seconds // 3600
    if hours < 48:
        return str(ngettext("%(num)s hora", "%(num)s horas", hours))
    return str(ngettext("%(num)s día", "%(num)s días", hours // 24))
