"""Which certificates a mass revocation strikes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.orm import Session, aliased

from ca.issuance.authority import load_authority
from ca.issuance.model import Certificate
from ca.revocation.reason import RevocationReason
from ca.revocation.standing import not_for_good
from ca.serial import parse_serial
from ca.services import CaServices
from kernel.errors import Denied, Rejected

MOST_SERIALS = 10_000  # named one by one; a cause that strikes more has an institution, an authority or a profile


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What certificates have in common. All that is given must fit.

    :ivar authority: short name. :ivar serials: as stored; empty: any.
    """

    institution_ruc: str | None = None
    authority: str | None = None
    profile: str | None = None
    serials: tuple[str, ...] = ()


def parse_serials(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the serials of a list as people keep one: a line each, empty lines and ``#`` passed over.

    :raises Rejected: ``bad_serial``, ``too_many_serials``.
    """
    serials = {parse_serial(line) for text in lines if (line := text.partition("#")[0].strip())}
    if len(serials) > MOST_SERIALS:
        raise Rejected(f"At most {MOST_SERIALS} serial numbers in one list.", code="too_many_serials")
    return tuple(sorted(serials))


def require_sound(session: Session, selection: Selection) -> None:
    """Check that the selection selects, and only what may be revoked together.

    :raises Rejected: (``nothing_selected``) if it names nothing.
    :raises Denied: (``root_is_withdrawn_by_hand``) for what a root signed: authorities are revoked one by one.
    :raises kernel.errors.NotFound: ``unknown_authority``.
    """
    if selection == Selection():
        raise Rejected(
            "Say which: an institution, an authority, a profile, or serial numbers.", code="nothing_selected"
        )
    if selection.authority and load_authority(session, selection.authority).is_root:
        raise Denied("What a root signed is revoked one by one.", code="root_is_withdrawn_by_hand")


def struck_by(
    session: Session, selection: Selection, *, services: CaServices, reason: RevocationReason, issued_until: datetime
) -> ColumnElement[bool]:
    """Return the condition of the certificates that are struck, revoked ones included.

    After a key compromise that is every certificate with one of the selected ones' keys. What the service issued to
    itself (its OCSP responders) is struck only where it is named.
    """
    chosen = chosen_by(session, selection, services=services, issued_until=issued_until)
    if not reason.is_compromise:
        return chosen
    other = aliased(Certificate)
    keys = select(other.spki_sha256).where(
        chosen_by(session, selection, services=services, issued_until=issued_until, of=other)
    )
    return or_(chosen, and_(Certificate.spki_sha256.in_(keys), Certificate.issued_at <= issued_until))


def next_struck(
    session: Session,
    selection: Selection,
    *,
    services: CaServices,
    reason: RevocationReason,
    issued_until: datetime,
    after: str,
    size: int,
    now: datetime,
) -> tuple[list[str], list[str]]:
    """Return a step of the way through what :func:`struck_by` says: the work of it does not grow with what is behind.

    :param after: the serial number where the last step ended. :param size: how many the selection names of this step.
    :return: the serial numbers of this step, fewer than ``size`` if it is the last, and of them, and of those that
        have their keys after a key compromise, the ones that are neither revoked nor expired.
    """
    named: tuple[str, ...] = ()
    if selection.serials:
        begin = bisect_right(selection.serials, after)
        named = selection.serials[begin : begin + size]
        if not named:
            return [], []
        selection = replace(selection, serials=named)
    live = and_(not_for_good(), Certificate.not_after >= now)
    chosen = chosen_by(session, selection, services=services, issued_until=issued_until)
    # After a key compromise what was revoked before counts: others may have its key.
    passed = true() if reason.is_compromise else live
    rows = session.execute(
        select(Certificate.serial, Certificate.spki_sha256)
        .where(chosen, passed, Certificate.serial > after)
        .order_by(Certificate.serial)
        .limit(size)
    ).all()
    met = list(named) or [row.serial for row in rows]
    if not rows:
        return met, []
    struck: ColumnElement[bool] = Certificate.serial.in_([row.serial for row in rows])
    if reason.is_compromise:
        keys = sorted({row.spki_sha256 for row in rows})
        struck = and_(Certificate.spki_sha256.in_(keys), Certificate.issued_at <= issued_until)
    return met, list(session.scalars(select(Certificate.serial).where(struck, live).order_by(Certificate.serial)))


def chosen_by(
    session: Session,
    selection: Selection,
    *,
    services: CaServices,
    issued_until: datetime,
    of: type[Certificate] = Certificate,
) -> ColumnElement[bool]:
    """Return the condition of what the selection itself names.

    :param of: the table, or an alias of it.
    """
    conditions: list[ColumnElement[bool]] = [of.issued_at <= issued_until]
    if selection.serials:
        conditions.append(of.serial.in_(selection.serials))
    else:
        own = [profile.name for profile in services.profiles.list() if not profile.requestable]
        conditions.append(of.profile.not_in(own) if selection.profile is None else true())
    if selection.institution_ruc:
        conditions.append(of.institution_ruc == selection.institution_ruc)
    if selection.profile:
        conditions.append(of.profile == selection.profile)
    if selection.authority:
        conditions.append(of.authority_id == load_authority(session, selection.authority).id)
    return and_(*conditions)
