"""Batches of certificates by the API: sending a small table, deciding, how far it is, what came of it."""

from __future__ import annotations

import io
from base64 import b64encode
from datetime import datetime

from pydantic import Field

from admin.api.bounds import Name, Ruc, Sha256
from admin.api.hidden import hidden
from admin.api.operation import Call, Document, Done, Operation
from admin.api.requests import Refusal
from admin.api.revoking import FileDocument
from admin.certificate_reach import batch_reached
from admin.permissions import Permission
from admin.services import AdminServices
from admin.small_batches import MOST_OCTETS, approve_table, send_table, small_table
from ca.bulk.batch import refuse_batch
from ca.bulk.result import write_result
from ca.bulk.run import run_table
from ca.bulk.table_file import TableFile
from ca.bulk.view import BatchView, find_batch, list_batches, list_rows

_PERSON = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XC"])


class BatchDocument(Document):
    """A batch."""

    id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XH"])
    file_name: str = Field(examples=["firmas.csv"])
    profile: str = Field(examples=["servant-signature"])
    institution_ruc: str | None
    requested_by: str = _PERSON
    status: str = Field(examples=["proposed"])
    rows: int
    ready: int
    refused: int
    issued: int
    signed: int
    proposal_sha256: str | None = Field(description="What an approval names.")
    approvals: list[str] = Field(examples=[["01KAR0Z6Q0S4V1J3H8M5T2N7XG"]])
    approvals_needed: int
    refusal_reason: str | None
    created_at: datetime
    expires_at: datetime
    completed_at: datetime | None


class BatchRowDocument(Document):
    """A line of the table."""

    line: int
    state: str = Field(examples=["refused"], description="ready, issued, signed or refused.")
    serial: str | None
    subject: str = Field(examples=["CN=Ana Prueba,O=Ministerio,C=EC"])
    code: str | None
    reason: str | None


class NewBatch(Document):
    """A table: a header and 100 lines at most. A longer one goes through `sau ca batch`."""

    profile: Name
    institution_ruc: Ruc | None = Field(default=None, description="Null: the one that each line says.")
    file_name: str = Field(min_length=1, max_length=100, examples=["firmas.csv"])
    table: str = Field(min_length=1, max_length=MOST_OCTETS, description="Comma- or semicolon-separated text.")


class BatchApproval(Document):
    """What was seen is what is approved."""

    proposal_sha256: Sha256


def batches(call: Call) -> list[Document]:
    """Return the newest batches within reach, 100 at most."""
    reach = call.caller.powers.institutions(Permission.REQUESTS_READ)
    rucs = None if reach is None else tuple(sorted(reach))
    return [_batch(each) for each in list_batches(call.session, services=call.services.ca, institutions=rucs)]


def batch(call: Call) -> Document:
    """Return one. :raises NotFound: for another institution's too."""
    return _batch(_reached(call, Permission.REQUESTS_READ))


def rows(call: Call) -> list[Document]:
    """Return its lines, 1,000 at most."""
    found = _reached(call, Permission.REQUESTS_READ)
    state = call.query.get("state") or None
    return [
        BatchRowDocument(
            line=each.line,
            state=each.state,
            serial=each.serial,
            subject=each.subject,
            code=each.code,
            reason=each.reason,
        )
        for each in list_rows(call.session, batch_id=found.id, state=state, limit=1_000)
    ]


def send(call: Call) -> Document:
    """Begin a batch with the table."""
    body: NewBatch = call.body
    with hidden("institution"):
        made = send_table(
            call.session,
            services=call.services.ca,
            powers=call.caller.powers,
            table=_table(call.services, body),
            profile=body.profile,
            institution_ruc=body.institution_ruc,
            actor=call.caller.actor,
            now=call.now,
        )
    return _batch(made)


def judge(done: Done) -> Document:
    """Judge its lines; safe to repeat."""
    services = done.services.ca
    with services.database.reading() as session:
        batch = find_batch(session, services=services, batch_id=done.document.id)
    return _batch(run_table(services, _table(done.services, done.body), batch))


def approve(call: Call) -> Document:
    """Approve what was seen; the worker issues it."""
    body: BatchApproval = call.body
    return _batch(
        approve_table(
            call.session,
            services=call.services.ca,
            powers=call.caller.powers,
            batch_id=_reached(call, Permission.CERTIFICATES_APPROVE).id,
            proposal=body.proposal_sha256,
            actor=call.caller.actor,
            now=call.now,
        )
    )


def refuse(call: Call) -> Document:
    """Refuse it for good."""
    body: Refusal = call.body
    return _batch(
        refuse_batch(
            call.session,
            services=call.services.ca,
            batch_id=_reached(call, Permission.CERTIFICATES_APPROVE).id,
            actor=call.caller.actor,
            reason=body.reason,
            now=call.now,
        )
    )


def result(call: Call) -> Document:
    """Return the certificates and every line's outcome; on record."""
    found, out = _reached(call, Permission.CERTIFICATES_READ), io.BytesIO()
    write_result(out, services=call.services.ca, batch_id=found.id, actor=call.caller.actor, now=call.now)
    return FileDocument(
        file_name=f"lote-{found.id}.zip", media_type="application/zip", content=b64encode(out.getvalue()).decode()
    )


def _table(services: AdminServices, body: NewBatch) -> TableFile:
    return small_table(body.table.encode(), services=services.ca, profile=body.profile, file_name=body.file_name)


def _reached(call: Call, permission: Permission) -> BatchView:
    with hidden("batch"):
        return batch_reached(
            call.session, call.caller.powers, permission, call.path["batch_id"], services=call.services.ca
        )


def _batch(found: BatchView) -> BatchDocument:
    return BatchDocument(
        id=found.id,
        file_name=found.file_name,
        profile=found.profile,
        institution_ruc=found.institution_ruc,
        requested_by=found.requested_by,
        status=found.status.value,
        rows=found.row_count,
        ready=found.ready,
        refused=found.refused,
        issued=found.issued,
        signed=found.signed,
        proposal_sha256=found.proposal_sha256,
        approvals=list(found.approvals),
        approvals_needed=found.approvals_needed,
        refusal_reason=found.refusal_reason,
        created_at=found.created_at,
        expires_at=found.expires_at,
        completed_at=found.completed_at,
    )


OPERATIONS = (
    Operation(
        name="list_batches",
        path="/batches",
        summary="The newest batches within your reach, 100 at most.",
        permission=Permission.REQUESTS_READ,
        item=BatchDocument,
        handler=batches,
        key="id",
        pages=("admin_batches.show_all",),
    ),
    Operation(
        name="show_batch",
        path="/batches/{batch_id}",
        summary="One batch, and how far it is.",
        permission=Permission.REQUESTS_READ,
        item=BatchDocument,
        handler=batch,
        pages=("admin_batches.show",),
    ),
    Operation(
        name="list_batch_rows",
        path="/batches/{batch_id}/rows",
        summary="Its lines, 1,000 at most: what was refused and why.",
        permission=Permission.REQUESTS_READ,
        item=BatchRowDocument,
        handler=rows,
        key="line",
        filters=("state",),
        pages=("admin_batches.show",),
    ),
    Operation(
        name="send_batch",
        path="/batches",
        summary="Send a small table: its lines are judged at once.",
        permission=Permission.CERTIFICATES_REQUEST,
        item=BatchDocument,
        handler=send,
        method="POST",
        body=NewBatch,
        status=201,
        fresh=True,  # where one person decides alone, it signs
        after=judge,
        most_octets=MOST_OCTETS + 64 * 1024,
        fields={
            "unknown_profile": "profile",
            "profile_not_requestable": "profile",
            "unknown_institution": "institution_ruc",
            **{f"table_{what}": "table" for what in ("empty", "malformed", "not_text", "too_large", "too_long_here")},
            "column_missing": "table",
            "unknown_column": "table",
            "duplicate_column": "table",
        },
        pages=("admin_batches.submit",),
    ),
    Operation(
        name="approve_batch",
        path="/batches/{batch_id}/approve",
        summary="Approve exactly the proposal you saw; what is approved is issued in the background.",
        permission=Permission.CERTIFICATES_APPROVE,
        item=BatchDocument,
        handler=approve,
        method="POST",
        body=BatchApproval,
        fresh=True,
        fields={"bytes_changed": "proposal_sha256"},
        pages=("admin_batches.decide",),
    ),
    Operation(
        name="refuse_batch",
        path="/batches/{batch_id}/refuse",
        summary="Refuse it for good.",
        permission=Permission.CERTIFICATES_APPROVE,
        item=BatchDocument,
        handler=refuse,
        method="POST",
        body=Refusal,
        fresh=True,
        pages=("admin_batches.decide",),
    ),
    Operation(
        name="fetch_batch_result",
        path="/batches/{batch_id}/result",
        summary="Its certificates and every line's outcome, as a zip file; on record.",
        permission=Permission.CERTIFICATES_READ,
        item=FileDocument,
        handler=result,
        pages=("admin_batches.result",),
    ),
)
