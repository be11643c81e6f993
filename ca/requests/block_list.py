"""The list of publicly known keys: the operator's data, looked up by digest, replaced without a restart.

The format is that of the badkeys project, version 0: ``blocklist.dat`` is a sorted row of 16-octet entries, 15 of the
SHA-256 of a key and one that numbers the list it comes from; ``badkeysdata.json`` names those lists and gives the
file's digest. Among them are the keys of Debian's broken generator (CVE-2008-0166), of firmware and of test suites.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from kernel.errors import Rejected

DATA, NAMES = "blocklist.dat", "badkeysdata.json"
_ENTRY, _DIGEST = 16, 15
_FORMAT = 0


@dataclass(frozen=True)
class ListState:
    """What is there.

    :ivar entries: how many keys. :ivar sha256: of the file. :ivar taken_at: when it was put here.
    :ivar sources: names of the lists that it was made from.
    """

    entries: int
    sha256: str
    taken_at: datetime
    sources: tuple[str, ...]


class KeyBlockList:
    """The list in a folder. It may come, go and change while the process runs: each look-up reads the file's age.

    :param folder: where both files lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: tuple[int, int] | None = None
        self._entries: mmap.mmap | bytes = b""
        self._names: dict[int, str] = {}

    @property
    def is_there(self) -> bool:
        """Whether the operator has put one here."""
        return (self.folder / DATA).exists() and (self.folder / NAMES).exists()

    def source_of(self, public_key: CertificatePublicKeyTypes) -> str | None:
        """Return the name of the list that has the key; None if none has it, or if there is no list."""
        self._refresh()
        if not self._entries:
            return None
        wanted = hashlib.sha256(_octets(public_key)).digest()[:_DIGEST]
        first, after = 0, len(self._entries) // _ENTRY
        while first < after:
            middle = (first + after) // 2
            entry = self._entries[middle * _ENTRY : (middle + 1) * _ENTRY]
            if entry[:_DIGEST] == wanted:
                return self._names.get(entry[_DIGEST], f"list {entry[_DIGEST]}")
            first, after = (middle + 1, after) if entry[:_DIGEST] < wanted else (first, middle)
        return None

    def state(self) -> ListState | None:
        """Return what is there, or None."""
        if not self.is_there:
            return None
        data = (self.folder / DATA).read_bytes()
        return ListState(
            entries=len(data) // _ENTRY,
            sha256=hashlib.sha256(data).hexdigest(),
            taken_at=datetime.fromtimestamp((self.folder / DATA).stat().st_mtime, UTC),
            sources=tuple(_names_in(_metadata(self.folder)).values()),
        )

    def take_from(self, source: Path, *, dry_run: bool = False) -> ListState:
        """Check the two files of ``source`` and put them here, the data last; return what they hold.

        :raises Rejected: ``block_list_missing``, ``block_list_malformed``, ``block_list_digest``.
        """
        for name in (DATA, NAMES):
            if not (source / name).is_file():
                raise Rejected(f"{source} has no {name}.", code="block_list_missing")
        data, metadata = (source / DATA).read_bytes(), _metadata(source)
        digest = hashlib.sha256(data).hexdigest()
        if metadata.get("blocklist_sha256") != digest:
            raise Rejected("The data are not those that badkeysdata.json names; fetch both.", code="block_list_digest")
        _require_sorted(data)
        if not dry_run:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in (NAMES, DATA):
                taken = self.folder / f".{name}.new"
                shutil.copyfile(source / name, taken)
                os.utime(taken)
                taken.replace(self.folder / name)
        stamped = source if dry_run else self.folder
        taken_at = datetime.fromtimestamp((stamped / DATA).stat().st_mtime, UTC)
        return ListState(len(data) // _ENTRY, digest, taken_at, tuple(_names_in(metadata).values()))

    def _refresh(self) -> None:
        try:
            seen = (self.folder / DATA).stat()
        except OSError:
            self._read, self._entries, self._names = None, b"", {}
            return
        if self._read == (seen.st_mtime_ns, seen.st_ino):
            return
        with (self.folder / DATA).open("rb") as file:
            self._entries = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if seen.st_size else b""
        self._names = _names_in(_metadata(self.folder))
        self._read = (seen.st_mtime_ns, seen.st_ino)


def require_unlisted_key(public_key: CertificatePublicKeyTypes, block_list: KeyBlockList) -> None:
    """Check that the key's private half is not publicly known (BR §6.1.1.3 (4), §4.9.12).

    :raises Rejected: (``weak_key``), naming the list that has it.
    """
    source = block_list.source_of(public_key)
    if source is not None:
        raise Rejected(
            f"This key is weak: its private half is publicly known ({source}). Make a new one.", code="weak_key"
        )


def _octets(public_key: CertificatePublicKeyTypes) -> bytes:
    # What the list's makers hash: of RSA the modulus, of a point its x, of others the key's octets, as whole numbers.
    if isinstance(public_key, rsa.RSAPublicKey):
        return _whole(public_key.public_numbers().n)
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return _whole(public_key.public_numbers().x)
    if isinstance(public_key, ed25519.Ed25519PublicKey):
        return _whole(int.from_bytes(public_key.public_bytes_raw(), "big"))
    if isinstance(public_key, mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey):
        return public_key.public_bytes_raw()
    return b""


def _whole(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _metadata(folder: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads((folder / NAMES).read_bytes())
        if document["bkformat"] != _FORMAT:
            raise Rejected("The list has a format that is not read here.", code="block_list_malformed")
        _names_in(document)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Rejected(f"{folder / NAMES} cannot be read.", code="block_list_malformed") from error
    return document


def _names_in(metadata: dict[str, Any]) -> dict[int, str]:
    lists: Sequence[dict[str, Any]] = metadata["blocklists"]
    return {int(item["id"]): str(item["name"])[:60] for item in lists}


def _require_sorted(data: bytes) -> None:
    if not data or len(data) % _ENTRY:
        raise Rejected("The data are no row of 16-octet entries.", code="block_list_malformed")
    before = b""
    for at in range(0, len(data), _ENTRY):
        digest = data[at : at + _DIGEST]
        if digest < before:
            raise Rejected("The data are not sorted; looking keys up would miss some.", code="block_list_malformed")
        before = digest
