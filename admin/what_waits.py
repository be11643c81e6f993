"""What waits for somebody, and what is about to break, as codes and numbers: for programs that watch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

import idp.jobs
from admin.certificate_search import expiring_certificates
from admin.hierarchy import AuthorityNode, authority_tree
from admin.permissions import Permission
from admin.request_list import RequestQuery, count_waiting
from admin.roles import Powers
from admin.services import AdminServices
from audit.tree_store import latest_checkpoint
from ca.bulk.view import list_batches
from ca.revocation.mass.decide import MassState, list_mass_revocations
from idp.deliveries.queue import count_given_up
from idp.desk.identity import list_waiting_checks
from idp.desk.recovery_record import list_recoveries
from idp.desk.report import count_new_reports
from idp.rights.reports import report_holders
from kernel.outbox import OutboxTask

_P = Permission
_MOST = 100
_STALE_CHECKPOINT = timedelta(minutes=10)
_LATE = timedelta(minutes=5)
_LIST_WARNING = timedelta(hours=12)


@dataclass(frozen=True)
class Breaking:
    """Something that will break, or is broken. :ivar at: when it stops counting; None: it is broken now."""

    code: str
    about: str
    at: datetime | None


def what_waits(
    session: Session, *, services: AdminServices, powers: Powers, actor: str, now: datetime
) -> dict[str, int]:
    """Return by code how much waits for a decision of ``actor``, of what his roles reach; what is not his is absent."""
    counts: dict[str, int] = {}
    if powers.allow(_P.CERTIFICATES_APPROVE):
        reach = powers.institutions(_P.CERTIFICATES_APPROVE)
        query = RequestQuery(not_by=actor, institutions=reach)
        counts["certificate_requests"] = count_waiting(session, query, now=now).count
        rucs = None if reach is None else tuple(sorted(reach))
        batches = list_batches(session, services=services.ca, institutions=rucs)
        counts["batches"] = sum(each.status.value == "proposed" and each.requested_by != actor for each in batches)
    if powers.allow(_P.CERTIFICATES_REVOKE) and powers.institutions(_P.CERTIFICATES_REVOKE) is None:
        waiting = [each for each in list_mass_revocations(session) if each.state is MassState.WAITING]
        counts["mass_revocations"] = sum(each.proposed_by != actor for each in waiting)
    if powers.allow(_P.REPORTS_READ):
        counts["reports"] = count_new_reports(session)
    if powers.allow(_P.IDENTITIES_VERIFY):
        checks = list_waiting_checks(session, institutions=powers.institutions(_P.IDENTITIES_VERIFY), now=now)
        counts["identity_checks"] = sum(actor not in (each.officer_id, each.person_id) for each in checks)
    if powers.allow(_P.RECOVERIES_OPEN):
        found = list_recoveries(session, institutions=powers.institutions(_P.RECOVERIES_OPEN), limit=_MOST)
        counts["recoveries"] = sum(
            each.closed_at is None
            and each.expires_at > now
            and each.ready_at is None
            and actor not in (each.officer_id, each.person_id)
            for each in found
        )
    if powers.allow(_P.RIGHTS_DECIDE):
        reach = powers.institutions(_P.RIGHTS_DECIDE)
        lines = report_holders(session, institution_rucs=reach, pending=True, limit=_MOST, now=now)
        counts["rights"] = sum(actor not in (x.assignment.proposed_by, x.assignment.person_id) for x in lines)
    if powers.allow(_P.DELIVERIES_REPEAT):
        counts["deliveries_given_up"] = count_given_up(session, kinds=tuple(idp.jobs.deliveries(services.idp)))
    return {name: count for name, count in counts.items() if count}


def what_breaks(session: Session, *, powers: Powers, now: datetime) -> list[Breaking]:
    """Return what will break if nobody acts, of what the roles reach: what is broken already first."""
    found: list[Breaking] = []
    if powers.allow(_P.AUDIT_SEARCH):
        checkpoint = latest_checkpoint(session)
        if checkpoint is None or checkpoint.signed_at < now - _STALE_CHECKPOINT:
            found.append(Breaking("seal_stale", "audit", None))
    if powers.allow(_P.DELIVERIES_READ):
        late = session.scalar(
            select(func.count()).where(OutboxTask.due_at < now - _LATE, OutboxTask.given_up_at.is_(None))
        )
        if late:
            found.append(Breaking("tasks_late", str(late), None))
    if powers.allow(_P.AUTHORITIES_READ):
        for node in authority_tree(session, now=now):
            found += _of_authority(node, now=now)
    if powers.allow(_P.CERTIFICATES_READ):
        reach = powers.institutions(_P.CERTIFICATES_READ)
        for each in expiring_certificates(session, institutions=reach, now=now, limit=_MOST):
            found.append(Breaking("certificate_expires", each.serial, each.not_after))
    return found


def _of_authority(node: AuthorityNode, *, now: datetime) -> list[Breaking]:
    found = []
    state = node.revocation_list
    if state is not None and state.next_update < now + _LIST_WARNING:
        found.append(Breaking("list_expires", node.name, state.next_update))
    if now < node.not_after < now + timedelta(days=365):
        found.append(Breaking("authority_expires", node.name, node.not_after))
    return found + [each for child in node.children for each in _of_authority(child, now=now)]
