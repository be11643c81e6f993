"""Keys that the service makes for people who bring none, by the API: asked for, listed, destroyed. No key is told."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from admin.api.bounds import Name, Ruc
from admin.api.hidden import hidden
from admin.api.operation import Before, Call, Document, Lines, Nothing, Operation
from admin.handing_over import (
    ask_for_handover,
    destroy,
    handover_reached,
    offered_profile,
    require_handover_reach,
)
from admin.handover_list import HandoverQuery, handovers_before
from admin.permissions import Permission
from ca.handover.prepare import MadeKey, make_key
from ca.handover.view import HandoverStatus, HandoverView
from ca.profiles.profile import KeyType
from kernel.errors import Rejected

_READ, _ASK = Permission.REQUESTS_READ, Permission.CERTIFICATES_REQUEST


class HandoverDocument(Document):
    """A key on its way to its holder; never the key, a password, a link or a code."""

    id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XM"])
    status: HandoverStatus
    request_id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XH"], description="Of its batch, if it is of one.")
    is_of_batch: bool
    profile: str = Field(examples=["natural-person-signature"])
    serial: str | None = Field(examples=["5f3a9c"])
    has_account: bool
    prepared_by: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XC"])
    created_at: datetime
    expires_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None


class NewHandover(Document):
    """A key to be made. ``inputs``: as ``/profiles`` lists them."""

    profile: Name = Field(examples=["natural-person-signature"])
    key: Literal["RSA", "P-256", "P-384"] = Field(default="RSA", examples=["P-256"])
    institution_ruc: Ruc | None = None
    email: str | None = Field(
        default=None, max_length=254, examples=["rosa@correo.ec"], description="For a holder without an account."
    )
    inputs: dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=400)]] = Field(
        default={}, max_length=40, examples=[{"cedula": "1710034065"}]
    )


class PreparedDocument(Document):
    """What was asked for. The code goes to the holder in person; it is told here alone."""

    handover: HandoverDocument
    subject: str = Field(examples=["CN=Rosa Chimbo,C=EC"])
    code: str | None = Field(examples=["40718265"], description="Null for a holder with an account.")


def list_all(call: Call) -> Lines:
    """Return a page of those within reach, newest first."""
    query = HandoverQuery(
        status=call.query.get("status", ""),
        profile=call.query.get("profile", ""),
        institutions=call.caller.powers.institutions(_READ),
    )
    limit = call.wanted.limit
    found = handovers_before(call.session, query, handover_id=call.wanted.after, limit=limit + 1)
    return Lines([_document(each) for each in found[:limit]], found[limit - 1].id if len(found) > limit else "")


def show(call: Call) -> Document:
    """Return one."""
    with hidden("handover"):
        return _document(handover_reached(call.session, call.caller.powers, _READ, call.path["handover_id"]))


def make(before: Before) -> MadeKey:
    """Return the key: an RSA key takes a moment, and none is made for what is out of reach."""
    body: NewHandover = before.body
    profile = offered_profile(before.services.ca, body.profile)
    with hidden("institution"):
        require_handover_reach(before.caller.powers, profile, body.institution_ruc)
    if KeyType(body.key) not in profile.keys:
        raise Rejected("Certificates of this kind have no such key.", code="key_type_refused")
    return make_key(KeyType(body.key))


def prepare(call: Call) -> Document:
    """Ask for the certificate of the key."""
    body: NewHandover = call.body
    with hidden("institution"):
        made = ask_for_handover(
            call.session,
            services=call.services.ca,
            powers=call.caller.powers,
            profile=offered_profile(call.services.ca, body.profile),
            key=call.prepared,
            inputs=body.inputs,
            institution_ruc=body.institution_ruc,
            email=body.email,
            actor=call.caller.actor,
            now=call.now,
        )
    return PreparedDocument(
        handover=_document(handover_reached(call.session, call.caller.powers, _ASK, made.id)),
        subject=made.request.subject,
        code=made.code.reveal() if made.code else None,
    )


def cancel(call: Call) -> Document:
    """Destroy the key."""
    with hidden("handover"):
        return _document(
            destroy(
                call.session,
                services=call.services.ca,
                powers=call.caller.powers,
                handover_id=call.path["handover_id"],
                actor=call.caller.actor,
                now=call.now,
            )
        )


def _document(found: HandoverView) -> HandoverDocument:
    return HandoverDocument(
        id=found.id,
        status=found.status,
        request_id=found.request_id,
        is_of_batch=found.is_of_batch,
        profile=found.profile,
        serial=found.serial,
        has_account=found.has_account,
        prepared_by=found.prepared_by,
        created_at=found.created_at,
        expires_at=found.expires_at,
        ended_at=found.ended_at,
        end_reason=found.end_reason,
    )


OPERATIONS = (
    Operation(
        name="list_handovers",
        path="/handovers",
        summary="Keys that are made here for people who bring none, within your reach, newest first.",
        permission=_READ,
        item=HandoverDocument,
        handler=list_all,
        key="id",
        filters=("status", "profile"),
        paged=True,
        pages=("admin_handovers.show_all",),
    ),
    Operation(
        name="show_handover",
        path="/handovers/{handover_id}",
        summary="One of them: never the key, a password, a link or a code.",
        permission=_READ,
        item=HandoverDocument,
        handler=show,
    ),
    Operation(
        name="prepare_handover",
        path="/handovers",
        summary="Have a key made and its certificate asked for; the code for a holder without an account is told once.",
        permission=_ASK,
        item=PreparedDocument,
        handler=prepare,
        method="POST",
        body=NewHandover,
        status=201,
        fresh=True,
        prepare=make,
        fields={
            "unknown_profile": "profile",
            "key_type_refused": "key",
            "email_missing": "email",
            "institution_missing": "institution_ruc",
            "unknown_institution": "institution_ruc",
            "holder_unknown": "inputs",
            "person_not_verified": "inputs",
            "bad_cedula": "inputs",
        },
        pages=("admin_handovers.prepare",),
    ),
    Operation(
        name="cancel_handover",
        path="/handovers/{handover_id}/cancel",
        summary="Destroy the key; a certificate that there is stays until it is revoked.",
        permission=_ASK,
        item=HandoverDocument,
        handler=cancel,
        method="POST",
        body=Nothing,
        fresh=True,
        pages=("admin_handovers.cancel",),
    ),
)
