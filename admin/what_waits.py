"""What waits for somebody, as codes and counts: the one source of the front page, the navigation, the API, the command.

Each is one count, or one short list, of rows that wait: none reads the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

import idp.jobs
from admin.applications.changing import waiting_changes
from admin.applications.go_live import waiting_requests
from admin.permissions import PERMISSIONS, Permission, Role
from admin.request_list import RequestQuery, count_waiting
from admin.roles import Powers, RoleHolding
from admin.services import AdminServices
from ca.bulk.model import CertificateBatch
from ca.bulk.view import BatchStatus
from ca.revocation.mass.decide import MassState, list_mass_revocations
from idp.accounts.rectification import count_open_rectifications
from idp.deliveries.queue import count_given_up
from idp.desk.identity import list_waiting_checks
from idp.desk.recovery_record import list_recoveries
from idp.desk.report import count_new_reports
from idp.rights.reports import report_holders

_P = Permission
_MOST = 100


@dataclass(frozen=True)
class Waiting:
    """Something that waits. :ivar code: of what. :ivar oldest: since when the first one does, where that is known."""

    code: str
    count: int
    oldest: datetime | None = None


def what_waits(
    session: Session, *, services: AdminServices, powers: Powers, actor: str, now: datetime
) -> list[Waiting]:
    """Return what waits for a decision of ``actor``, of what his roles reach, and what he asked for himself.

    :param actor: nobody decides on his own: what he proposed is left out.
    """
    found = (
        *_certificates(session, powers, actor, now=now),
        *_applications(session, powers, actor),
        *_people(session, powers, actor, now=now),
    )
    given_up = 0
    if powers.allow(_P.DELIVERIES_REPEAT):
        given_up = count_given_up(session, kinds=tuple(idp.jobs.deliveries(services.idp)))
    return [each for each in (*found, Waiting("deliveries_given_up", given_up)) if each.count]


def whole_reach(*, now: datetime) -> Powers:
    """Return the powers of who may see everything that waits: of the command line."""
    return Powers(
        tuple(
            RoleHolding(
                id="", person_id="command", role=role, institution_ruc=None, granted_by="command", granted_at=now
            )
            for role in Role
            if PERMISSIONS[role]
        )
    )


def _certificates(session: Session, powers: Powers, actor: str, *, now: datetime) -> Iterator[Waiting]:
    if powers.allow(_P.CERTIFICATES_APPROVE):
        reach = powers.institutions(_P.CERTIFICATES_APPROVE)
        waiting = count_waiting(session, RequestQuery(not_by=actor, institutions=reach), now=now)
        yield Waiting("certificate_requests", waiting.count, waiting.oldest)
    if powers.allow(_P.CERTIFICATES_REQUEST):
        own = count_waiting(session, RequestQuery(requested_by=actor), now=now)
        yield Waiting("own_requests", own.count, own.oldest)
    if powers.allow(_P.CERTIFICATES_APPROVE):
        batches = (
            select(func.count())
            .select_from(CertificateBatch)
            .where(CertificateBatch.status == BatchStatus.PROPOSED.value, CertificateBatch.requested_by != actor)
        )
        reach = powers.institutions(_P.CERTIFICATES_APPROVE)
        if reach is not None:
            batches = batches.where(CertificateBatch.institution_ruc.in_(sorted(reach)))
        yield Waiting("batches", session.scalar(batches) or 0)
    if powers.allow(_P.CERTIFICATES_REVOKE) and powers.institutions(_P.CERTIFICATES_REVOKE) is None:
        proposed = [each for each in list_mass_revocations(session) if each.state is MassState.WAITING]
        yield Waiting("mass_revocations", sum(each.proposed_by != actor for each in proposed))


def _applications(session: Session, powers: Powers, actor: str) -> Iterator[Waiting]:
    if not powers.allow(_P.APPLICATIONS_WRITE) and not powers.allow(_P.APPLICATIONS_APPROVE):
        return
    live, changes = list(waiting_requests(session).values()), list(waiting_changes(session).values())
    if powers.allow(_P.APPLICATIONS_WRITE):
        yield Waiting("own_applications", [*live, *changes].count(actor))
    if powers.allow(_P.APPLICATIONS_APPROVE):
        yield Waiting("go_live_requests", sum(each != actor for each in live))
        yield Waiting("application_changes", sum(each != actor for each in changes))


def _people(session: Session, powers: Powers, actor: str, *, now: datetime) -> Iterator[Waiting]:
    if powers.allow(_P.REPORTS_READ):
        yield Waiting("reports", count_new_reports(session))
    if powers.allow(_P.IDENTITIES_VERIFY):
        checks = list_waiting_checks(session, institutions=powers.institutions(_P.IDENTITIES_VERIFY), now=now)
        yield Waiting("identity_checks", sum(actor not in (each.officer_id, each.person_id) for each in checks))
    if powers.allow(_P.RECTIFICATIONS_DECIDE):
        yield Waiting("rectifications", count_open_rectifications(session))
    if powers.allow(_P.RECOVERIES_READ):
        found = list_recoveries(session, institutions=powers.institutions(_P.RECOVERIES_READ), limit=_MOST)
        opened = [each for each in found if each.closed_at is None and each.expires_at > now]
        due = sum(each.ready_at is None and actor not in (each.officer_id, each.person_id) for each in opened)
        if due and powers.allow(_P.RECOVERIES_OPEN):
            yield Waiting("recoveries", due)
        else:
            yield Waiting("open_recoveries", len(opened))
    if powers.allow(_P.RIGHTS_DECIDE):
        reach = powers.institutions(_P.RIGHTS_DECIDE)
        lines = report_holders(session, institution_rucs=reach, pending=True, limit=_MOST, now=now)
        yield Waiting(
            "rights", sum(actor not in (each.assignment.proposed_by, each.assignment.person_id) for each in lines)
        )
