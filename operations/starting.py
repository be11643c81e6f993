"""What happens to the service itself, on record: a process started, its settings changed, the schema was upgraded."""

from __future__ import annotations

import hmac
import json
import socket
import threading
import time
from importlib.metadata import PackageNotFoundError, version

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from audit.event import Event
from audit.model import AuditEvent
from audit.vocabulary import EventType
from ca.profiles.registry import profile_digests
from composition import Composition
from kernel.errors import ServiceError
from kernel.settings import Settings
from keys.sealing import derive_secret
from operations import schema

_AGAIN = 5.0  # seconds
_MOST_ITEMS = 64  # of a list in an event

_log = structlog.get_logger("sau.start")


def record_start(composition: Composition, *, process: str) -> None:
    """Put on record that a process starts, and what is not as it was when it last started here: settings, profiles.

    Profiles come with the release; the worker's start tells which changed.

    Values are not told (an address may hold a password): each setting is represented by a keyed digest. A database or a
    security module that does not answer stops no process: the start is put on record as soon as both do.

    :param process: ``web`` or ``worker``.
    """
    if not _is_recorded(composition, process):
        threading.Thread(target=_record_later, args=(composition, process), name="start", daemon=True).start()


def _record_later(composition: Composition, process: str) -> None:
    while not _is_recorded(composition, process):
        time.sleep(_AGAIN)


def _is_recorded(composition: Composition, process: str) -> bool:
    try:
        digests = setting_digests(composition.settings, composition.sealing_secret)
        with composition.database.transaction() as session:
            _record_start(session, composition, f"{process}@{socket.gethostname()}"[:128], digests)
    except (ServiceError, SQLAlchemyError) as error:
        _log.warning("start_not_recorded", process=process, error=type(error).__name__)
        return False
    return True


def upgrade_schema(composition: Composition) -> str:
    """Bring the schema to this release's revision, on record if that changed anything, and return the revision."""
    before, _ = schema.current(composition.database)
    after = schema.upgrade(composition.database)
    if before != after:
        event = Event(type=EventType.SCHEMA_UPGRADED, details={"from": before, "to": after, "release": _release()})
        with composition.database.transaction() as session:
            composition.journal.record(session, event, now=composition.clock.now())
    return after


def setting_digests(settings: Settings, secret: bytes) -> dict[str, str]:
    """Return 64 bits of a keyed digest for each setting: equal for equal values, and telling nothing of them."""
    key = derive_secret(secret, "settings-digest")
    return {
        f"SAU_{name.upper()}": hmac.digest(key, f"{name}={getattr(settings, name)}".encode(), "sha256").hex()[:16]
        for name in type(settings).model_fields
    }


def _record_start(session: Session, composition: Composition, name: str, digests: dict[str, str]) -> None:
    journal, now = composition.journal, composition.clock.now()
    last, profiles = _last_details(session, name), profile_digests()
    before = _read(last, "settings")
    if before is not None and before != digests:
        changed = sorted(each for each in {*before, *digests} if before.get(each) != digests.get(each))
        event = Event(type=EventType.SETTINGS_CHANGED, actor="operator", object_id=name, details={"changed": changed})
        journal.record(session, event, now=now)
    details: dict[str, str | list[str]] = {
        "release": _release(),
        "roles": list(composition.settings.roles),
        **_told("settings", digests),
    }
    if name.startswith("worker@"):
        details |= _told("profiles", profiles)
        _record_profiles(session, composition, name, before=_read(last, "profiles"), after=profiles)
    journal.record(session, Event(type=EventType.SERVICE_STARTED, object_id=name, details=details), now=now)


def _record_profiles(
    session: Session, composition: Composition, name: str, *, before: dict[str, str] | None, after: dict[str, str]
) -> None:
    if before is None:
        return
    for profile in sorted({*before, *after}):
        if before.get(profile) != after.get(profile):
            details = {"process": name, "before": before.get(profile), "after": after.get(profile)}
            event = Event(type=EventType.PROFILE_CHANGED, actor="operator", object_id=profile, details=details)
            composition.journal.record(session, event, now=composition.clock.now())


def _told(what: str, digests: dict[str, str]) -> dict[str, str | list[str]]:
    """Return lists that an event takes whole: ``what``, ``what_2``, …"""
    lines = [f"{each} {digest}" for each, digest in digests.items()]
    parts = [lines[at : at + _MOST_ITEMS] for at in range(0, len(lines), _MOST_ITEMS)]
    return {what if number == 1 else f"{what}_{number}": part for number, part in enumerate(parts, 1)}


def _read(details: dict[str, list[str]], what: str) -> dict[str, str] | None:
    told = [line for name, lines in details.items() if name == what or name.startswith(f"{what}_") for line in lines]
    return dict(each.split(" ", 1) for each in told) if told else None


def _last_details(session: Session, name: str) -> dict[str, list[str]]:
    leaf = session.scalar(
        select(AuditEvent.leaf)
        .where(AuditEvent.type == EventType.SERVICE_STARTED.value, AuditEvent.object_id == name)
        .order_by(AuditEvent.occurred_at.desc(), AuditEvent.id.desc())
        .limit(1)
    )
    return {} if leaf is None else json.loads(leaf)["details"]


def _release() -> str:
    try:
        return version("sau")
    except PackageNotFoundError:
        return "unknown"
