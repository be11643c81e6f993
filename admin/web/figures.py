"""Plots of the front page: what each says in a sentence, its numbers in a table, the same numbers as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flask import Blueprint, Response, url_for
from flask_babel import format_date, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from admin.certificate_figures import (
    WEEKS_BACK,
    expiries_by_week,
    issuance_by_week,
    revocations_by_reason,
)
from admin.hour_counts import FAILED, STARTED, LoginFigures, counted_hours, login_figures
from admin.overview import ECUADOR, start_of_day
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.gate import operator, requires
from admin.web.words import Text, reason_words
from idp.authentication.assurance import (
    AMR_CERTIFICATE,
    AMR_EMAIL,
    AMR_GRID,
    AMR_HARDWARE_KEY,
    AMR_OTP,
    AMR_PASSWORD,
    AMR_SMS,
    AMR_SOFTWARE_KEY,
)
from idp.directory.institutions import list_institutions
from web.csv_export import csv_lines
from web.plots import BarPlot, Column, bar_plot

blueprint = Blueprint("admin_figures", __name__, url_prefix="/admin/figures")
_WEEK = timedelta(days=7)
_MOST_NAMED = 3
FACTORS: dict[str, Text] = {
    AMR_PASSWORD: _l("Contraseña"),
    AMR_OTP: _l("Código"),
    AMR_SMS: _l("SMS"),
    AMR_EMAIL: _l("Correo"),
    AMR_GRID: _l("Tarjeta"),
    AMR_HARDWARE_KEY: _l("Llave"),
    AMR_SOFTWARE_KEY: _l("Llave"),
    AMR_CERTIFICATE: _l("Certificado"),
}
STRENGTHS: dict[str, Text] = {
    "1fa": _l("Un factor"),
    "2fa": _l("Dos factores"),
    "certificate": _l("Certificado"),
}


@dataclass(frozen=True)
class Figure:
    """A plot of the front page.

    :ivar says: its conclusion. :ivar numeric: columns of its table set right. :ivar scope: of what it tells, if that
        is not the whole service.
    """

    id: str
    heading: str
    says: str
    plot: BarPlot
    numeric: tuple[int, ...]
    csv: str
    scope: str = ""

    @property
    def is_drawn(self) -> bool:
        """Whether there is anything to draw: of nothing the sentence is enough."""
        return not self.plot.is_flat


def login_plots(session: Session, *, now: datetime) -> list[Figure]:
    """Return how people logged in during the last seven days: by factor and by strength."""
    found = login_figures(session, since=start_of_day(now) - _WEEK)
    return [
        _shares(
            "factors",
            _("Con qué se ingresó, 7 días"),
            _named(found.factors, FACTORS),
            found,
            label=_("Factor"),
            none=_("Nadie ingresó en las horas ya contadas de estos 7 días."),
        ),
        _shares(
            "strengths",
            _("Con cuánta fuerza se ingresó, 7 días"),
            _named(found.strengths, STRENGTHS),
            found,
            label=_("Fuerza"),
            none=_("Nadie ingresó en las horas ya contadas de estos 7 días."),
        ),
    ]


def certificate_plots(session: Session, *, now: datetime) -> list[Figure]:
    """Return what runs out and whose, what was issued and revoked, and why, within the operator's reach."""
    reach = operator().powers.institutions(Permission.CERTIFICATES_READ)
    names = {each.ruc: each.name for each in list_institutions(session)}
    weeks = expiries_by_week(session, institutions=reach, now=now)
    total = sum(week.total for week in weeks)
    most = max(weeks, key=lambda week: week.total)
    expiries = bar_plot(
        [Column(_day(week.begins), week.total) for week in weeks],
        title=_("Certificados que vencen por semana; los números están en la tabla que sigue"),
        label_name=_("Semana del"),
        value_name=_("Vencen"),
        label_every=2,
        low=True,
    )
    rows = [[*row, _whose(week.by_institution, names)] for row, week in zip(expiries.rows, weeks, strict=True)]
    figures = [
        Figure(
            "expiries",
            _("Vencen en 13 semanas"),
            _(
                "La semana del %(day)s vencen más: %(count)s de %(total)s.",
                day=_day(most.begins),
                count=most.total,
                total=total,
            )
            if total
            else _("Ningún certificado vence en las próximas 13 semanas."),
            replace(expiries, columns=[*expiries.columns, _("De quién")], rows=rows),
            (1,),
            url_for("admin_figures.certificates", name="expiries"),
        )
    ]
    done = issuance_by_week(session, institutions=reach, now=now)
    issued, revoked = sum(week.issued for week in done), sum(week.revoked for week in done)
    figures.append(
        Figure(
            "issuance",
            _("Emitidos y revocados, 8 semanas"),
            _("%(issued)s emitidos, %(revoked)s revocados.", issued=issued, revoked=revoked),
            bar_plot(
                [Column(_day(week.begins), week.issued, week.revoked) for week in done],
                title=_("Certificados emitidos y revocados por semana; los números están en la tabla que sigue"),
                label_name=_("Semana del"),
                value_name=_("Emitidos"),
                usual_name=_("Revocados"),
                label_every=2,
                low=True,
            ),
            (1, 2),
            url_for("admin_figures.certificates", name="issuance"),
        )
    )
    reasons = revocations_by_reason(session, institutions=reach, now=now)
    if reasons:
        figures.append(
            Figure(
                "revocations",
                _("Por qué se revocó, 8 semanas"),
                _("El motivo más frecuente: %(reason)s.", reason=reason_words(reasons[0][0])),
                bar_plot(
                    [Column(str(reason_words(reason)), number) for reason, number in reasons],
                    title=_("Revocaciones por motivo; los números están en la tabla que sigue"),
                    label_name=_("Motivo"),
                    value_name=_("Revocados"),
                    label_every=1 if len(reasons) < 4 else 2,
                    low=True,
                ),
                (1,),
                url_for("admin_figures.certificates", name="revocations"),
            )
        )
    return figures


@blueprint.get("/logins/<any(hours, factors, strengths):name>.csv")
@requires(Permission.FIGURES_READ)
def logins(name: str) -> Response:
    """Logins of the last seven days as a table for other programs."""
    now = services().clock.now()
    since = start_of_day(now) - _WEEK
    with services().database.reading() as session:
        if name == "hours":
            counted = counted_hours(session, since=since, names=(STARTED, FAILED))
            rows: list[tuple[object, ...]] = [
                (hour.astimezone(ECUADOR).isoformat(timespec="minutes"), told.get(STARTED, 0), told.get(FAILED, 0))
                for hour, told in sorted(counted.items())
            ]
            return as_csv(name, ("hour", "started", "failed"), rows)
        found = login_figures(session, since=since)
    return as_csv(name, (name[:-1], "logins"), getattr(found, name))


@blueprint.get("/certificates/<any(expiries, issuance, revocations):name>.csv")
@requires(Permission.CERTIFICATES_READ)
def certificates(name: str) -> Response:
    """Certificates by week as a table for other programs, of the institutions that the operator reaches."""
    now, reach = services().clock.now(), operator().powers.institutions(Permission.CERTIFICATES_READ)
    with services().database.reading() as session:
        if name == "expiries":
            return as_csv(
                name,
                ("week", "ruc", "certificates"),
                [
                    (week.begins.date().isoformat(), ruc, number)
                    for week in expiries_by_week(session, institutions=reach, now=now)
                    for ruc, number in week.by_institution
                ],
            )
        if name == "issuance":
            weeks = issuance_by_week(session, institutions=reach, now=now)
            rows = [(week.begins.date().isoformat(), week.issued, week.revoked) for week in weeks]
            return as_csv(name, ("week", "issued", "revoked"), rows)
        reasons = revocations_by_reason(session, institutions=reach, now=now)
    return as_csv(name, ("reason", f"revoked_in_{WEEKS_BACK}_weeks"), reasons)


def as_csv(name: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Response:
    """Return the rows as a file for other programs."""
    answer = Response("".join(csv_lines(header, rows)), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename=f"{name}.csv")
    return answer


def _shares(
    name: str, heading: str, pairs: list[tuple[str, int]], found: LoginFigures, *, label: str, none: str
) -> Figure:
    says = none
    if pairs:
        total = sum(number for _name, number in pairs)
        says = _("Lo más usado: %(name)s, %(count)s de %(total)s.", name=pairs[0][0], count=pairs[0][1], total=total)
    if found.until is None:
        says = _("Todavía no se ha contado ninguna hora: el proceso de fondo lo hace cada 5 minutos.")
    plot = bar_plot(
        [Column(said, number) for said, number in pairs],
        title=_("%(heading)s; los números están en la tabla que sigue", heading=heading),
        label_name=label,
        value_name=_("Ingresos"),
        label_every=1 if len(pairs) < 4 else 2,
        low=True,
    )
    return Figure(name, heading, says, plot, (1,), url_for("admin_figures.logins", name=name))


def _named(pairs: Sequence[tuple[str, int]], words: dict[str, Text]) -> list[tuple[str, int]]:
    sums: dict[str, int] = {}
    for name, number in pairs:
        said = str(words.get(name, name))
        sums[said] = sums.get(said, 0) + number
    return sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))


def _whose(found: Sequence[tuple[str, int]], names: dict[str, str]) -> str:
    """Return the institutions with the most, and how many others there are."""
    said = [f"{names.get(ruc, ruc) or _('Personas')}: {number}" for ruc, number in found[:_MOST_NAMED]]
    if len(found) > _MOST_NAMED:
        more = len(found) - _MOST_NAMED
        said.append(str(ngettext("y %(num)s institución más", "y %(num)s instituciones más", more)))
    return ", ".join(said) or "–"


def _day(moment: datetime) -> str:
    return str(format_date(moment.astimezone(ECUADOR).date(), "d MMM"))
