"""What a mass revocation would mean, to be read before anyone decides it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, not_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from ca.issuance.model import Authority, Certificate
from ca.locations import crl_file
from ca.revocation.mass.selection import Selection, chosen_by, require_sound, struck_by
from ca.revocation.reason import RevocationReason, parse_reason
from ca.revocation.revoke import AffectedCertificate, require_plausible_compromise
from ca.revocation.standing import not_for_good
from ca.services import CaServices

_SHOWN = 20
_MOST_ASKED_ABOUT = 20_000


@dataclass(frozen=True)
class MassPreview:
    """What would stop working.

    :ivar total: live certificates that would be revoked. :ivar by_profile: how many of each.
    :ivar by_key: those among them that the selection does not name, but that have the key of one that it names.
    :ivar people: holders of personal certificates among them. :ivar institutions: their RUCs, with how many each.
    :ivar examples: the first of them. :ivar lists: files of the lists that would be signed again.
    :ivar ends: what ends at the provider, by kind.
    :ivar counted_all: whether ``ends`` was counted over all of them.
    """

    reason: RevocationReason
    total: int
    by_profile: Mapping[str, int]
    by_key: int
    people: int
    institutions: Mapping[str, int]
    examples: tuple[AffectedCertificate, ...]
    lists: tuple[str, ...]
    ends: Mapping[str, int]
    counted_all: bool


def preview_mass_revocation(
    session: Session,
    *,
    services: CaServices,
    selection: Selection,
    reason: str,
    compromised_at: datetime | None = None,
    now: datetime,
) -> MassPreview:
    """Return what would stop working, and change nothing.

    :raises kernel.errors.Rejected: as :func:`ca.revocation.mass.selection.require_sound`, and for the reason.
    """
    chosen = parse_reason(reason)
    require_plausible_compromise(chosen, compromised_at, now=now)
    require_sound(session, selection)
    live = and_(
        struck_by(session, selection, services=services, reason=chosen, issued_until=now), Certificate.not_after >= now
    )
    live = and_(live, not_for_good())
    by_profile = _count_by(session, Certificate.profile, live)
    named = chosen_by(session, selection, services=services, issued_until=now)
    digests = session.scalars(
        select(Certificate.certificate_sha256)
        .where(live, Certificate.certificate_sha256.is_not(None))
        .limit(_MOST_ASKED_ABOUT)
    ).all()
    ends = Counter[str]()
    for dependents in services.dependents:
        ends.update(dependents.count_resting(session, certificate_sha256s=[digest for digest in digests if digest]))
    total = sum(by_profile.values())
    return MassPreview(
        reason=chosen,
        total=total,
        by_profile=by_profile,
        by_key=session.scalars(select(func.count()).select_from(Certificate).where(live, not_(named))).one(),
        people=session.scalars(select(func.count(Certificate.holder_id.distinct())).where(live)).one(),
        institutions={
            ruc: number for ruc, number in _count_by(session, Certificate.institution_ruc, live).items() if ruc
        },
        examples=_examples(session, live),
        lists=_lists(session, live),
        ends=dict(ends),
        counted_all=total <= _MOST_ASKED_ABOUT,
    )


def _count_by(session: Session, column: InstrumentedAttribute[Any], live: ColumnElement[bool]) -> dict[str, int]:
    rows = session.execute(select(column, func.count()).where(live).group_by(column).order_by(column))
    return {row[0]: int(row[1]) for row in rows}


def _examples(session: Session, live: ColumnElement[bool]) -> tuple[AffectedCertificate, ...]:
    rows = session.execute(
        select(Certificate.serial, Certificate.subject, Certificate.profile, Certificate.not_after)
        .where(live)
        .order_by(Certificate.serial)
        .limit(_SHOWN)
    )
    return tuple(AffectedCertificate(*row) for row in rows)


def _lists(session: Session, live: ColumnElement[bool]) -> tuple[str, ...]:
    rows = session.execute(
        select(Authority.name, Certificate.crl_shard)
        .join(Authority, Authority.id == Certificate.authority_id)
        .where(live)
        .distinct()
        .order_by(Authority.name, Certificate.crl_shard)
    )
    return tuple(crl_file(name, shard) for name, shard in rows)
