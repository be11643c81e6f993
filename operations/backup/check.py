"""Is a restored service good? Asked before anyone says so."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select, text

from audit.anchor import Anchor
from audit.checkpoint import CheckpointError, LogKey
from audit.findings import LogTamperedError, VerificationReport
from audit.inspection import verify_stored_log
from audit.model import HolderKey
from audit.signed_log import SignedLog
from audit.tree_store import find_head
from ca.transparency.verification import verify_stored_log as verify_certificate_log
from composition import Composition
from idp.tokens.model import EncryptionKeyRow, SigningKeyRow
from kernel.errors import Fault, ServiceError
from keys.sealing import Sealer
from operations import schema
from operations.backup.manifest import BackupError, Manifest


@dataclass(frozen=True)
class Behind:
    """What was signed after the backup, as heads kept elsewhere say: so many records are not in it."""

    log: str
    size: int
    signed_size: int

    @property
    def missing(self) -> int:
        """How many records."""
        return self.signed_size - self.size


@dataclass(frozen=True)
class Checked:
    """What was looked at and found good.

    :ivar upgraded_from: the schema's revision in the backup, where this release's is newer. :ivar behind: per log.
    """

    schema: str
    upgraded_from: str | None
    records: int
    certificates: int
    keys: int
    behind: tuple[Behind, ...]


def check_restored(
    composition: Composition, manifest: Manifest, *, elsewhere: Mapping[str, Iterable[Anchor]]
) -> Checked:
    """Verify a restored service whole. Call it before anything runs on it.

    :param elsewhere: log → heads kept elsewhere; those with a signature that holds tell what is missing.
    :raises BackupError: (``restored_damaged``) naming the first thing that is wrong.
    """
    database = composition.database
    upgraded_from = _bring_up(composition)
    if database.is_sqlite:
        with database.reading() as session:
            said = session.execute(text("PRAGMA integrity_check")).scalar_one()
        if said != "ok":
            raise _bad(f"the database is damaged: {said}")
    keys = _open_keys(composition)
    records, certificates = 0, 0
    behind: list[Behind] = []
    certificate_log = composition.ca.certificate_log
    logs: list[tuple[SignedLog, str, Callable[[], VerificationReport]]] = [
        (composition.audit, "audit", lambda: verify_stored_log(composition.audit)),
        (certificate_log, "certificates", lambda: verify_certificate_log(certificate_log)),
    ]
    for log, name, verify in logs:
        _compare_head(composition, log, name, manifest)
        try:
            report = verify()
        except LogTamperedError as error:
            raise _bad(f"log {name}: {error.report.first}") from error
        behind += _missing(log, name, report.size, elsewhere.get(name, ()))
        records, certificates = (report.size, certificates) if name == "audit" else (records, report.size)
    revision, _ = schema.current(database)
    return Checked(str(revision), upgraded_from, records, certificates, keys, tuple(behind))


def _bring_up(composition: Composition) -> str | None:
    found, newest = schema.current(composition.database)
    if found == newest:
        return None
    if found is None or not schema.knows(found):
        raise BackupError(
            f"The backup's schema is {found}, which this release does not know: restore it with a newer one.",
            code="backup_newer",
        )
    schema.upgrade(composition.database)
    return found


def _open_keys(composition: Composition) -> int:
    """Open every key, and one of each thing that is sealed; return how many keys."""
    store = composition.keystore
    names = store.names()
    try:
        for name in names:
            store.require_readable(name)
        sealer = Sealer(composition.sealing_secret, "audit-holder")
        with composition.database.reading() as session:
            held = session.execute(
                select(HolderKey.holder, HolderKey.sealed_key).where(HolderKey.sealed_key.is_not(None)).limit(1)
            ).one_or_none()
            wanted = [
                *session.scalars(select(SigningKeyRow.kid).where(SigningKeyRow.state.in_(("active", "next")))),
                *session.scalars(select(EncryptionKeyRow.kid).where(EncryptionKeyRow.state == "active")),
            ]
        if held is not None:
            sealer.open(held.sealed_key, bound_to=held.holder)
    except ServiceError as error:
        raise _bad(error.public_detail or error.code) from error
    if lost := sorted(set(wanted) - set(names)):
        raise _bad(f"key {lost[0]} is not in the key store")
    return len(names)


def _compare_head(composition: Composition, log: SignedLog, name: str, manifest: Manifest) -> None:
    with composition.database.reading() as session:
        head = find_head(session, log.tables)
    said = manifest.head(name)
    if (head is None) != (said is None):
        raise _bad(f"log {name}: the manifest speaks of another state")
    if head and said and (head.size, base64.b64encode(head.root).decode()) != (said.size, said.root):
        raise _bad(f"log {name}: it has {head.size} records, the manifest says {said.size}")
    if (
        name == "audit"
        and head
        and LogKey.of(head.origin, composition.audit.log_signer) != LogKey.parse(manifest.log_key)
    ):
        raise _bad("the log's key is not the one that signed the manifest")


def _missing(log: SignedLog, name: str, size: int, elsewhere: Iterable[Anchor]) -> list[Behind]:
    with log.database.reading() as session:
        head = find_head(session, log.tables)
    if head is None:
        return []
    key, signed = log.log_key(head.origin), size
    for anchor in elsewhere:
        if not anchor.readable or anchor.size <= signed:
            continue
        try:
            anchor.verify(origin=head.origin, expected_key=key)
        except CheckpointError:
            continue  # whoever wrote that line had not the log's key
        signed = anchor.size
    return [Behind(name, size, signed)] if signed > size else []


def _bad(detail: str) -> Fault:
    return Fault(f"What was restored is not good: {detail}", code="restored_damaged")
