"""``sau init``: everything that a service needs to start, in an order that can be repeated after a crash."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.permissions import APPOINTING_ROLES, Role
from admin.roles import grant_role, list_role_holdings
from audit.event import Event
from audit.model import AuditEvent
from audit.services import ensure_log_key
from audit.vocabulary import EventType
from ca.ceremony.hierarchy import create_hierarchy
from ca.ceremony.root_list import publish_root_list
from ca.revocation.ocsp_signer import renew_ocsp_signers
from ca.revocation.upkeep import publish_overdue_lists
from ca.transparency.promise import sequence_waiting
from composition import Composition
from idp.accounts.model import PersonRow
from idp.authentication.enrollment_link import create_enrollment_link
from idp.clients.console import ensure_console_client
from idp.tokens.encryption_keys import ensure_encryption_keys
from idp.tokens.key_rotation import ensure_signing_keys
from kernel.errors import NotFound, Rejected
from kernel.settings import is_loopback, is_test_name
from keys.file_store import read_passphrase, require_private
from operations.demo import DemoReport, install_demo
from operations.starting import upgrade_schema


@dataclass(frozen=True)
class InstallationReport:
    """What there is now, for the person who ran the command.

    :ivar administrator_link: the first administrator's one-time link; empty once somebody holds the role.
    """

    issuer: str
    home: str
    database: str
    schema: str
    root_fingerprint: str
    administrator_link: str
    demo: DemoReport | None = None

    def as_record(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        return asdict(self)

    def as_text(self) -> str:
        """Return the report as lines for a terminal."""
        lines = [
            f"Service        {self.issuer}",
            f"Home           {self.home}",
            f"Database       {self.database} (schema {self.schema})",
            f"Root           SHA-256 {self.root_fingerprint}"
            if self.root_fingerprint
            else "Root           by ceremony",
        ]
        if self.administrator_link:
            lines += ["", "The first administrator enrols here (one use, 72 hours):", f"  {self.administrator_link}"]
        if self.demo:
            lines += ["", *self.demo.as_lines()]
        return "\n".join(lines)


def install(composition: Composition, *, demo: bool, authorities: bool = True) -> InstallationReport:
    """Make what is missing and leave what exists as it is.

    :param authorities: whether root and issuing authority are made; else they come from a ceremony.
    :raises Rejected: (``demo_refused``) ``demo`` on an issuer that is neither loopback nor under ``.test``.
    :raises Fault: if the home or a key in it can be read by others.
    """
    settings = composition.settings
    if demo and not (is_loopback(settings.issuer) or is_test_name(settings.issuer)):
        raise Rejected("Demo data are for loopback and .test issuers only.", code="demo_refused")
    _make_home(settings.home)
    if not settings.keys_in_token:
        read_passphrase(settings.passphrase_file, create=True)
    revision = upgrade_schema(composition)
    ensure_log_key(composition.keystore)
    now = composition.clock.now()
    with composition.database.transaction() as session:
        ensure_signing_keys(session, composition.idp, now=now)
        ensure_encryption_keys(session, composition.idp, now=now)
        ensure_console_client(session, composition.idp, f"{settings.issuer}/admin/callback", now=now)
    hierarchy = create_hierarchy(composition.ca, now=now) if authorities else None
    if hierarchy:
        sequence_waiting(composition.ca.certificate_log, now=now)
        _publish_first_status(composition)
    report = install_demo(composition, now=now) if demo else None
    with composition.database.transaction() as session:
        link = _administrator_link(session, composition, now=now)
        _record_once(session, composition, now=now)
    return InstallationReport(
        issuer=settings.issuer,
        home=str(settings.home.resolve()),
        database=composition.database.url.render_as_string(hide_password=True),
        schema=revision,
        root_fingerprint=hierarchy.root.fingerprint(SHA256()).hex(":").upper() if hierarchy else "",
        administrator_link=link,
        demo=report,
    )


def _publish_first_status(composition: Composition) -> None:
    """Let every authority have a list, and each issuing one an OCSP signer, before its first certificate."""
    with suppress(NotFound):  # the root's key may be away already: then its list was published with it at hand
        publish_root_list(composition.ca, only_if_missing=True)
    publish_overdue_lists(composition.ca)
    renew_ocsp_signers(composition.ca, now=composition.clock.now())


def _make_home(home: Path) -> None:
    if not home.exists():
        home.mkdir(mode=0o700, parents=True)
        home.chmod(0o700)  # whatever the umask took away or left
    require_private(home)


def _administrator_link(session: Session, composition: Composition, *, now: datetime) -> str:
    """Return a fresh link as long as nobody who holds the administrator's role has enrolled; empty after that."""
    holders = [holding for holding in list_role_holdings(session) if holding.role in APPOINTING_ROLES]
    if any(session.get(PersonRow, holding.person_id) for holding in holders):
        return ""
    promised = holders[0].person_id if holders else None
    link = create_enrollment_link(session, journal=composition.journal, person_id=promised, now=now)
    if promised is None:
        grant_role(
            session,
            journal=composition.journal,
            person_id=link.person_id,
            role=Role.ADMINISTRATOR,
            actor="command",
            now=now,
        )
    return f"{composition.settings.issuer}/enroll/{link.token}"


def _record_once(session: Session, composition: Composition, *, now: datetime) -> None:
    known = session.scalar(select(AuditEvent.id).where(AuditEvent.type == EventType.SERVICE_INITIALIZED.value).limit(1))
    if known is None:
        details = {"issuer": composition.settings.issuer}
        composition.journal.record(session, Event(type=EventType.SERVICE_INITIALIZED, details=details), now=now)
