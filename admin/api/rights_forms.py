"""Forms of rights in applications by the API."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from admin.api.bounds import Id, Moment
from admin.api.operation import Document

_ID = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XC"])
_WHY = Field(min_length=1, max_length=300, examples=["Memorando 12 de talento humano"])


class HeldRightDocument(Document):
    """A role of an application in somebody's hands, or proposed."""

    id: str = _ID
    institution_ruc: str = Field(examples=["1768152560001"])
    client_id: str = _ID
    application: str = Field(examples=["Portal de trámites"])
    role: str = Field(examples=["revisor"])
    person_id: str = _ID
    person: str = Field(examples=["Ana Prueba"])
    document: str = Field(examples=["17******65"], description="Masked.")
    status: str = Field(examples=["active"])
    since: datetime
    until: datetime | None
    given_by: str = Field(examples=["Luis Prueba"])
    approved_by: str = Field(examples=["Eva Prueba"])
    last_used_at: datetime | None


class BelongingDocument(Document):
    """A person at an institution."""

    id: str = _ID
    person_id: str = _ID
    post: str = Field(examples=["Analista"])
    since: datetime
    until: datetime | None
    ended_at: datetime | None


class NewBelonging(Document):
    """Who works there: found by the whole number of his document, on record with the reason."""

    document: str = Field(min_length=1, max_length=40, examples=["1710034065"], description="Cédula or passport.")
    post: str = Field(default="", max_length=200, examples=["Analista"])
    reason: str = _WHY


class NewAssignment(Document):
    """A role of an application to give. ``role_id``: as declarations list it."""

    role_id: Id
    reason: str = _WHY
    valid_until: Moment | None = Field(default=None, examples=["2027-06-30T23:59:59Z"])


class AssignmentDocument(Document):
    """A role given or proposed. A decision names ``seen_sha256``: what was seen is what is decided."""

    id: str = _ID
    person_id: str = _ID
    role_id: str = _ID
    status: str = Field(examples=["pending"])
    reason: str = Field(examples=["Memorando 12 de talento humano"])
    valid_from: datetime
    valid_until: datetime | None
    proposed_by: str = _ID
    decided_by: str | None
    seen_sha256: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015" * 2])


class RightDecision(Document):
    """What was seen is what is approved."""

    seen_sha256: str = Field(pattern=r"^[0-9a-f]{64}$", examples=["9f86d081884c7d659a2feaa0c55ad015" * 2])
    reason: str = Field(default="", max_length=300)


class RightRefusal(RightDecision):
    """Why not."""

    reason: str = _WHY


class RightEnd(Document):
    """Why it ends."""

    reason: str = _WHY
