"""What waits for this operator, in words, with where to decide it; what it is: :mod:`admin.what_waits`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from admin.web.accessor import services
from admin.web.authorities import time_left
from admin.web.gate import operator
from admin.web.words import Text
from admin.what_waits import Waiting, what_waits

_DECIDE = _l("Espera su decisión")


@dataclass(frozen=True)
class Task:
    """Something that waits for people."""

    count: int
    title: str
    detail: str
    href: str
    state: str
    note: str


@dataclass(frozen=True)
class Said:
    """How a code of :mod:`admin.what_waits` is said. :ivar tab: the page of the navigation where it is decided.

    :ivar own: it waits for others, not for whoever looks: the navigation does not count it.
    """

    title: Text
    detail: Text | str
    endpoint: str
    tab: str
    state: str = "warn"
    note: Text = _DECIDE
    query: Mapping[str, Any] | None = None
    own: bool = False


_SECOND = _l("Otra persona lo propuso y no puede decidirlo sola.")
_OTHERS = _l("Esperan la aprobación de otra persona.")
#: In the order of the page.
SAID: dict[str, Said] = {
    "certificate_requests": Said(
        _l("Solicitudes de certificado"),
        "",  # how old the oldest is
        "admin_requests.show_all",
        "requests",
        query={"status": "submitted"},
    ),
    "own_requests": Said(
        _l("Solicitudes suyas"),
        _OTHERS,
        "admin_requests.show_all",
        "requests",
        "info",
        _l("En espera"),
        {"status": "submitted", "mine": "1"},
        own=True,
    ),
    "reports": Said(
        _l("Reportes de «No fui yo»"),
        _l("Nadie los ha mirado todavía."),
        "admin_reports.show_all",
        "reports",
        "bad",
    ),
    "batches": Said(_l("Lotes de certificados"), _SECOND, "admin_batches.show_all", "requests"),
    "mass_revocations": Said(
        _l("Revocaciones masivas"), _SECOND, "admin_mass_revocations.show_all", "certificates", "bad"
    ),
    "own_applications": Said(
        _l("Pedidos suyos de aplicaciones"),
        _OTHERS,
        "admin_applications.show_all",
        "clients",
        "info",
        _l("En espera"),
        {"state": "waiting"},
        own=True,
    ),
    "identity_checks": Said(_l("Identidades por aprobar"), _SECOND, "admin_identity.waiting", "checks"),
    "rectifications": Said(
        _l("Correcciones de datos"),
        _l("Una persona dice que un dato suyo está mal. Hay un plazo."),
        "admin_rectifications.show_all",
        "rectifications",
    ),
    "go_live_requests": Said(
        _l("Aplicaciones que quieren salir a producción"),
        _SECOND,
        "admin_applications.show_all",
        "clients",
        query={"state": "waiting"},
    ),
    "application_changes": Said(
        _l("Cambios de aplicaciones en producción"),
        _SECOND,
        "admin_applications.show_all",
        "clients",
        query={"state": "waiting"},
    ),
    "recoveries": Said(_l("Recuperaciones por aprobar"), _SECOND, "admin_recoveries.show_all", "recoveries"),
    "open_recoveries": Said(
        _l("Recuperaciones abiertas"),
        _l("Puede detener la que no sea de la persona."),
        "admin_recoveries.show_all",
        "recoveries",
        "info",
        _l("En curso"),
        own=True,
    ),
    "rights": Said(_l("Roles propuestos"), _SECOND, "admin_rights.show_all", "rights"),
    "deliveries_given_up": Said(
        _l("Envíos abandonados"),
        _l("La aplicación no los recibió después de muchos intentos."),
        "admin_deliveries.show_all",
        "deliveries",
        "bad",
        _l("Repetir o avisar"),
    ),
}


def tasks_waiting(session: Session, *, now: datetime) -> list[Task]:
    """Return what waits for a decision of this operator, and what he asked for that waits for others."""
    found = operator()
    waiting = {
        each.code: each
        for each in what_waits(session, services=services(), powers=found.powers, actor=found.person_id, now=now)
    }
    return [_task(said, waiting[code], now=now) for code, said in SAID.items() if code in waiting]


def _task(said: Said, each: Waiting, *, now: datetime) -> Task:
    age = time_left(now, now=each.oldest) if each.oldest else ""
    return Task(
        count=each.count,
        title=str(said.title),
        detail=str(said.detail) or _("La más antigua: %(age)s. Plazo: 24 h.", age=age),
        href=url_for(said.endpoint, **(said.query or {})),
        state=said.state,
        note=str(said.note),
    )
