"""A small table of certificates, judged while the operator waits; a longer one goes through the command line."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from admin.certificate_reach import batch_reached
from admin.permissions import Permission
from admin.roles import Powers
from admin.service_roles import require_another_hand
from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.bulk.batch import approve_batch, lock_batch, open_batch
from ca.bulk.table_file import TableFile, parse_table
from ca.bulk.view import BatchView, find_batch
from ca.services import CaServices
from kernel.errors import Denied, Rejected

MOST_ROWS, MOST_OCTETS = 100, 512 * 1024


def small_table(octets: bytes, *, services: CaServices, profile: str, file_name: str) -> TableFile:
    """Return the table, its header checked.

    :raises Rejected: ``table_too_long_here``; as :func:`ca.bulk.table_file.parse_table`.
    :raises NotFound: ``unknown_profile``.
    """
    chosen = services.profiles.get(profile)
    if len(octets) > MOST_OCTETS:
        raise Rejected("The table is too large to be sent so.", code="table_too_long_here")
    table = parse_table(octets, profile=chosen, name=file_name)
    if table.row_count > MOST_ROWS:
        raise Rejected("The table is too long to be sent so.", code="table_too_long_here")
    return table


def send_table(
    session: Session,
    *,
    services: CaServices,
    powers: Powers,
    table: TableFile,
    profile: str,
    institution_ruc: str | None,
    actor: str,
    now: datetime,
) -> BatchView:
    """Begin the batch. After the commit: :func:`ca.bulk.run.run_table` judges its rows, which is safe to repeat.

    :raises NotFound: for an institution out of reach. :raises Denied: (``batch_needs_approver``, on record) where one
        person decides alone, which then takes the role that approves.
    :raises ServiceError: as :func:`ca.bulk.batch.open_batch`.
    """
    powers.require_institution(Permission.CERTIFICATES_REQUEST, institution_ruc)
    if services.profiles.get(profile).people == 1:  # what is sent is signed
        if not powers.allow(Permission.CERTIFICATES_APPROVE):
            event = Event(
                type=EventType.BATCH_OPENED,
                outcome=Outcome.REFUSED,
                reason="batch_needs_approver",
                actor=actor,
                object_id=profile,
            )
            error = Denied("One person decides here: it takes the role that approves.", code="batch_needs_approver")
            services.journal.refuse(session, event, error, now=now)
        powers.require_institution(Permission.CERTIFICATES_APPROVE, institution_ruc)
    return open_batch(
        session,
        services=services,
        table=table,
        profile=profile,
        institution_ruc=institution_ruc,
        requested_by=actor,
        now=now,
    )


def approve_table(
    session: Session,
    *,
    services: CaServices,
    powers: Powers,
    batch_id: str,
    proposal: str,
    actor: str,
    now: datetime,
) -> BatchView:
    """Approve exactly the proposal that was seen. :raises ServiceError: ``own_service``; as :func:`approve_batch`."""
    batch_reached(session, powers, Permission.CERTIFICATES_APPROVE, batch_id, services=services)
    # A quorum is of people, not of accounts: in turn, each is compared with who came before.
    lock_batch(session, batch_id)
    found = find_batch(session, services=services, batch_id=batch_id)
    require_another_hand(
        session,
        journal=services.journal,
        kind=EventType.BATCH_APPROVED,
        actor=actor,
        proposers=(found.requested_by, *found.approvals),
        about=found.id,
        now=now,
    )
    return approve_batch(session, services=services, batch_id=found.id, approver=actor, proposal=proposal, now=now)
