"""``sau backup``: one sealed file of everything that a service needs to stand up again, made while it serves."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alembic.migration import MigrationContext
from sqlalchemy.orm import Session

from audit.checkpoint import LogKey
from audit.event import Details, Event
from audit.model import AUDIT_TABLES
from audit.tree_store import find_head
from audit.vocabulary import EventType
from ca.transparency.model import LOG_TABLES
from composition import Composition
from kernel.errors import Conflict, Fault
from keys.file_store import require_private
from operations.backup.archive import write_archive
from operations.backup.contents import copy_home, copy_keys, left_out, parts, write_settings
from operations.backup.database_copy import PART, copy_database
from operations.backup.manifest import LogHead, Manifest, Part
from operations.backup.recovery_key import parse_recipients

_LOGS = {"audit": AUDIT_TABLES, "certificates": LOG_TABLES}


@dataclass(frozen=True)
class BackupReport:
    """What was made.

    :ivar left_out: what else stands in the home and is not in the backup.
    """

    file: str
    octets: int
    sha256: str
    manifest: Manifest
    left_out: Sequence[str]


def make_backup(
    composition: Composition,
    file: Path,
    *,
    recipients: Sequence[str],
    environ: Mapping[str, str],
    passphrase: bool = True,
    now: datetime,
) -> BackupReport:
    """Write a backup to ``file``, sealed to each of ``recipients``, and put it on record.

    The heads of the logs are copied before the database and the keys before and after it: so the database has whatever
    a copied head signs, and every key that it names is there.

    :param passphrase: whether the key store's passphrase comes along; without it the sealed keys do not open.
    :raises Conflict: if the file exists. :raises Rejected: without a usable recipient.
    """
    sealed_to = parse_recipients(recipients)
    settings = composition.settings
    require_private(settings.home)
    with _draft(file) as draft, scratch_place(settings.home) as scratch:
        copy_home(settings, scratch)
        copy_keys(settings, scratch, passphrase=passphrase)
        schema, heads = copy_database(composition.database, scratch / PART, _look)
        copy_keys(settings, scratch, passphrase=passphrase)
        write_settings(environ, scratch)
        audit = next((head for head in heads if head.log == "audit"), None)
        origin = audit.origin if audit else composition.audit.origin
        manifest = Manifest(
            made_at=now.isoformat(timespec="seconds"),
            issuer=settings.issuer,
            schema=schema,
            backend=composition.database.url.get_backend_name(),
            log_key=str(LogKey.of(origin, composition.audit.log_signer)),
            passphrase=any(name == "passphrase" for name, _ in parts(scratch)),
            keystore="pkcs11" if settings.keys_in_token else "file",
            logs=heads,
            parts=[Part.of(name, path) for name, path in parts(scratch)],
        )
        signature = manifest.sign(composition.audit.log_signer)
        with draft.open("wb") as sealed:
            write_archive(sealed, manifest=manifest, signature=signature, scratch=scratch, recipients=sealed_to)
            sealed.flush()
            os.fsync(sealed.fileno())
        with draft.open("rb") as sealed:
            sha256 = hashlib.file_digest(sealed, "sha256").hexdigest()
        with composition.database.transaction() as session:
            details: Details = {"sha256": sha256, **{f"{head.log}_size": head.size for head in heads}}
            composition.journal.record(session, Event(type=EventType.BACKUP_MADE, details=details), now=now)
            _publish(draft, file)
    return BackupReport(str(file), file.stat().st_size, sha256, manifest, left_out(settings))


@contextmanager
def scratch_place(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that only the owner enters, below ``folder``, and remove it whatever happens."""
    place = Path(tempfile.mkdtemp(prefix=".scratch-", dir=folder))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _draft(file: Path) -> Iterator[Path]:
    if file.exists():
        raise Conflict(f"{file} exists already.", code="file_exists")
    draft = file.with_name(f".{file.name}.{os.getpid()}.part")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _publish(draft: Path, file: Path) -> None:
    try:
        os.link(draft, file)  # never over another one
    except FileExistsError as error:
        raise Conflict(f"{file} exists already.", code="file_exists") from error


def _look(session: Session) -> tuple[str, list[LogHead]]:
    """Return the schema's revision and the heads of the logs, of the state that is copied."""
    revision = MigrationContext.configure(session.connection()).get_current_revision()
    if revision is None:
        raise Fault("There are no tables yet: run 'sau init'.", code="no_schema")
    found = [(log, find_head(session, tables)) for log, tables in _LOGS.items()]
    return revision, [
        LogHead(log, head.origin, head.size, base64.b64encode(head.root).decode()) for log, head in found if head
    ]
