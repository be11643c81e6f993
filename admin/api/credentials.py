"""Credentials of the protocols that servers and machines enrol by, by the API."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from admin.api.bounds import Name, Ruc
from admin.api.hidden import hidden
from admin.api.operation import Call, Document, Lines, Nothing, Operation
from admin.credential_list import CredentialQuery, issued_before
from admin.credentials import IssuedCredential, Kind, find_account, find_issued
from admin.giving_credentials import make_credential, withdraw_credential
from admin.permissions import Permission
from ca.acme.account import close_account
from ca.acme.register import AccountRecord
from ca.acme.state import CLOSED_BY_OPERATOR, VALID
from kernel.errors import NotFound

_P = Permission


class CredentialDocument(Document):
    """A credential, without its secret."""

    id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XR"])
    kind: Kind
    institution_ruc: str = Field(examples=["1768152560001"])
    profile: str = Field(examples=["tls-server"], description="Empty for ACME, whose orders name it.")
    names: list[str] = Field(examples=[["portal.mintel.gob.ec"]])
    state: str = Field(examples=["open"], description="open, used_up, expired or withdrawn.")
    used: int
    left: int
    created_by: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XC"])
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class NewCredential(Document):
    """A credential to make."""

    kind: Kind
    institution_ruc: Ruc
    profile: Name | None = Field(default=None, description="For EST and CMP.")
    names: list[Annotated[str, Field(min_length=1, max_length=253)]] = Field(default=[], max_length=100)
    inputs: dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=400)]] = Field(
        default={}, max_length=40
    )
    uses: int = Field(default=1, ge=1, le=1000)
    days: int = Field(default=30, ge=1, le=366)


class MadeCredentialDocument(Document):
    """What was made. The secret is told here alone."""

    credential: CredentialDocument
    secret: str = Field(examples=["b64url-de-32-octetos"])


class AccountDocument(Document):
    """An account of ACME."""

    id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XS"])
    institution_ruc: str = Field(examples=["1768152560001"])
    status: str = Field(examples=["revoked"])


def list_all(call: Call) -> Lines:
    """Return a page of a kind within reach, newest first."""
    query = CredentialQuery(
        _kind(call),
        call.now,
        state=call.query.get("state", ""),
        institutions=call.caller.powers.institutions(_P.CREDENTIALS_READ),
    )
    limit = call.wanted.limit
    found = issued_before(call.session, query, credential_id=call.wanted.after, limit=limit + 1)
    more = found[limit - 1].id if len(found) > limit else ""
    return Lines([_document(each, now=call.now) for each in found[:limit]], more)


def show(call: Call) -> Document:
    """Return one."""
    with hidden("credential"):
        found = find_issued(
            call.session,
            _kind(call),
            call.path["credential_id"],
            powers=call.caller.powers,
            permission=_P.CREDENTIALS_READ,
        )
    return _document(found, now=call.now)


def make(call: Call) -> Document:
    """Make one."""
    body: NewCredential = call.body
    with hidden("institution"):
        found, secret = make_credential(
            call.session,
            services=call.services.ca,
            powers=call.caller.powers,
            kind=body.kind,
            institution_ruc=body.institution_ruc,
            profile=body.profile or "",
            names=body.names,
            inputs=body.inputs,
            uses=body.uses,
            lifetime=timedelta(days=body.days),
            actor=call.caller.actor,
            now=call.now,
        )
    return MadeCredentialDocument(credential=_document(found, now=call.now), secret=secret.reveal())


def withdraw(call: Call) -> Document:
    """Withdraw one."""
    with hidden("credential"):
        found = withdraw_credential(
            call.session,
            services=call.services.ca,
            powers=call.caller.powers,
            kind=_kind(call),
            credential_id=call.path["credential_id"],
            actor=call.caller.actor,
            now=call.now,
        )
    return _document(found, now=call.now)


def close(call: Call) -> Document:
    """Close an account of ACME."""
    with hidden("account"):
        found = _account(call)
        if found.status == VALID:
            close_account(
                call.session,
                services=call.services.ca,
                account_id=found.id,
                status=CLOSED_BY_OPERATOR,
                actor=call.caller.actor,
                now=call.now,
            )
        call.session.expire_all()
        found = _account(call)
    return AccountDocument(id=found.id, institution_ruc=found.institution_ruc, status=found.status)


def _account(call: Call) -> AccountRecord:
    return find_account(
        call.session, call.path["account_id"], powers=call.caller.powers, permission=_P.CREDENTIALS_ISSUE
    )


def _kind(call: Call) -> Kind:
    try:
        return Kind(call.path["kind"])
    except ValueError as error:
        raise NotFound("There is no such kind of credential: acme, est, cmp.", code="unknown_kind") from error


def _document(found: IssuedCredential, *, now: datetime) -> CredentialDocument:
    return CredentialDocument(
        id=found.id,
        kind=found.kind,
        institution_ruc=found.institution_ruc,
        profile=found.profile,
        names=list(found.names),
        state=found.state(now),
        used=found.used,
        left=found.left,
        created_by=found.created_by,
        created_at=found.created_at,
        expires_at=found.expires_at,
        last_used_at=found.last_used_at,
    )


OPERATIONS = (
    Operation(
        name="list_credentials",
        path="/credentials/{kind}",
        summary="Credentials of a protocol (`acme`, `est`, `cmp`) within your reach, newest first.",
        permission=_P.CREDENTIALS_READ,
        item=CredentialDocument,
        handler=list_all,
        key="id",
        filters=("state",),
        paged=True,
        pages=("admin_credentials.show_all",),
    ),
    Operation(
        name="show_credential",
        path="/credentials/{kind}/{credential_id}",
        summary="One of them.",
        permission=_P.CREDENTIALS_READ,
        item=CredentialDocument,
        handler=show,
        pages=("admin_credentials.show",),
    ),
    Operation(
        name="issue_credential",
        path="/credentials",
        summary="Make one; its secret is told once.",
        permission=_P.CREDENTIALS_ISSUE,
        item=MadeCredentialDocument,
        handler=make,
        method="POST",
        body=NewCredential,
        status=201,
        fresh=True,
        fields={
            "unknown_institution": "institution_ruc",
            "unknown_profile": "profile",
            "profile_not_requestable": "profile",
            "bad_acme_credential": "names",
            "no_registered_domain": "names",
        },
        pages=("admin_credentials.issue",),
    ),
    Operation(
        name="withdraw_credential",
        path="/credentials/{kind}/{credential_id}/withdraw",
        summary="Withdraw one: it opens nothing any more.",
        permission=_P.CREDENTIALS_ISSUE,
        item=CredentialDocument,
        handler=withdraw,
        method="POST",
        body=Nothing,
        fresh=True,
        pages=("admin_credentials.withdraw",),
    ),
    Operation(
        name="close_acme_account",
        path="/acme-accounts/{account_id}/close",
        summary="Close an account of ACME.",
        permission=_P.CREDENTIALS_ISSUE,
        item=AccountDocument,
        handler=close,
        method="POST",
        body=Nothing,
        fresh=True,
        pages=("admin_credentials.close",),
    ),
)
