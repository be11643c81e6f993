"""Revoking and suspending certificates by the API, what that would mean, and their files."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime

from pydantic import Field

from admin.api.bounds import Moment
from admin.api.certificates import CertificateDocument, certificate_document
from admin.api.hidden import hidden
from admin.api.operation import Call, Document, Nothing, Operation
from admin.certificate_reach import certificate_reached
from admin.certificate_view import deliver
from admin.deciding_revocations import release as release_from_hold
from admin.permissions import Permission
from audit.event import Event
from audit.vocabulary import EventType
from ca.issuance.model import Certificate
from ca.revocation.hold import HeldAs, hold_certificate
from ca.revocation.reason import RevocationReason
from ca.revocation.revoke import AffectedCertificate, preview_revocation, revoke_certificate

_FIELDS = {
    "unknown_revocation_reason": "reason",
    "reason_for_authorities_only": "reason",
    "reason_not_for_authorities": "reason",
    "compromise_date_without_compromise": "compromised_at",
    "compromise_in_future": "compromised_at",
}


class AffectedDocument(Document):
    """A certificate that it is about."""

    serial: str = Field(examples=["5f3a0c9d1e"])
    subject: str = Field(examples=["CN=portal.mintel.gob.ec,O=Ministerio,C=EC"])
    profile: str = Field(examples=["tls-server"])
    not_after: datetime


class RevocationPreviewDocument(Document):
    """What will stop working."""

    serial: str = Field(examples=["5f3a0c9d1e"])
    names: list[str] = Field(examples=[["portal.mintel.gob.ec"]])
    already_revoked_at: datetime | None
    same_key: list[AffectedDocument] = Field(description="Other live certificates with the same key.")
    live_below: int = Field(description="Of an authority: live certificates that it issued.")
    blocks_key: bool = Field(description="Whether the key could never be certified again.")


class Revocation(Document):
    """Why it is revoked, for good."""

    reason: RevocationReason = Field(examples=["keyCompromise"])
    compromised_at: Moment | None = Field(
        default=None,
        examples=["2026-11-20T08:00:00Z"],
        description="Since when the key may be in foreign hands; with a compromise only.",
    )


class FileDocument(Document):
    """A file."""

    file_name: str = Field(examples=["5f3a0c9d1e.pem"])
    media_type: str = Field(examples=["application/x-pem-file"])
    content: str = Field(examples=["LS0tLS1CRUdJTi4uLg=="], description="In base64.")


def preview(call: Call) -> Document:
    """Return what a revocation would mean."""
    row = _reached(call, Permission.CERTIFICATES_REVOKE)
    reason = call.query.get("reason") or RevocationReason.UNSPECIFIED.value
    found = preview_revocation(call.session, serial=row.serial, reason=reason, now=call.now)
    return RevocationPreviewDocument(
        serial=found.serial,
        names=list(found.names),
        already_revoked_at=found.already_revoked_at,
        same_key=[affected(each) for each in found.siblings],
        live_below=found.live_below,
        blocks_key=found.blocks_key,
    )


def affected(found: AffectedCertificate) -> AffectedDocument:
    """Return a certificate that a revocation is about."""
    return AffectedDocument(
        serial=found.serial, subject=found.subject, profile=found.profile, not_after=found.not_after
    )


def revoke(call: Call) -> Document:
    """Revoke it."""
    body: Revocation = call.body
    row = _reached(call, Permission.CERTIFICATES_REVOKE)
    revoke_certificate(
        call.session,
        services=call.services.ca,
        serial=row.serial,
        reason=body.reason.value,
        compromised_at=body.compromised_at,
        actor=call.caller.actor,
        now=call.now,
    )
    return _as_it_is(call, row)


def hold(call: Call) -> Document:
    """Suspend it."""
    row = _reached(call, Permission.CERTIFICATES_HOLD)
    hold_certificate(
        call.session,
        services=call.services.ca,
        serial=row.serial,
        actor=call.caller.actor,
        held_as=HeldAs.AUTHORITY,
        now=call.now,
    )
    return _as_it_is(call, row)


def release(call: Call) -> Document:
    """Take it up again, or ask for that."""
    row = _reached(call, Permission.CERTIFICATES_HOLD)
    release_from_hold(call.session, services=call.services.ca, certificate=row, actor=call.caller.actor, now=call.now)
    return _as_it_is(call, row)


def hand_out(call: Call) -> Document:
    """Hand out the certificate, alone or with its issuers; on record."""
    row = _reached(call, Permission.CERTIFICATES_READ)
    form = call.path["form"]
    file = deliver(call.session, row, form, now=call.now)
    event = Event(
        type=EventType.CERTIFICATE_DELIVERED,
        actor=call.caller.actor,
        object_id=row.serial,
        details={"form": form},
    )
    call.services.journal.record(call.session, event, now=call.now)
    return FileDocument(file_name=file.file_name, media_type=file.mimetype, content=b64encode(file.content).decode())


def _reached(call: Call, permission: Permission) -> Certificate:
    with hidden("certificate"):
        return certificate_reached(call.session, call.caller.powers, permission, call.path["serial"])


def _as_it_is(call: Call, row: Certificate) -> Document:
    call.session.flush()
    call.session.refresh(row)
    return certificate_document(row, now=call.now)


def show(call: Call) -> Document:
    """Return it as the operation that reads it does: what ``If-Match`` names."""
    return certificate_document(_reached(call, Permission.CERTIFICATES_READ), now=call.now)


OPERATIONS = (
    Operation(
        name="preview_revocation",
        path="/certificates/{serial}/revocation-preview",
        summary="What a revocation for this reason would mean: read it before you revoke.",
        permission=Permission.CERTIFICATES_REVOKE,
        item=RevocationPreviewDocument,
        handler=preview,
        filters=("reason",),
        pages=("admin_certificates.revoke_form",),
    ),
    Operation(
        name="revoke_certificate",
        path="/certificates/{serial}/revoke",
        summary="Revoke it for good.",
        permission=Permission.CERTIFICATES_REVOKE,
        item=CertificateDocument,
        handler=revoke,
        method="POST",
        body=Revocation,
        fresh=True,
        shown_by=show,
        fields=_FIELDS,
        pages=("admin_certificates.revoke",),
    ),
    Operation(
        name="hold_certificate",
        path="/certificates/{serial}/hold",
        summary="Suspend it.",
        permission=Permission.CERTIFICATES_HOLD,
        item=CertificateDocument,
        handler=hold,
        method="POST",
        body=Nothing,
        fresh=True,
        shown_by=show,
        pages=("admin_holds.hold",),
    ),
    Operation(
        name="release_certificate",
        path="/certificates/{serial}/release",
        summary="Take it up again; where two people must agree, the first call asks and another person's does it.",
        permission=Permission.CERTIFICATES_HOLD,
        item=CertificateDocument,
        handler=release,
        method="POST",
        body=Nothing,
        fresh=True,
        shown_by=show,
        pages=("admin_holds.release",),
    ),
    Operation(
        name="deliver_certificate",
        path="/certificates/{serial}/files/{form}",
        summary="Its file: `pem`, `der`, `chain.pem` or `chain.p7b`; on record.",
        permission=Permission.CERTIFICATES_READ,
        item=FileDocument,
        handler=hand_out,
        recorded=True,
        pages=("admin_certificates.download",),
    ),
)
