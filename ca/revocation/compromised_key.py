"""Keys that must never be certified again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ca.revocation.model import CompromisedKey
from kernel.prepared import Prepared


def is_compromised(session: Session, spki_sha256: str) -> bool:
    """Tell whether the key was reported as compromised. Issuance asks before it certifies a key.

    :param spki_sha256: SHA-256 of the DER SubjectPublicKeyInfo, lower-case hex.
    """
    return bool(_REPORTED.fetch(session, {"spki": spki_sha256}))


_REPORTED = Prepared(lambda _: select(CompromisedKey.serial).where(CompromisedKey.spki_sha256 == bindparam("spki")))


def block_key(
    session: Session, *, spki_sha256: str, serial: str, compromised_at: datetime | None, now: datetime
) -> None:
    """Block the key for good, in the caller's transaction; blocking it twice keeps the first report."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    session.execute(
        insert(CompromisedKey)
        .values(spki_sha256=spki_sha256, serial=serial, compromised_at=compromised_at, reported_at=now)
        .on_conflict_do_nothing(index_elements=[CompromisedKey.spki_sha256])
    )
