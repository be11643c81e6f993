"""A list as it is handed out: what is said of it without reading it, and its octets from a file of this machine.

A full list of a million entries has fifty megabytes. It is read from the database once, held against its digest, and
kept beside the service's other files: whoever loads it down reads the file, piece by piece, and may go on where he was
cut off. The file is nothing that could not be made again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ca.issuance.model import Authority
from ca.locations import crl_file
from ca.revocation.model import RevocationList
from kernel.errors import Fault, NotFound, Unavailable
from kernel.identifiers import new_id, sha256_hex

FROM_FILE = 256 * 1024  # octets; a shorter list is read from the database each time


@dataclass(frozen=True)
class ListFacts:
    """The newest list of one shard, or the delta beside it, without its content.

    :ivar shard: or :data:`ca.locations.FULL_LIST`.
    :ivar sha256: of the complete list, lower-case hex. :ivar octets: length of the list that is meant.
    """

    authority_id: str
    authority: str
    shard: int
    number: int
    this_update: datetime
    next_update: datetime
    entries: int
    sha256: str
    octets: int
    is_delta: bool = False

    @property
    def tag(self) -> str:
        """A name for exactly these octets: a list's digest, for a delta that of the list that it stands beside."""
        return f"{self.sha256}-delta" if self.is_delta else self.sha256


def newest_list(session: Session, *, authority_name: str, shard: int, now: datetime, delta: bool = False) -> ListFacts:
    """Return what is to be said of the newest list, or of the delta beside it.

    :raises NotFound: (``unknown_list``) if there is none.
    :raises Unavailable: (``list_expired``) if its nextUpdate has passed: a stale list is never served.
    """
    content = RevocationList.delta_der if delta else RevocationList.der
    row = session.execute(
        select(
            RevocationList.authority_id,
            RevocationList.number,
            RevocationList.this_update,
            RevocationList.delta_next_update if delta else RevocationList.next_update,
            RevocationList.entries,
            RevocationList.sha256,
            func.length(content),
        )
        .join(Authority, Authority.id == RevocationList.authority_id)
        .where(Authority.name == authority_name, RevocationList.shard == shard)
        .order_by(RevocationList.number.desc())
        .limit(1)
    ).one_or_none()
    if row is None or row[3] is None or row[6] is None:
        raise NotFound("There is no such revocation list.", code="unknown_list")
    authority_id, number, this_update, next_update, entries, digest, octets = row
    if next_update <= now:
        raise Unavailable("The revocation list is past its next update; a new one is due.", code="list_expired")
    return ListFacts(
        authority_id, authority_name, shard, number, this_update, next_update, entries, digest, octets, is_delta=delta
    )


def read_octets(session: Session, facts: ListFacts) -> bytes:
    """Return the list (DER).

    :raises NotFound: (``unknown_list``) if it has been dropped since. :raises Fault: (``damaged_list``) if it is not
        what was published.
    """
    octets = session.scalar(
        select(RevocationList.delta_der if facts.is_delta else RevocationList.der).where(
            RevocationList.authority_id == facts.authority_id,
            RevocationList.shard == facts.shard,
            RevocationList.number == facts.number,
        )
    )
    if octets is None:
        raise NotFound("There is no such revocation list.", code="unknown_list")
    if len(octets) != facts.octets or (not facts.is_delta and sha256_hex(octets) != facts.sha256):
        raise Fault("The stored list is not the one that was published.", code="damaged_list")
    return octets


class ListFiles:
    """Long lists as files, one of each that is newest. Safe among processes; without room it does without files.

    :param folder: made at need, for this service alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, facts: ListFacts, read: Callable[[], bytes]) -> BinaryIO:
        """Return the list's octets as a file that is open for reading.

        :param read: gets them from the database; called where there is no such file yet, or only a part of it.
        """
        if facts.octets < FROM_FILE:
            return BytesIO(read())
        path = self._folder / f"{crl_file(facts.authority, facts.shard)}-{facts.number}-{facts.tag}"
        with suppress(OSError):
            if path.stat().st_size == facts.octets:
                return path.open("rb")
        octets = read()
        try:
            self._write(path, octets)
            self._drop_others(path, facts)
        except OSError:
            pass  # a full disk keeps nobody from his list
        return BytesIO(octets)

    def _write(self, path: Path, octets: bytes) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        part = self._folder / f"part-{new_id()}"
        try:
            part.write_bytes(octets)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def _drop_others(self, path: Path, facts: ListFacts) -> None:
        # Whoever is reading one of them reads on: it goes when he closes it.
        for other in self._folder.glob(f"{crl_file(facts.authority, facts.shard)}-*"):
            if other != path and other.name.endswith("-delta") == facts.is_delta:
                other.unlink(missing_ok=True)
