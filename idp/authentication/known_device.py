"""Devices from which a person logged in before: strangers' tries do not stop them, and they cause no warning mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from idp.authentication.device import describe_device
from idp.authentication.model import KnownDeviceRow
from kernel.identifiers import new_id, new_secret, sha256_hex
from kernel.origin import current_origin

DEVICE_LIFETIME = timedelta(days=365)


def find_known_device(session: Session, *, person_id: str, secret: str | None, now: datetime) -> str | None:
    """Return the id of the person's device that holds ``secret``, or nothing."""
    return session.scalar(
        select(KnownDeviceRow.id).where(
            KnownDeviceRow.person_id == person_id,
            KnownDeviceRow.secret_sha256 == sha256_hex(secret or ""),
            KnownDeviceRow.last_used_at > now - DEVICE_LIFETIME,
        )
    )


def remember_device(session: Session, *, person_id: str, secret: str | None, now: datetime) -> tuple[str, bool]:
    """Note a completed login from the device; return its secret, and whether the person has to be warned.

    A warning is due when the device is new and not the person's first.
    """
    known = find_known_device(session, person_id=person_id, secret=secret, now=now)
    if known is not None and secret is not None:
        row = session.get_one(KnownDeviceRow, known)
        row.last_used_at, row.device = now, describe_device(current_origin().user_agent)
        return secret, False
    others = session.scalar(
        select(func.count()).select_from(KnownDeviceRow).where(KnownDeviceRow.person_id == person_id)
    )
    # A device that another person also uses keeps its secret: rows are per person.
    secret = secret or new_secret()
    forget = delete(KnownDeviceRow).where(
        KnownDeviceRow.person_id == person_id, KnownDeviceRow.secret_sha256 == sha256_hex(secret)
    )
    session.execute(forget)
    session.add(
        KnownDeviceRow(
            id=new_id(),
            person_id=person_id,
            secret_sha256=sha256_hex(secret),
            created_at=now,
            last_used_at=now,
            device=describe_device(current_origin().user_agent),
        )
    )
    return secret, bool(others)


@dataclass(frozen=True)
class KnownDevice:
    """A device as its person sees it. :ivar device: what it calls itself. :ivar this: the one that asks."""

    id: str
    device: str
    created_at: datetime
    last_used_at: datetime
    this: bool


def list_known_devices(session: Session, *, person_id: str, secret: str | None, now: datetime) -> list[KnownDevice]:
    """Return the person's devices, the one used last first."""
    rows = session.scalars(
        select(KnownDeviceRow)
        .where(KnownDeviceRow.person_id == person_id, KnownDeviceRow.last_used_at > now - DEVICE_LIFETIME)
        .order_by(KnownDeviceRow.last_used_at.desc(), KnownDeviceRow.id)
    )
    this = sha256_hex(secret or "")
    return [
        KnownDevice(row.id, row.device, row.created_at, row.last_used_at, row.secret_sha256 == this) for row in rows
    ]


def forget_device(session: Session, *, journal: Journal, person_id: str, device_id: str, now: datetime) -> bool:
    """Forget one device, on record: its next login is one from a new device. Tell whether there was one."""
    forgotten = session.execute(
        delete(KnownDeviceRow)
        .where(KnownDeviceRow.id == device_id, KnownDeviceRow.person_id == person_id)
        .returning(KnownDeviceRow.id)
    ).scalar_one_or_none()
    if forgotten is not None:
        journal.record(
            session, Event(type=EventType.KNOWN_DEVICE_FORGOTTEN, subject=person_id, object_id=device_id), now=now
        )
    return forgotten is not None


def forget_devices(session: Session, *, person_id: str, except_secret: str | None = None) -> None:
    """Forget the person's devices: after "no fui yo", a reset, an erasure."""
    session.execute(
        delete(KnownDeviceRow).where(
            KnownDeviceRow.person_id == person_id, KnownDeviceRow.secret_sha256 != sha256_hex(except_secret or "")
        )
    )
