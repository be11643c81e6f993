"""Doing a mass revocation: batch after batch, each one transaction that remembers where the next begins.

A batch walks on from that place through what the selection names, in the order of serial numbers, and takes along those
that have the keys of what it meets: nothing that was behind it is looked at again, however many there are.
"""

from __future__ import annotations

from ca.revocation.mass.decide import (
    MASS_REVOCATION,
    MassState,
    MassView,
    load_mass_revocation,
    record_end,
    selection_of,
    view_of,
)
from ca.revocation.mass.selection import next_struck
from ca.revocation.reason import RevocationReason
from ca.revocation.revoke import LIST_DUE, revoke_certificate
from ca.revocation.upkeep import behind_lists
from ca.services import CaServices
from kernel.errors import ServiceError
from kernel.outbox import enqueue

BATCH = 50  # certificates: on SQLite nobody else writes meanwhile
_BATCHES_A_TASK = 4  # then other work has its turn


def run_batch(services: CaServices, mass_id: str, *, size: int = BATCH) -> MassView:
    """Revoke the next certificates and return how far it has come; nothing happens to one that is not running.

    Each certificate is revoked as a single one is, with an event of its own. One that cannot be is passed over, its
    refusal on record. Safe among processes, and after a crash: what was committed is not done again.

    :raises kernel.errors.NotFound: ``unknown_mass_revocation``.
    """
    now = services.clock.now()
    with services.database.transaction() as session:
        row = load_mass_revocation(session, mass_id, lock=True)
        if row.state != MassState.RUNNING.value:
            return view_of(row)
        met, serials = next_struck(
            session,
            selection_of(row),
            services=services,
            reason=RevocationReason(row.reason),
            issued_until=row.proposed_at,
            after=row.cursor,
            size=size,
            now=now,
        )
        for serial in serials:
            try:
                revoke_certificate(
                    session,
                    services=services,
                    serial=serial,
                    reason=row.reason,
                    compromised_at=row.compromised_at,
                    actor=row.decided_by or row.proposed_by,
                    now=now,
                    one_of_many=True,
                )
            except ServiceError as error:
                if not error.commits:
                    raise
                row.passed_over += 1
                continue
            row.revoked += 1
        if met:
            row.cursor = met[-1]
        if len(met) < size:
            row.state, row.finished_at = MassState.DONE.value, now
            # Signed once for all of them. Until then OCSP says it of each, and the lists' own job of what takes longer.
            for authority_id, shard in behind_lists(session, now=now):
                enqueue(session, LIST_DUE, {"authority_id": authority_id, "shard": shard}, now=now)
            record_end(session, services, row, now=now)
        session.flush()
        return view_of(row)


def go_on(services: CaServices, mass_id: str) -> None:
    """Do some batches, and leave word to go on where there is more: the worker has other work as well."""
    for _ in range(_BATCHES_A_TASK):
        if run_batch(services, mass_id).state is not MassState.RUNNING:
            return
    with services.database.transaction() as session:
        enqueue(session, MASS_REVOCATION, {"id": mass_id}, now=services.clock.now())
