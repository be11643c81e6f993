"""What happened today, by what the operator's roles reach."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from admin.overview import issuance_today, issued_today, revoked_today, told_today
from admin.permissions import Permission
from admin.web.gate import operator
from audit.vocabulary import EventType


@dataclass(frozen=True)
class Today:
    """A card of numbers. :ivar id: of its heading."""

    id: str
    heading: str
    rows: tuple[tuple[str, int], ...]


def told_of_today(session: Session, *, now: datetime) -> list[Today]:
    """Return the cards. What the whole service did is not told to whoever sees one institution."""
    powers, found = operator().powers, []
    if powers.allow(Permission.CERTIFICATES_READ):
        reach = powers.institutions(Permission.CERTIFICATES_READ)
        if reach is None:
            today = issuance_today(session, now=now)
            rows: tuple[tuple[str, int], ...] = (
                (_("Pedidos"), today.requested),
                (_("Aprobados"), today.approved),
                (_("Emitidos"), today.issued),
                (_("Negados o fallidos"), today.refused),
                (_("Revocados"), today.revoked),
            )
        else:
            rows = (
                (_("Emitidos"), issued_today(session, institutions=reach, now=now)),
                (_("Revocados"), revoked_today(session, institutions=reach, now=now)),
            )
        found.append(Today("issued", _("Certificados, hoy"), rows))
    if people := _people(session, now=now):
        found.append(Today("people-today", _("Personas, hoy"), people))
    return found


def _people(session: Session, *, now: datetime) -> tuple[tuple[str, int], ...]:
    powers = operator().powers

    def whole(permission: Permission) -> bool:
        return powers.allow(permission) and powers.institutions(permission) is None

    wanted: list[tuple[str, EventType]] = []
    if whole(Permission.IDENTITIES_VERIFY):
        wanted.append((_("Identidades comprobadas"), EventType.ACCOUNT_IDENTITY_VERIFIED))
        wanted.append((_("Correcciones decididas"), EventType.RECTIFICATION_DECIDED))
    if whole(Permission.RECOVERIES_READ):
        wanted.append((_("Recuperaciones abiertas"), EventType.DESK_RECOVERY_OPENED))
        wanted.append((_("Recuperaciones terminadas"), EventType.DESK_RECOVERY_FINISHED))
        wanted.append((_("Recuperaciones detenidas"), EventType.DESK_RECOVERY_STOPPED))
    if whole(Permission.REPORTS_READ):
        wanted.append((_("Reportes de «No fui yo»"), EventType.REPORT_OPENED))
        wanted.append((_("Reportes cerrados"), EventType.REPORT_CLOSED))
    if not wanted:
        return ()
    told = told_today(session, now=now)
    return tuple((words, told.get((kind.value, True), 0)) for words, kind in wanted)
