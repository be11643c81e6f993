"""Requests for certificates by the API: what was asked against what is granted, asking and deciding."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

import admin.certificate_requests as use_cases
from admin.api.bounds import CSR_FIELDS, Name, Reason, Ruc, Sha256
from admin.api.hidden import hidden
from admin.api.operation import Call, Document, Done, Lines, Nothing, Operation
from admin.permissions import Permission
from admin.request_list import RequestQuery, requests_before
from ca.requests.view import RequestView, find_request

_RUC = Field(examples=["1768152560001"])
_FIELDS = {
    "unknown_profile": "profile",
    "profile_not_requestable": "profile",
    "institution_missing": "institution_ruc",
    "address_not_registered": "institution_ruc",
    "holder_unknown": "inputs",
    "person_not_verified": "inputs",
    "bytes_changed": "tbs_sha256",
    "reason_missing": "reason",
    "reason_short": "reason",
}


class DifferenceDocument(Document):
    """A field as it was requested and as it is granted. :ivar reason: why they differ."""

    field: str = Field(examples=["Uso de la clave"])
    requested: list[str] = Field(examples=[["Firma digital", "Cifrado de claves"]])
    granted: list[str] = Field(examples=[["Firma digital"]])
    change: str = Field(examples=["removed"])
    reason: str = Field(examples=["El perfil lo decide"])


class FindingDocument(Document):
    """What a lint found."""

    severity: str = Field(examples=["notice"])
    code: str = Field(examples=["san_missing"])
    clause: str = Field(examples=["RFC 5280 §4.2.1.6"])
    message: str = Field(examples=["El nombre común no está entre los nombres alternativos"])


class RequestDocument(Document):
    """A request for a certificate. An approval names ``tbs_sha256``: what was seen is what is approved."""

    id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XF"])
    status: str = Field(examples=["submitted"])
    profile: str = Field(examples=["tls-server"])
    institution_ruc: str | None = _RUC
    requested_by: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XC"])
    subject: str = Field(examples=["CN=portal.mintel.gob.ec,O=Ministerio,C=EC"])
    names: list[str] = Field(examples=[["portal.mintel.gob.ec"]])
    serial: str = Field(examples=["5f3a0c9d1e"])
    tbs_sha256: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])
    approvals: list[str] = Field(examples=[["01KAR0Z6Q0S4V1J3H8M5T2N7XG"]])
    approvals_needed: int
    differences: list[DifferenceDocument]
    findings: list[FindingDocument]
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    refusal_reason: str | None


class FieldDocument(Document):
    """A field of a profile, to be filled in."""

    name: str = Field(examples=["cargo"])
    label: str = Field(examples=["Cargo"])
    required: bool


class ProfileDocument(Document):
    """A kind of certificate that is asked for."""

    name: str = Field(examples=["tls-server"])
    title: str = Field(examples=["Servidor web"])
    version: int
    people: int = Field(description="How many people it takes, who asks included.")
    needs_institution: bool
    inputs: list[FieldDocument]


class NewRequest(Document):
    """What is asked for. The profile decides every field of the certificate; the CSR proposes."""

    profile: Name
    csr: str = Field(min_length=1, max_length=70_000, description="PKCS #10 or CRMF, as PEM or base64.")
    institution_ruc: Ruc | None = Field(default=None, examples=["1768152560001"])
    inputs: dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=400)]] = Field(
        default={}, max_length=40, description="The profile's own fields, by name.", examples=[{}]
    )


class Approval(Document):
    """What was seen is what is approved."""

    tbs_sha256: Sha256


class Refusal(Document):
    """Why not: the requester reads it."""

    reason: Reason


def list_requests(call: Call) -> Lines:
    """Return a page of requests within reach, newest first."""
    query = RequestQuery(
        status=call.query.get("status", ""),
        profile=call.query.get("profile", ""),
        institution_ruc=call.query.get("institution", ""),
        institutions=call.caller.powers.institutions(Permission.REQUESTS_READ),
    )
    limit = call.wanted.limit
    found = requests_before(
        call.session, query, services=call.services.ca, request_id=call.wanted.after, limit=limit + 1
    )
    return Lines([request_document(each) for each in found[:limit]], found[limit - 1].id if len(found) > limit else "")


def list_profiles(call: Call) -> list[Document]:
    """Return the kinds of certificates that are asked for."""
    return [
        ProfileDocument(
            name=each.name,
            title=each.title,
            version=each.version,
            people=each.people,
            needs_institution=each.needs_institution,
            inputs=[
                FieldDocument(name=field.name, label=field.label, required=field.required)
                for field in each.inputs
                if not field.from_register
            ],
        )
        for each in call.services.ca.profiles.list()
        if each.by_hand
    ]


def show_request(call: Call) -> Document:
    """Return one. :raises NotFound: for another institution's too."""
    with hidden("request"):
        found = use_cases.request_reached(
            call.session,
            call.caller.powers,
            Permission.REQUESTS_READ,
            call.path["request_id"],
            services=call.services.ca,
        )
    return request_document(found)


def submit(call: Call) -> Document:
    """Ask for a certificate."""
    body: NewRequest = call.body
    with hidden("institution"):
        made = use_cases.ask_for_certificate(
            call.session,
            services=call.services.ca,
            powers=call.caller.powers,
            profile=use_cases.profile_by_hand(call.services.ca, body.profile),
            csr=body.csr,
            institution_ruc=body.institution_ruc,
            inputs=body.inputs,
            actor=call.caller.actor,
            now=call.now,
        )
    return request_document(made)


def approve(call: Call) -> Document:
    """Approve what was seen."""
    body: Approval = call.body
    with hidden("request"):
        made = use_cases.approve(
            call.session,
            services=call.services.ca,
            powers=call.caller.powers,
            request_id=call.path["request_id"],
            tbs_sha256=body.tbs_sha256,
            actor=call.caller.actor,
            now=call.now,
        )
    return request_document(made)


def issue(done: Done) -> Document:
    """Have it signed once nobody else has to agree; where the key does not answer, the worker goes on."""
    services = done.services.ca
    use_cases.issue_if_approved(services, done.document.id, actor=done.caller.actor, now=done.now)
    with services.database.reading() as session:
        return request_document(find_request(session, services=services, request_id=done.document.id))


def refuse(call: Call) -> Document:
    """Refuse it for good."""
    body: Refusal = call.body
    with hidden("request"):
        made = use_cases.refuse(
            call.session,
            services=call.services.ca,
            powers=call.caller.powers,
            request_id=call.path["request_id"],
            reason=body.reason,
            actor=call.caller.actor,
            now=call.now,
        )
    return request_document(made)


def withdraw(call: Call) -> Document:
    """Withdraw one's own."""
    with hidden("request"):
        made = use_cases.withdraw(
            call.session,
            services=call.services.ca,
            powers=call.caller.powers,
            request_id=call.path["request_id"],
            words="Retirada por quien la pidió",
            actor=call.caller.actor,
            now=call.now,
        )
    return request_document(made)


def rebuild(call: Call) -> Document:
    """Build an expired one anew."""
    with hidden("request"):
        made = use_cases.rebuild(
            call.session,
            services=call.services.ca,
            powers=call.caller.powers,
            request_id=call.path["request_id"],
            actor=call.caller.actor,
            now=call.now,
        )
    return request_document(made)


def request_document(found: RequestView) -> RequestDocument:
    """Return a request as it is answered."""
    return RequestDocument(
        id=found.id,
        status=found.status.value,
        profile=found.profile,
        institution_ruc=found.institution_ruc,
        requested_by=found.requested_by,
        subject=found.subject,
        names=list(found.names),
        serial=found.serial,
        tbs_sha256=found.tbs_sha256,
        approvals=[each.approver for each in found.approvals],
        approvals_needed=found.approvals_needed,
        differences=[
            DifferenceDocument(
                field=each.field,
                requested=list(each.requested),
                granted=list(each.granted),
                change=each.change.value,
                reason=each.reason,
            )
            for each in found.differences
        ],
        findings=[
            FindingDocument(severity=each.severity.value, code=each.code, clause=each.clause, message=each.message)
            for each in found.findings
        ],
        created_at=found.created_at,
        expires_at=found.expires_at,
        decided_at=found.decided_at,
        refusal_reason=found.refusal_reason,
    )


OPERATIONS = (
    Operation(
        name="list_profiles",
        path="/profiles",
        summary="Kinds of certificates that are asked for, and what each wants to know.",
        permission=Permission.CERTIFICATES_REQUEST,
        item=ProfileDocument,
        handler=list_profiles,
        key="name",
        pages=("admin_requests.choose_profile", "admin_requests.new"),
    ),
    Operation(
        name="list_requests",
        path="/requests",
        summary="Requests within your reach, newest first.",
        permission=Permission.REQUESTS_READ,
        item=RequestDocument,
        handler=list_requests,
        key="id",
        filters=("status", "profile", "institution"),
        paged=True,
        pages=("admin_requests.show_all",),
    ),
    Operation(
        name="show_request",
        path="/requests/{request_id}",
        summary="One request: what was asked against what is granted, and what the lints found.",
        permission=Permission.REQUESTS_READ,
        item=RequestDocument,
        handler=show_request,
        pages=("admin_requests.show",),
    ),
    Operation(
        name="submit_request",
        path="/requests",
        summary="Ask for a certificate. One that a finding blocks is stored, too, and cannot be approved.",
        permission=Permission.CERTIFICATES_REQUEST,
        item=RequestDocument,
        handler=submit,
        method="POST",
        body=NewRequest,
        status=201,
        fields={**_FIELDS, **CSR_FIELDS},
        pages=("admin_requests.submit",),
    ),
    Operation(
        name="approve_request",
        path="/requests/{request_id}/approve",
        summary="Approve exactly the bytes you saw; the last approval needed has the certificate signed.",
        permission=Permission.CERTIFICATES_APPROVE,
        item=RequestDocument,
        handler=approve,
        method="POST",
        body=Approval,
        fresh=True,
        after=issue,
        fields=_FIELDS,
        pages=("admin_requests.decide",),
    ),
    Operation(
        name="refuse_request",
        path="/requests/{request_id}/refuse",
        summary="Refuse it for good, with a reason that the requester reads.",
        permission=Permission.CERTIFICATES_APPROVE,
        item=RequestDocument,
        handler=refuse,
        method="POST",
        body=Refusal,
        fresh=True,
        fields=_FIELDS,
        pages=("admin_requests.decide",),
    ),
    Operation(
        name="withdraw_request",
        path="/requests/{request_id}/withdraw",
        summary="Withdraw what you asked for yourself.",
        permission=Permission.CERTIFICATES_REQUEST,
        item=RequestDocument,
        handler=withdraw,
        method="POST",
        body=Nothing,
        pages=("admin_requests.withdraw",),
    ),
    Operation(
        name="rebuild_request",
        path="/requests/{request_id}/rebuild",
        summary="Build an expired request anew: new dates, no approvals.",
        permission=Permission.CERTIFICATES_REQUEST,
        item=RequestDocument,
        handler=rebuild,
        method="POST",
        body=Nothing,
        pages=("admin_requests.rebuild",),
    ),
)
