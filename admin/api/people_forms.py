"""Forms of what the API says of people."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from admin.api.operation import Document

_ID = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XC"])


class CaseDocument(Document):
    """Somebody who was looked up: masked, until the case is opened; for half an hour."""

    case_id: str = _ID
    name: str = Field(examples=["A** P*****"])
    document: str = Field(examples=["17******65"])
    opened: bool
    expires_at: datetime


class FactorDocument(Document):
    """Something that a person logs in with; never a secret."""

    kind: str = Field(examples=["totp"])
    last_used_at: datetime | None


class PersonDocument(Document):
    """What helps a person who asks for help: kinds and dates, never a secret, a code or a full address."""

    case_id: str = _ID
    person_id: str = _ID
    name: str = Field(examples=["Ana Prueba"])
    document: str = Field(examples=["17******65"])
    email: str = Field(examples=["a***@example.test"])
    phone: str = Field(examples=["•••• 123"])
    level: int
    status: str = Field(examples=["active"])
    factors: list[FactorDocument]
    sessions: int


class IdentityCheckDocument(Document):
    """An identity that an officer checked, and that waits for a second one."""

    id: str = _ID
    person_id: str = _ID
    officer_id: str = _ID
    desk_id: str = _ID
    document: str = Field(examples=["cedula"])
    how: str = Field(examples=["by_eye"])
    created_at: datetime


class RecoveryDocument(Document):
    """A recovery that was opened at a desk."""

    id: str = _ID
    person_id: str = _ID
    officer_id: str = _ID
    desk_id: str = _ID
    opened_at: datetime
    ready_at: datetime | None
    expires_at: datetime
    approved_by: str | None
    outcome: str = Field(examples=[""], description="Empty while it is open.")
    closed_at: datetime | None


class ReportDocument(Document):
    """What a person says he did not do."""

    id: str = _ID
    number: str = Field(examples=["2026-000017"])
    person_id: str = _ID
    kind: str = Field(examples=["login"])
    event_id: str | None
    state: str = Field(examples=["new"])
    seen_by: str | None
    closed_by: str | None
    closed_at: datetime | None
    words: str = Field(examples=["Cerramos las sesiones y cambiamos la contraseña con usted"])
    created_at: datetime


class Closing(Document):
    """What the person reads."""

    words: str = Field(min_length=1, max_length=2000, examples=["Cerramos las sesiones que usted no reconoce"])


class RectificationDocument(Document):
    """A datum that a person says is wrong."""

    id: str = _ID
    number: str = Field(examples=["2026-000018"])
    person_id: str = _ID
    datum: str = Field(examples=["surnames"])
    before: str = Field(examples=["Preuba"])
    value: str = Field(examples=["Prueba"])
    why: str = Field(examples=["Así consta en mi cédula"])
    state: str = Field(examples=["open"])
    created_at: datetime
    due_at: datetime
    decided_at: datetime | None
    answer: str = Field(examples=[""])


class RectificationDecision(Document):
    """Whether it is put right, and what the person reads."""

    accept: bool
    answer: str = Field(min_length=1, max_length=2000, examples=["Consta así en el Registro Civil"])
