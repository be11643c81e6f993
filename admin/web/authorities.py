"""The tree of authorities."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import ngettext

from admin.hierarchy import AuthorityNode, ListState, authority_tree
from admin.overview import ECUADOR
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.gate import requires
from admin.what_breaks import LIST_WARNING
from ca.locations import FIRST_SHARD, FULL_LIST, authority_certificate_url, crl_url
from web.pages import render

blueprint = Blueprint("admin_authorities", __name__, url_prefix="/admin/authorities", template_folder="../templates")
_RENEW = timedelta(days=365)


@dataclass(frozen=True)
class Life:
    """Bars of one authority on the common axis, in per cent of its width."""

    past_x: float
    past_width: float
    left_x: float
    left_width: float
    now_x: float


@dataclass(frozen=True)
class Axis:
    """The common axis: years at its ends, and where today is."""

    start: datetime
    end: datetime
    now: datetime

    @property
    def marks(self) -> list[tuple[float, str, str, bool]]:
        """Place, text, anchor and whether to leave it out where there is little room."""
        first, last = self.start.astimezone(ECUADOR).year, self.end.astimezone(ECUADOR).year
        marks = [(0.0, str(first), "start", False), (100.0, str(last), "end", False)]
        here = self.place(self.now)
        if 12 < here < 88:
            marks.append((here, _("Hoy"), "middle", False))
        return sorted(marks)

    def place(self, moment: datetime) -> float:
        """Return where ``moment`` stands, in per cent."""
        return round(max(0.0, min(1.0, (moment - self.start) / (self.end - self.start))) * 100, 2)

    def life(self, node: AuthorityNode) -> Life:
        """Return the bars of ``node``."""
        begin, here, end = self.place(node.not_before), self.place(self.now), self.place(node.not_after)
        middle = min(max(here, begin), end)
        return Life(
            past_x=begin,
            past_width=round(middle - begin, 2),
            left_x=middle,
            left_width=round(end - middle, 2),
            now_x=here,
        )


@blueprint.get("")
@requires(Permission.AUTHORITIES_READ)
def show_all() -> Response:
    """All authorities, who signed whom, and how much is left."""
    service = services()
    now = service.clock.now()
    with service.database.reading() as session:
        tree = authority_tree(session, now=now)
    everyone = flat(tree)
    axis = None
    if everyone:
        axis = Axis(
            start=min(node.not_before for node in everyone), end=max(node.not_after for node in everyone), now=now
        )
    issuer = service.settings.issuer
    return render(
        "admin/authorities.html",
        tree=tree,
        count=len(everyone),
        axis=axis,
        ending=[node for node in everyone if now < node.not_after < now + _RENEW],
        over=lambda node: node.not_after <= now,
        left=lambda node: time_left(node.not_after, now=now),
        list_state=lambda node: _list_state(node.revocation_list, now=now),
        ocsp_state=lambda node: _ocsp_state(node.ocsp_until, now=now),
        certificate_address=lambda node: authority_certificate_url(issuer, node.name),
        list_address=lambda node: crl_url(issuer, node.name, FIRST_SHARD if node.is_root else FULL_LIST),
    )


def time_left(end: datetime, *, now: datetime) -> str:
    """Return how long it is until ``end``: years and months, then days, then hours."""
    if end <= now:
        return str(_("Venció"))
    days = (end - now).days
    years, months = days // 365, days % 365 // 30
    if years:
        text = str(ngettext("%(num)s año", "%(num)s años", years))
        return f"{text} {ngettext('%(num)s mes', '%(num)s meses', months)}" if months else text
    if days > 60:
        return str(ngettext("%(num)s mes", "%(num)s meses", days // 30))
    if days > 1:
        return str(ngettext("%(num)s día", "%(num)s días", days))
    hours = int((end - now) / timedelta(hours=1))
    return str(ngettext("%(num)s hora", "%(num)s horas", hours) if hours else _("menos de 1 hora"))


def _list_state(state: ListState | None, *, now: datetime) -> tuple[str, str]:
    if state is None:
        return "warn", _("Sin lista de revocación")
    if state.next_update <= now:
        return "bad", _("Lista vencida")
    if state.next_update < now + LIST_WARNING:
        return "warn", _("La lista vence en %(time)s", time=time_left(state.next_update, now=now))
    return "ok", _("Lista al día")


def _ocsp_state(until: datetime | None, *, now: datetime) -> tuple[str, str]:
    if until is None:
        return "none", _("Sin OCSP")
    return ("ok", _("OCSP responde")) if until > now else ("bad", _("OCSP vencido"))


def flat(nodes: list[AuthorityNode] | tuple[AuthorityNode, ...]) -> list[AuthorityNode]:
    """Return the authorities in the order of the tree, each before those that it signed."""
    return [found for node in nodes for found in (node, *flat(node.children))]
