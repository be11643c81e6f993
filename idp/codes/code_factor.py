"""Codes by short message and by mail as kinds of second factor: who has them, and how each is begun and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from idp.accounts.model import PersonRow
from idp.codes.model import CodeFactorRow
from idp.codes.sent_code import Channel, require_sent_code, send_code
from idp.services import IdpServices
from kernel.identifiers import new_id


@dataclass(frozen=True)
class CodeFactor:
    """What a person wants codes by."""

    id: str
    created_at: datetime
    last_used_at: datetime | None


def find_code_factor(session: Session, person_id: str, channel: Channel) -> CodeFactor | None:
    """Return it, or nothing."""
    row = session.scalars(
        select(CodeFactorRow).where(CodeFactorRow.person_id == person_id, CodeFactorRow.kind == channel.value)
    ).one_or_none()
    return CodeFactor(row.id, row.created_at, row.last_used_at) if row else None


def add_code_factor(session: Session, *, person_id: str, channel: Channel, now: datetime) -> str | None:
    """Note that the person wants codes by ``channel``; return the new id, None if he did before."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    return session.execute(
        insert(CodeFactorRow)
        .values(id=new_id(), person_id=person_id, kind=channel.value, created_at=now)
        .on_conflict_do_nothing()
        .returning(CodeFactorRow.id)
    ).scalar_one_or_none()


def remove_code_factor(session: Session, *, person_id: str, channel: Channel | None) -> list[str]:
    """Delete it (all of them without ``channel``); return the ids that there were."""
    statement = delete(CodeFactorRow).where(CodeFactorRow.person_id == person_id)
    if channel is not None:
        statement = statement.where(CodeFactorRow.kind == channel.value)
    return list(session.scalars(statement.returning(CodeFactorRow.id)))


def has_sms(session: Session, person_id: str, /) -> bool:
    """Tell whether the person has codes by short message as a second step, and a telephone to send them to."""
    found = session.scalar(
        select(CodeFactorRow.id)
        .join(PersonRow, PersonRow.id == CodeFactorRow.person_id)
        .where(
            CodeFactorRow.person_id == person_id,
            CodeFactorRow.kind == Channel.SMS.value,
            PersonRow.phone_verified_at.is_not(None),
        )
    )
    return found is not None


def has_confirmed_mail(session: Session, person_id: str, /) -> bool:
    """Tell whether a code can be sent to the person by mail."""
    return (
        session.scalar(
            select(PersonRow.id).where(
                PersonRow.id == person_id, PersonRow.email.is_not(None), PersonRow.email_verified_at.is_not(None)
            )
        )
        is not None
    )


def send_by_sms(
    session: Session,
    *,
    services: IdpServices,
    person_id: str,
    journey: str,
    device: str | None,
    again: bool,
    now: datetime,
) -> Mapping[str, object]:
    """Send the code by short message; as :func:`idp.codes.sent_code.send_code`."""
    return send_code(
        session,
        services=services,
        channel=Channel.SMS,
        person_id=person_id,
        journey=journey,
        device=device,
        again=again,
        now=now,
    )


def send_by_mail(
    session: Session,
    *,
    services: IdpServices,
    person_id: str,
    journey: str,
    device: str | None,
    again: bool,
    now: datetime,
) -> Mapping[str, object]:
    """Send the code by mail; as :func:`idp.codes.sent_code.send_code`."""
    return send_code(
        session,
        services=services,
        channel=Channel.EMAIL,
        person_id=person_id,
        journey=journey,
        device=device,
        again=again,
        now=now,
    )


def require_sms_code(
    session: Session, *, services: IdpServices, person_id: str, code: str, journey: str, now: datetime
) -> None:
    """Use up the code that was sent by short message. :raises WrongCodeError:"""
    _require(session, services, Channel.SMS, person_id=person_id, code=code, journey=journey, now=now)


def require_mail_step(
    session: Session, *, services: IdpServices, person_id: str, code: str, journey: str, now: datetime
) -> None:
    """Use up the code that was sent by mail. :raises WrongCodeError:"""
    _require(session, services, Channel.EMAIL, person_id=person_id, code=code, journey=journey, now=now)


def _require(
    session: Session,
    services: IdpServices,
    channel: Channel,
    *,
    person_id: str,
    code: str,
    journey: str,
    now: datetime,
) -> None:
    require_sent_code(
        session, services=services, channel=channel, person_id=person_id, code=code, journey=journey, now=now
    )
    session.execute(
        update(CodeFactorRow)
        .where(CodeFactorRow.person_id == person_id, CodeFactorRow.kind == channel.value)
        .values(last_used_at=now)
    )
