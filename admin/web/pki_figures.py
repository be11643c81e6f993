"""Plots of the authority: how long what waits has waited, with which keys certificates are in force, who lives on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime

from flask import Response, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy.orm import Session

from admin.ages import Ages, waiting_applications, waiting_certificates
from admin.certificate_counts import counted_certificates, counted_until
from admin.hierarchy import AuthorityNode
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.authorities import Axis, Life, flat, time_left
from admin.web.figures import Figure, as_csv, blueprint
from admin.web.gate import operator, requires
from admin.web.words import Text
from web.plots import Column, bar_plot

KINDS: dict[str, Text] = {
    "requests": _l("Solicitudes"),
    "batches": _l("Lotes"),
    "go_live": _l("Salidas a producción"),
    "changes": _l("Cambios de aplicaciones"),
}
COLUMNS: tuple[Text, ...] = (
    _l("menos de 1 h"),
    _l("1 a 4 h"),
    _l("4 a 12 h"),
    _l("12 a 24 h"),
    _l("más de 24 h"),
)

_SHORT = ("<1 h", "1–4 h", "4–12 h", "12–24 h", ">24 h")  # under the bars


@dataclass(frozen=True)
class Lived:
    """An authority with what is left of it, as a bar."""

    node: AuthorityNode
    life: Life
    left: str
    state: str


def waiting_ages(session: Session, *, now: datetime) -> list[Ages]:
    """Return the ages of what waits for somebody, of what the operator's roles reach."""
    powers, found = operator().powers, []
    if powers.allow(Permission.REQUESTS_READ):
        reach = powers.institutions(Permission.REQUESTS_READ)
        found += waiting_certificates(session, institutions=reach, now=now)
    if powers.allow(Permission.APPLICATIONS_APPROVE):
        found += waiting_applications(session, now=now)
    return found


def ages_plot(found: list[Ages], *, now: datetime) -> Figure:
    """Return how long what waits for a decision has waited."""
    sums = [sum(each.columns[place] for each in found) for place in range(len(COLUMNS))]
    oldest = min((each.oldest for each in found if each.oldest), default=None)
    says = _("Nada espera una decisión.")
    if oldest is not None:
        says = ngettext(
            "%(num)s espera; lo más antiguo, hace %(time)s.",
            "%(num)s esperan; lo más antiguo, hace %(time)s.",
            sum(sums),
            time=time_left(now, now=oldest),
        )
    plot = bar_plot(
        [Column(short, number) for short, number in zip(_SHORT, sums, strict=True)],
        title=_("Lo que espera una decisión, por cuánto ha esperado; los números están en la tabla que sigue"),
        label_name=_("Ha esperado"),
        value_name=_("Cuántos"),
        low=True,
    )
    rows = [[str(KINDS[each.kind]), *(str(number) for number in each.columns)] for each in found]
    columns = [_("Qué"), *(str(name) for name in COLUMNS)]
    return Figure(
        "ages",
        _("Cuánto lleva esperando lo que espera"),
        says,
        replace(plot, columns=columns, rows=rows),
        tuple(range(1, len(columns))),
        url_for("admin_figures.ages_csv"),
    )


def keys_plot(session: Session, *, now: datetime) -> Figure:
    """Return with which keys the certificates are that have not run out."""
    kinds = _keys(session, now=now)
    total = sum(kinds.values())
    until = counted_until(session)
    says = _("Ningún certificado está en plazo.")
    if until is None:
        says = _("Todavía no se han contado: el proceso de fondo cuenta cada hora que termina.")
    elif total:
        kind, most = kinds.most_common(1)[0]
        says = _("%(share)s de cada 100 tienen una clave %(kind)s.", share=round(100 * most / total), kind=kind)
    ordered = sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0]))
    return Figure(
        "keys",
        _("Claves de los certificados en plazo"),
        says,
        bar_plot(
            [Column(kind, number) for kind, number in ordered],
            title=_("Certificados en plazo por clase de clave; los números están en la tabla que sigue"),
            label_name=_("Clave"),
            value_name=_("Certificados"),
            label_every=1 if len(ordered) < 4 else 2,
            low=True,
        ),
        (1,),
        url_for("admin_figures.keys_csv"),
        _("Los revocados que no han vencido están incluidos."),
    )


def lives(tree: list[AuthorityNode], *, now: datetime) -> list[Lived]:
    """Return the authorities, each below the one that signed it, on one axis of time."""
    nodes = flat(tree)
    if not nodes:
        return []
    axis = Axis(start=min(node.not_before for node in nodes), end=max(node.not_after for node in nodes), now=now)
    return [
        Lived(
            node,
            axis.life(node),
            time_left(node.not_after, now=now),
            "bad" if node.not_after <= now else "warn" if (node.not_after - now).days < 365 else "ok",
        )
        for node in nodes
    ]


@blueprint.get("/ages.csv")
@requires(Permission.CONSOLE_OPEN)
def ages_csv() -> Response:
    """How long what waits has waited, of what the operator's roles reach."""
    now = services().clock.now()
    with services().database.reading() as session:
        found = waiting_ages(session, now=now)
    header = ("what", "under_1_h", "1_to_4_h", "4_to_12_h", "12_to_24_h", "over_24_h", "oldest")
    return as_csv(
        "ages",
        header,
        [(each.kind, *each.columns, each.oldest.isoformat() if each.oldest else "") for each in found],
    )


@blueprint.get("/keys.csv")
@requires(Permission.CERTIFICATES_READ)
def keys_csv() -> Response:
    """Certificates that have not run out by kind of key; nothing for whoever sees one institution."""
    kinds: Counter[str] = Counter()
    if operator().powers.institutions(Permission.CERTIFICATES_READ) is None:
        with services().database.reading() as session:
            kinds = _keys(session, now=services().clock.now())
    rows = sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0]))
    return as_csv("keys", ("key", "certificates"), rows)


def _keys(session: Session, *, now: datetime) -> Counter[str]:
    kinds: Counter[str] = Counter()
    for each in counted_certificates(session, now=now):
        kinds[each.key] += each.in_force
    return Counter({key: number for key, number in kinds.items() if number > 0})
