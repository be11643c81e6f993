"""A chunk of a batch: judged and stored, recorded, signed. Each step is one transaction that happens once.

Killed at any point, the next run finds by the rows which step comes next: a chunk that is not stored is judged again
(with other serials, nothing of the first try exists), recorded certificates without signature are signed, and stored
signatures are final. Two runs at once divide the chunks between them: who writes the chunk's row has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.bulk.batch import count_approvers, unsigned_serials
from ca.bulk.judge import Judge, JudgedRow
from ca.bulk.model import BatchChunk, BatchRow, CertificateBatch
from ca.bulk.proposal import chunk_sha256, proposal_sha256
from ca.bulk.table_file import InputRow
from ca.bulk.view import BatchStatus, RowView
from ca.handover.prepare import MadeKey, prepare_in_batch
from ca.issuance.assembly import read_unsigned
from ca.issuance.many import record_intents, sign_many, store_many_signed
from ca.issuance.record import Intent
from ca.issuance.tbs import MAX_BACKDATING
from ca.requests.holder import CEDULA
from ca.serial import serial_text
from ca.services import CaServices
from kernel.errors import Conflict, Fault, Rejected, ServiceError
from kernel.late_rows import insert_later
from keys.signer import Signer

_ROWS = cast(Table, BatchRow.__table__)


@dataclass(frozen=True)
class ChunkOutcome:
    """What a step did. :ivar rows: what became of each row; empty if another run had the chunk."""

    number: int
    rows: tuple[RowView, ...]


class ChunkWorker:
    """Does the steps of one batch's chunks.

    :param judge: for the batch's profile. :param signer: of its authority's key.
    :param makes_keys: whether people who bring no key get one, where the profile lets keys be made here.
    """

    def __init__(
        self, services: CaServices, batch_id: str, *, judge: Judge, signer: Signer, makes_keys: bool = False
    ) -> None:
        self._services, self._batch_id, self._judge, self._signer = services, batch_id, judge, signer
        self._makes_keys = makes_keys

    def take(self, number: int, rows: Sequence[InputRow]) -> ChunkOutcome:
        """Judge rows and store them; where one person decides, record and sign their certificates as well."""
        outcome, recorded = self._store(number, rows)
        self._sign(recorded)
        return outcome

    def issue(self, number: int) -> ChunkOutcome:
        """Record and sign a chunk that people agreed to; whatever has changed since stops the row that it concerns."""
        outcome, recorded = self._record(number)
        self._sign(recorded)
        return outcome

    def sign_leftovers(self, *, before: datetime) -> int:
        """Sign what a killed run recorded before a moment and did not sign; return how many."""
        signed = 0
        while True:
            with self._services.database.reading() as session:
                unsigned = unsigned_serials(session, batch_id=self._batch_id, before=before)
            if not unsigned:
                return signed
            self._sign(unsigned)
            signed += len(unsigned)

    def _store(self, number: int, rows: Sequence[InputRow]) -> tuple[ChunkOutcome, dict[str, bytes]]:
        keys = self._judge.make_keys(rows) if self._makes_keys else {}
        try:
            return self._store_once(number, rows, keys)
        except IntegrityError:
            # Another chunk brought one of these keys at the same moment: now its row can be seen.
            return self._store_once(number, rows, keys)

    def _store_once(
        self, number: int, rows: Sequence[InputRow], keys: Mapping[int, MadeKey]
    ) -> tuple[ChunkOutcome, dict[str, bytes]]:
        services, now = self._services, self._services.clock.now()
        with services.database.reading() as session:
            judged = self._judge.judge(session, rows, keys=keys, now=now)
            seen = session.get_one(CertificateBatch, self._batch_id)
        good = [row for row in judged if row.refusal is None]
        alone = seen.status == BatchStatus.APPROVED
        with services.database.transaction(late=True) as session:
            # All is made ready before the database is asked anything: other chunks wait while rows are written only.
            for row in judged:
                insert_later(session, _ROWS, self._values(row, number, issued=alone))
            self._record_refusals(session, judged, seen, now=now)
            for row in good:
                self._keep_key(session, row, seen, now=now)
            if alone:
                intents = [(self._intent(row, seen), row.certificate) for row in good]
                record_intents(session, intents, journal=services.journal, actor=seen.requested_by, now=now)
            batch = session.get_one(CertificateBatch, self._batch_id, with_for_update={"read": True})
            if batch.status != (BatchStatus.APPROVED if alone else BatchStatus.PREPARING):
                raise Conflict(f"The batch is {batch.status}.", code="request_not_open")
            if batch.profile_version != self._judge.profile.version:
                raise Conflict("The profile has changed since; run the file again.", code="profile_changed")
            if not self._win(session, number, judged, good, issued=alone):
                session.rollback()  # another run has the chunk
                return ChunkOutcome(number, ()), {}
        views = tuple(_view(row, issued=alone) for row in judged)
        recorded = {_serial(row): _tbs(row) for row in good} if alone else {}
        return ChunkOutcome(number, views), recorded

    def _win(
        self, session: Session, number: int, judged: Sequence[JudgedRow], good: Sequence[JudgedRow], *, issued: bool
    ) -> bool:
        insert = sqlite.insert if self._services.database.is_sqlite else postgresql.insert
        statement = (
            insert(BatchChunk)
            .values(
                batch_id=self._batch_id,
                number=number,
                state="issued" if issued else "prepared",
                ready=len(good),
                refused=len(judged) - len(good),
                tbs_sha256=chunk_sha256((row.line, _tbs(row)) for row in good),
            )
            .on_conflict_do_nothing()
            .returning(BatchChunk.number)
        )
        return session.execute(statement).scalar_one_or_none() is not None

    def _record(self, number: int) -> tuple[ChunkOutcome, dict[str, bytes]]:
        services, now = self._services, self._services.clock.now()
        with services.database.reading() as session:
            rows = self._ready_rows(session, number)
            problems = self._judge.judge_again(session, rows, now=now)
            if rows and now - read_unsigned(rows[0].tbs_der or b"").not_valid_before_utc > MAX_BACKDATING:
                late = Rejected("The dates are too old to be signed now.", code="too_much_backdating")
                problems = {row.line: late for row in rows}
        with services.database.transaction() as session:
            won = session.execute(
                update(BatchChunk)
                .where(
                    BatchChunk.batch_id == self._batch_id, BatchChunk.number == number, BatchChunk.state == "prepared"
                )
                .values(state="issued")
                .returning(BatchChunk.tbs_sha256)
                .execution_options(synchronize_session=False)
            ).scalar_one_or_none()
            if won is None:
                return ChunkOutcome(number, ()), {}
            batch = session.get_one(CertificateBatch, self._batch_id, with_for_update={"read": True})
            rows = self._ready_rows(session, number)
            self._require_agreed(session, batch, rows, won)
            intents = []
            for row in rows:
                assert row.tbs_der is not None
                if row.line in problems:
                    row.state, row.refused_for, row.reason = (
                        "refused",
                        problems[row.line].code,
                        _text(problems[row.line]),
                    )
                    row.spki_sha256 = None
                else:
                    intents.append((self._intent_of_row(row, batch), read_unsigned(row.tbs_der)))
                    row.state = "issued"
                row.tbs_der = None
            views = tuple(_row_view(row) for row in rows)
            session.flush()
            for line, problem in problems.items():
                self._record_refusal(session, batch, line, problem, EventType.CERTIFICATE_ISSUANCE_REFUSED, now=now)
            record_intents(session, intents, journal=services.journal, actor=batch.decided_by, now=now)
        return ChunkOutcome(number, views), {
            serial_text(certificate.serial_number): intent.tbs_der for intent, certificate in intents
        }

    def _require_agreed(self, session: Session, batch: CertificateBatch, rows: Sequence[BatchRow], digest: str) -> None:
        """Check in the transaction that lets the key sign: quorum, digest of the whole and of this chunk."""
        profile = self._judge.profile
        if batch.status != BatchStatus.APPROVED:
            raise Conflict(f"The batch is {batch.status}, not approved.", code="request_not_approved")
        if profile.version != batch.profile_version:
            raise Conflict("The profile has changed since; run the file again.", code="profile_changed")
        approvers = {name for name in count_approvers(session, batch) if name != batch.requested_by}
        if len(approvers) < profile.approvals_needed or proposal_sha256(session, batch) != batch.proposal_sha256:
            raise Fault("An approved batch has not the approvals that it needs.", code="quorum_missing")
        if chunk_sha256((row.line, row.tbs_der or b"") for row in rows) != digest:
            raise Fault("The bytes of a batch are not those that were approved.", code="bytes_changed")

    def _ready_rows(self, session: Session, number: int) -> list[BatchRow]:
        return list(
            session.scalars(
                select(BatchRow)
                .where(BatchRow.batch_id == self._batch_id, BatchRow.chunk == number, BatchRow.state == "ready")
                .order_by(BatchRow.line)
            )
        )

    def _sign(self, unsigned: dict[str, bytes]) -> None:
        if not unsigned:
            return
        services = self._services
        signed = sign_many(unsigned, signer=self._signer, issuer=self._judge.authority.certificate)
        store_many_signed(
            services.database,
            signed,
            journal=services.journal,
            actor=f"batch:{self._batch_id}",
            now=services.clock.now(),
        )

    def _keep_key(self, session: Session, row: JudgedRow, batch: CertificateBatch, *, now: datetime) -> None:
        if row.made is None:
            return
        assert row.spki_sha256 is not None and row.holder_id is not None
        prepare_in_batch(
            session,
            services=self._services,
            batch_id=batch.id,
            profile=batch.profile,
            key=row.made,
            spki_sha256=row.spki_sha256,
            holder_id=row.holder_id,
            cedula=row.inputs.get(CEDULA, ""),
            requested_by=batch.requested_by,
            now=now,
        )

    def _values(self, row: JudgedRow, number: int, *, issued: bool) -> dict[str, object]:
        refusal, good = row.refusal, row.refusal is None
        return {
            "batch_id": self._batch_id,
            "line": row.line,
            "chunk": number,
            "state": ("issued" if issued else "ready") if good else "refused",
            "institution_ruc": (row.institution_ruc or "")[:13] or None,
            "holder_id": row.holder_id,
            "inputs": row.inputs if good else {},
            "spki_sha256": row.spki_sha256 if good else None,
            "serial": _serial(row) if good else None,
            "subject": row.subject if good else "",
            "tbs_der": _tbs(row) if good and not issued else None,
            "refused_for": refusal.code if refusal else None,
            "reason": _text(refusal) if refusal else None,
        }

    def _intent(self, row: JudgedRow, batch: CertificateBatch) -> Intent:
        return self._make_intent(_tbs(row), row.institution_ruc, row.holder_id, batch)

    def _intent_of_row(self, row: BatchRow, batch: CertificateBatch) -> Intent:
        return self._make_intent(row.tbs_der or b"", row.institution_ruc, row.holder_id, batch)

    def _make_intent(
        self, tbs_der: bytes, institution_ruc: str | None, holder_id: str | None, batch: CertificateBatch
    ) -> Intent:
        return Intent(
            tbs_der=tbs_der,
            authority_id=batch.authority_id,
            profile=batch.profile,
            profile_version=batch.profile_version,
            institution_ruc=institution_ruc,
            holder_id=holder_id,
            batch_id=batch.id,
            is_personal=self._judge.profile.is_personal,
        )

    def _record_refusals(
        self, session: Session, judged: Sequence[JudgedRow], batch: CertificateBatch, *, now: datetime
    ) -> None:
        for row in judged:
            if row.refusal is not None:
                self._record_refusal(session, batch, row.line, row.refusal, EventType.CERTIFICATE_REQUESTED, now=now)

    def _record_refusal(
        self,
        session: Session,
        batch: CertificateBatch,
        line: int,
        error: ServiceError,
        kind: EventType,
        *,
        now: datetime,
    ) -> None:
        event = Event(
            type=kind,
            outcome=Outcome.REFUSED,
            reason=error.code,
            actor=batch.requested_by,
            object_id=batch.id,
            details={"profile": batch.profile, "line": line},
        )
        self._services.journal.record(session, event, now=now)


def rehearse(judge: Judge, number: int, rows: Sequence[InputRow], *, makes_keys: bool = False) -> ChunkOutcome:
    """Return what would become of rows; nothing is stored, and no key that was made is kept."""
    services = judge.services
    keys = judge.make_keys(rows, one_for_all=True) if makes_keys else {}
    with services.database.reading() as session:
        judged = judge.judge(session, rows, keys=keys, now=services.clock.now())
    return ChunkOutcome(number, tuple(_view(row, issued=False) for row in judged))


def _tbs(row: JudgedRow) -> bytes:
    assert row.case is not None
    return row.case.tbs_der


def _serial(row: JudgedRow) -> str:
    return serial_text(row.certificate.serial_number)


def _text(error: ServiceError) -> str:
    return (error.public_detail or error.code)[:500]


def _view(row: JudgedRow, *, issued: bool) -> RowView:
    if row.refusal is not None:
        return RowView(row.line, "refused", None, "", row.institution_ruc, row.refusal.code, _text(row.refusal))
    state = "issued" if issued else "ready"
    made = row.made is not None
    return RowView(row.line, state, _serial(row), row.subject, row.institution_ruc, None, None, key_made=made)


def _row_view(row: BatchRow) -> RowView:
    return RowView(row.line, row.state, row.serial, row.subject, row.institution_ruc, row.refused_for, row.reason)
