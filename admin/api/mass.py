"""Mass revocations by the API: what one would mean, asking for it, another person's word, how far it is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from admin.api.bounds import Moment, Name, Ruc
from admin.api.operation import Call, Document, Nothing, Operation
from admin.api.revoking import AffectedDocument, affected
from admin.certificate_reach import mass_revocation_reached, reaches_mass_revocation
from admin.deciding_revocations import approve_many
from admin.permissions import Permission
from ca.revocation.mass.decide import (
    MassView,
    list_mass_revocations,
    propose_mass_revocation,
    refuse_mass_revocation,
)
from ca.revocation.mass.preview import preview_mass_revocation
from ca.revocation.mass.selection import MOST_SERIALS, Selection, parse_serials
from ca.revocation.reason import RevocationReason

_PERSON = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XC"])
_FIELDS = {
    "nothing_selected": "institution_ruc",
    "nothing_to_revoke": "institution_ruc",
    "unknown_authority": "authority",
    "bad_serial": "serials",
    "too_many_serials": "serials",
    "unknown_revocation_reason": "reason",
    "compromise_date_without_compromise": "compromised_at",
    "compromise_in_future": "compromised_at",
}


class MassRevocationDocument(Document):
    """A mass revocation."""

    id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XJ"])
    institution_ruc: str | None
    authority: str | None
    profile: str | None
    serials: int = Field(description="How many are named one by one.")
    reason: str = Field(examples=["keyCompromise"])
    proposed_by: str = _PERSON
    proposed_at: datetime
    decided_by: str | None
    state: str = Field(examples=["waiting"])
    total: int
    revoked: int
    passed_over: int
    finished_at: datetime | None


class MassRevocation(Document):
    """Which certificates: all that is given must fit. And why."""

    institution_ruc: Ruc | None = Field(default=None, examples=["1768152560001"])
    authority: Name | None = None
    profile: Name | None = None
    serials: list[Annotated[str, Field(min_length=1, max_length=64)]] = Field(default=[], max_length=MOST_SERIALS)
    reason: RevocationReason = Field(examples=["keyCompromise"])
    compromised_at: Moment | None = Field(default=None, examples=["2026-11-20T08:00:00Z"])


class MassPreviewDocument(Document):
    """What would stop working. ``ends``: what ends at the provider, by kind."""

    total: int
    by_profile: dict[str, int] = Field(examples=[{"tls-server": 3}])
    by_key: int = Field(description="Not named, but with the key of one that is.")
    people: int
    institutions: dict[str, int] = Field(examples=[{"1768152560001": 3}])
    first: list[AffectedDocument]
    lists: list[str] = Field(examples=[["emisora-1.crl"]])
    ends: dict[str, int] = Field(examples=[{"sessions": 2}])
    counted_all: bool


def list_all(call: Call) -> list[Document]:
    """Return the newest ones within reach, 50 at most."""
    powers = call.caller.powers
    return [_document(each) for each in list_mass_revocations(call.session) if reaches_mass_revocation(powers, each)]


def show(call: Call) -> Document:
    """Return one."""
    return _document(mass_revocation_reached(call.session, call.caller.powers, call.path["mass_id"]))


def preview(call: Call) -> Document:
    """Return what it would mean, and change nothing."""
    body: MassRevocation = call.body
    found = preview_mass_revocation(
        call.session,
        services=call.services.ca,
        selection=_selection(call),
        reason=body.reason.value,
        compromised_at=body.compromised_at,
        now=call.now,
    )
    return MassPreviewDocument(
        total=found.total,
        by_profile=dict(found.by_profile),
        by_key=found.by_key,
        people=found.people,
        institutions=dict(found.institutions),
        first=[affected(each) for each in found.examples],
        lists=list(found.lists),
        ends=dict(found.ends),
        counted_all=found.counted_all,
    )


def propose(call: Call) -> Document:
    """Ask for it; it begins at once where one person may decide it."""
    body: MassRevocation = call.body
    return _document(
        propose_mass_revocation(
            call.session,
            services=call.services.ca,
            selection=_selection(call),
            reason=body.reason.value,
            compromised_at=body.compromised_at,
            actor=call.caller.actor,
            now=call.now,
        )
    )


def approve(call: Call) -> Document:
    """Let it begin."""
    return _document(
        approve_many(
            call.session,
            services=call.services.ca,
            powers=call.caller.powers,
            mass_id=call.path["mass_id"],
            actor=call.caller.actor,
            now=call.now,
        )
    )


def refuse(call: Call) -> Document:
    """Drop it."""
    found = mass_revocation_reached(call.session, call.caller.powers, call.path["mass_id"])
    return _document(
        refuse_mass_revocation(
            call.session, services=call.services.ca, mass_id=found.id, actor=call.caller.actor, now=call.now
        )
    )


def _selection(call: Call) -> Selection:
    body: MassRevocation = call.body
    call.caller.powers.require_institution(Permission.CERTIFICATES_REVOKE, body.institution_ruc)
    return Selection(
        institution_ruc=body.institution_ruc,
        authority=body.authority,
        profile=body.profile,
        serials=parse_serials(body.serials),
    )


def _document(each: MassView) -> MassRevocationDocument:
    return MassRevocationDocument(
        id=each.id,
        institution_ruc=each.selection.institution_ruc,
        authority=each.selection.authority,
        profile=each.selection.profile,
        serials=len(each.selection.serials),
        reason=each.reason,
        proposed_by=each.proposed_by,
        proposed_at=each.proposed_at,
        decided_by=each.decided_by,
        state=each.state.value,
        total=each.total,
        revoked=each.revoked,
        passed_over=each.passed_over,
        finished_at=each.finished_at,
    )


OPERATIONS = (
    Operation(
        name="list_mass_revocations",
        path="/mass-revocations",
        summary="The newest mass revocations within your reach, 50 at most.",
        permission=Permission.CERTIFICATES_REVOKE,
        item=MassRevocationDocument,
        handler=list_all,
        key="id",
        pages=("admin_mass_revocations.show_all",),
    ),
    Operation(
        name="show_mass_revocation",
        path="/mass-revocations/{mass_id}",
        summary="One, and how far it is.",
        permission=Permission.CERTIFICATES_REVOKE,
        item=MassRevocationDocument,
        handler=show,
        pages=("admin_mass_revocations.show",),
    ),
    Operation(
        name="preview_mass_revocation",
        path="/mass-revocations/preview",
        summary="What it would mean: read it before you ask. Changes nothing.",
        permission=Permission.CERTIFICATES_REVOKE,
        item=MassPreviewDocument,
        handler=preview,
        method="POST",
        body=MassRevocation,
        fields=_FIELDS,
        pages=("admin_mass_revocations.propose",),
    ),
    Operation(
        name="propose_mass_revocation",
        path="/mass-revocations",
        summary="Ask for it; it begins when another person approves, at once where one may decide alone.",
        permission=Permission.CERTIFICATES_REVOKE,
        item=MassRevocationDocument,
        handler=propose,
        method="POST",
        body=MassRevocation,
        status=201,
        fresh=True,
        fields=_FIELDS,
        pages=("admin_mass_revocations.propose",),
    ),
    Operation(
        name="approve_mass_revocation",
        path="/mass-revocations/{mass_id}/approve",
        summary="Let what another person asked for begin.",
        permission=Permission.CERTIFICATES_REVOKE,
        item=MassRevocationDocument,
        handler=approve,
        method="POST",
        body=Nothing,
        fresh=True,
        pages=("admin_mass_revocations.decide",),
    ),
    Operation(
        name="refuse_mass_revocation",
        path="/mass-revocations/{mass_id}/refuse",
        summary="Drop it before it begins.",
        permission=Permission.CERTIFICATES_REVOKE,
        item=MassRevocationDocument,
        handler=refuse,
        method="POST",
        body=Nothing,
        fresh=True,
        pages=("admin_mass_revocations.decide",),
    ),
)
