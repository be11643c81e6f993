"""The file itself: a gzipped tar, manifest first, sealed by age. Written and read as a stream."""

from __future__ import annotations

import gzip
import os
import tarfile
import threading
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import IO, TypeVar

import pyrage

from operations.backup.contents import parts
from operations.backup.manifest import NAME, SIGNATURE_NAME, BackupError, Manifest, Part, read_manifest
from operations.backup.recovery_key import seal, unseal

T = TypeVar("T")
_FAST = 1  # of gzip's levels: a backup is made while people log in


def write_archive(
    file: IO[bytes],
    *,
    manifest: Manifest,
    signature: bytes,
    scratch: Path,
    recipients: Sequence[pyrage.x25519.Recipient],
) -> None:
    """Write what ``scratch`` holds to ``file``, sealed."""

    def pack(pipe: IO[bytes]) -> None:
        with (
            gzip.GzipFile(fileobj=pipe, mode="wb", compresslevel=_FAST) as packed,
            tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
        ):
            for name, octets in ((NAME, manifest.encode()), (SIGNATURE_NAME, signature)):
                tar.addfile(_entry(name, len(octets)), BytesIO(octets))
            for name, path in parts(scratch):
                with path.open("rb") as part:
                    tar.addfile(_entry(name, path.stat().st_size), part)

    _through_pipe(pack, lambda pipe: seal(pipe, file, recipients))


def read_archive(file: IO[bytes], scratch: Path, identities: Sequence[pyrage.x25519.Identity]) -> Manifest:
    """Unpack a backup into ``scratch`` and return its manifest, every part compared with it.

    :raises BackupError: if a part is missing, changed, or not in the manifest.
    :raises Rejected: (``backup_unopened``) if the key does not open it.
    """

    def unpack(pipe: IO[bytes]) -> Manifest:
        try:
            with tarfile.open(fileobj=pipe, mode="r|gz") as tar:
                found = _unpack(tar, scratch)
        except (tarfile.TarError, EOFError, OSError) as error:
            raise BackupError("The backup is cut, or is none.") from error
        return found

    return _through_pipe(lambda pipe: unseal(file, pipe, identities), unpack)


def _unpack(tar: tarfile.TarFile, scratch: Path) -> Manifest:
    head = [_small(tar, NAME), _small(tar, SIGNATURE_NAME)]
    manifest = read_manifest(*head)
    expected = {part.name: part for part in manifest.parts}
    while (member := tar.next()) is not None:
        part = expected.pop(member.name, None)
        source = tar.extractfile(member) if member.isreg() else None
        # The name is one that the signed manifest has; it must not lead out of the scratch place all the same.
        target = (scratch / member.name).resolve()
        if part is None or source is None or not target.is_relative_to(scratch.resolve()):
            raise BackupError(f"{member.name} is not in the manifest.")
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            while octets := source.read(1 << 20):
                file.write(octets)
        if Part.of(member.name, target) != part:
            raise BackupError(f"{member.name} is not what the manifest says.")
    if expected:
        raise BackupError(f"{sorted(expected)[0]} is missing.")
    return manifest


def _small(tar: tarfile.TarFile, name: str) -> bytes:
    member = tar.next()
    source = tar.extractfile(member) if member and member.name == name and member.size < 1 << 24 else None
    if source is None:
        raise BackupError(f"{name} is not where it belongs.")
    return source.read()


def _entry(name: str, octets: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = octets, 0o600
    return entry


def _through_pipe(write: Callable[[IO[bytes]], None], read: Callable[[IO[bytes]], T]) -> T:
    """Run ``write`` on a thread and ``read`` here, a pipe between them; the writer's error is the one that counts."""
    reading, writing = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
    failed: list[Exception] = []

    def run() -> None:
        try:
            with writing:
                write(writing)
        except Exception as error:  # told to whoever waits
            failed.append(error)

    thread = threading.Thread(target=run, name="backup", daemon=True)
    thread.start()
    try:
        with reading:
            try:
                value = read(reading)
            finally:  # a writer whose pipe breaks would fail for that, and hide the cause
                while reading.read(1 << 20):
                    pass
    except Exception:
        thread.join()
        if failed:
            raise failed[0] from None
        raise
    thread.join()
    if failed:
        raise failed[0]
    return value
