"""Keys that must never be certified again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ca.revocation.model import CompromisedKey
from kernel.prefetch import UNKNOWN, Reading, among, forget, keep, kept
from kernel.prepared import Ask, Prepared


def is_compromised(session: Session, spki_sha256: str) -> bool:
    """Tell whether the key was reported as compromised. Issuance asks before it certifies a key.

    :param spki_sha256: SHA-256 of the DER SubjectPublicKeyInfo, lower-case hex.
    """
    known = kept(session, CompromisedKey, spki_sha256)
    return bool(_REPORTED.fetch(session, {"spki": spki_sha256})) if known is UNKNOWN else bool(known)


_REPORTED = Prepared(lambda _: select(CompromisedKey.serial).where(CompromisedKey.spki_sha256 == bindparam("spki")))
_REPORTED_OF = Prepared(
    lambda dialect: select(CompromisedKey.spki_sha256).where(among(dialect, CompromisedKey.spki_sha256))
)


def read_compromised(session: Session, keys: Sequence[str]) -> Reading:
    """Read ahead which of these keys were reported."""
    reported = {row[0] for row in (yield Ask(_REPORTED_OF, {"keys": keys}))}
    for each in keys:
        keep(session, CompromisedKey, each, each in reported)


def block_key(
    session: Session, *, spki_sha256: str, serial: str, compromised_at: datetime | None, now: datetime
) -> None:
    """Block the key for good, in the caller's transaction; blocking it twice keeps the first report."""
    forget(session, CompromisedKey, spki_sha256)
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    session.execute(
        insert(CompromisedKey)
        .values(spki_sha256=spki_sha256, serial=serial, compromised_at=compromised_at, reported_at=now)
        .on_conflict_do_nothing(index_elements=[CompromisedKey.spki_sha256])
    )
