"""What people agree to: one digest over every octet that a batch would have signed."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.bulk.model import BatchChunk, CertificateBatch
from kernel.identifiers import sha256_hex


def chunk_sha256(rows: Iterable[tuple[int, bytes]]) -> str:
    """Return the digest of a chunk: SHA-256 over one line a row, ``LINE SHA256-OF-TBS``, in order; hex.

    :param rows: line and to-be-signed bytes of each row that would be issued.
    """
    return sha256_hex("".join(f"{line} {sha256_hex(tbs_der)}\n" for line, tbs_der in sorted(rows)))


def proposal_sha256(session: Session, batch: CertificateBatch) -> str:
    """Return the digest of the whole batch: SHA-256 over its profile and one line a chunk, ``NUMBER DIGEST``; hex."""
    chunks = session.execute(
        select(BatchChunk.number, BatchChunk.tbs_sha256)
        .where(BatchChunk.batch_id == batch.id)
        .order_by(BatchChunk.number)
    )
    lines = "".join(f"{number} {digest}\n" for number, digest in chunks)
    return sha256_hex(f"{batch.id} {batch.profile} {batch.profile_version}\n{lines}")
