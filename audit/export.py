"""The log as one file that anyone can keep and check: leaves, signed heads, keys, certificates, and how to."""

from __future__ import annotations

import base64
import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit.archive_file import Archive
from audit.bundle import CERTIFICATES, CHECKPOINTS, HASHES, KEY, LEAVES, LEEME, PROOFS, README, WITNESSES
from audit.bundle_instructions import instructions
from audit.cosigned import cosignature_lines
from audit.merkle import hash_leaf
from audit.proofs import prove_event
from audit.signed_log import SignedLog, key_in_use, pem_chain
from audit.tree_store import require_checkpoint
from audit.verification import Progress
from kernel.errors import Conflict, Fault

_PAGE = 1000


@dataclass(frozen=True)
class Description:
    """What a bundle's instructions say of its log, in English and in Spanish."""

    title: str
    title_es: str
    command: str
    privacy: str
    privacy_es: str


AUDIT_LOG = Description(
    "Audit log of",
    "Registro de auditoría de",
    "sau audit verify",
    "Personal data in records stands as commitments and ciphertext; the keys are not here.",
    "Los datos personales están en los registros como compromisos y cifrados; las claves no están aquí.",
)


def export_log(
    session: Session,
    path: Path,
    *,
    log: SignedLog,
    archives: Sequence[Path] = (),
    progress: Progress | None = None,
    description: Description = AUDIT_LOG,
) -> int:
    """Write the log up to its newest checkpoint to ``path`` and return the number of records.

    :param archives: where the records stand that left the database, in any order. Each is held against the tree first.
    :raises NotFound: (``no_checkpoint``). :raises Conflict: (``file_exists``); (``records_archived``) if records left
        the database and their archives are not all there. :raises Rejected: (``bad_archive``).
    :raises Fault: (``archive_damaged``) naming the first record of an archive that is not the one which was logged.
    """
    size = require_checkpoint(session, log.tables).size
    kept_from = _kept_from(session, log) if size else 0
    before = _archives_up_to(session, log, archives, kept_from)
    with _bundle(session, path, log, size, description, selected=False) as bundle:
        write_records(session, bundle, log, 0, size, progress, archives=before)
    return size


def export_events(
    session: Session, path: Path, event_ids: Sequence[str], *, log: SignedLog, description: Description = AUDIT_LOG
) -> int:
    """Write the proofs of single events, records included, to ``path``: for a court, what its case is about.

    :raises NotFound: (``event_not_found``, ``event_not_sequenced``). :raises Conflict: (``file_exists``).
    """
    key, wanted = key_in_use(session, log), list(dict.fromkeys(event_ids))
    proofs = {event_id: prove_event(session, event_id, log_key=key) for event_id in wanted}
    with _bundle(session, path, log, len(proofs), description, selected=True) as bundle:
        for event_id, proof in proofs.items():
            bundle.writestr(f"{PROOFS}{event_id}.json", json.dumps(proof.as_document(), indent=1))
    return len(proofs)


def write_records(
    session: Session,
    bundle: zipfile.ZipFile,
    log: SignedLog,
    start: int,
    stop: int,
    progress: Progress | None,
    *,
    archives: Sequence[Archive] = (),
) -> None:
    """Write the records of [start, stop), their hashes, and the signed heads from there to there.

    :param archives: hold the first of them, one after the other from ``start`` on.
    """

    def leaves() -> Iterator[bytes]:
        for archive in archives:
            yield from (leaf for _, leaf in archive.records())
        yield from _leaves(session, log, archives[-1].stop if archives else start, stop)

    with bundle.open(CHECKPOINTS, "w", force_zip64=True) as lines:
        for document in _checkpoints(session, log, start, stop):
            lines.write(json.dumps(document).encode() + b"\n")
    with bundle.open(LEAVES, "w", force_zip64=True) as lines:
        for done, leaf in enumerate(leaves(), 1):
            lines.write(leaf + b"\n")
            if progress and (done % _PAGE == 0 or done == stop - start):
                progress(done, stop - start)
    with bundle.open(HASHES, "w", force_zip64=True) as lines:
        for leaf in leaves():
            lines.write(hash_leaf(leaf).hex().encode() + b"\n")


@contextmanager
def _bundle(
    session: Session, path: Path, log: SignedLog, size: int, description: Description, *, selected: bool
) -> Iterator[zipfile.ZipFile]:
    with new_bundle(path) as bundle:
        origin = key_in_use(session, log).name
        for name, text in ((README, instructions("en", selected)), (LEEME, instructions("es", selected))):
            spanish = name == LEEME
            filled = text.format(
                title=description.title_es if spanish else description.title,
                privacy=description.privacy_es if spanish else description.privacy,
                command=description.command,
                origin=origin,
                size=size,
            )
            bundle.writestr(name, filled)
        write_keys(session, bundle, log)
        yield bundle


@contextmanager
def new_bundle(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a new file that only its owner can read. :raises Conflict: (``file_exists``)."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Conflict(f"{path} exists already.", code="file_exists") from error
    with os.fdopen(descriptor, "w+b") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
            yield bundle
        file.flush()
        os.fsync(file.fileno())


def write_keys(session: Session, bundle: zipfile.ZipFile, log: SignedLog) -> None:
    """Write the log's public key, its certificates and the witnesses' keys."""
    bundle.writestr(KEY, f"{key_in_use(session, log)}\n")
    if chain := log.certificate_chain(session):
        bundle.writestr(CERTIFICATES, pem_chain(chain))
    if log.policy.keys:
        bundle.writestr(WITNESSES, "".join(f"{key}\n" for key in log.policy.keys))


def _checkpoints(session: Session, log: SignedLog, start: int, stop: int) -> Iterator[dict[str, object]]:
    table, origin = log.tables.checkpoint, key_in_use(session, log).name
    found = session.execute(
        select(table.size, table.root, table.note).where(table.size >= start, table.size <= stop).order_by(table.size)
    )
    for size, root, note in found.all():
        lines = "".join(cosignature_lines(session, origin=origin, size=size))
        yield {"size": size, "root": base64.b64encode(root).decode(), "note": note + lines}


def _kept_from(session: Session, log: SignedLog) -> int:
    return session.scalar(select(func.min(log.tables.entry.log_index))) or 0


def _archives_up_to(session: Session, log: SignedLog, paths: Sequence[Path], kept_from: int) -> list[Archive]:
    """Return the good archives of all that is before ``kept_from``, in the order of their records."""
    found, reached = sorted(map(Archive.open, paths), key=lambda each: each.first), 0
    wanted = [each for each in found if each.first < kept_from]  # years that are still here come from the database
    for archive in wanted:
        if archive.first != reached:
            break
        finding = archive.first_bad(session, log)
        if finding is not None:
            raise Fault(str(finding), code="archive_damaged")
        reached = archive.stop
    if reached != kept_from or len({each.first for each in wanted}) != len(wanted):
        raise Conflict(
            f"The records before {kept_from} left the database: name the archives of all of them, each once.",
            code="records_archived",
        )
    return wanted


def _leaves(session: Session, log: SignedLog, start: int, stop: int) -> Iterator[bytes]:
    entry = log.tables.entry
    for first in range(start, stop, _PAGE):
        yield from session.scalars(
            select(entry.leaf)
            .where(entry.log_index >= first, entry.log_index < min(stop, first + _PAGE))
            .order_by(entry.log_index)
        )
