"""Opaque access tokens: 256 random bits, kept as a digest beside what a JWT would say.

For APIs that ask `/introspect` anyway, and for applications whose tokens should say nothing to whoever holds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from idp.tokens.model import OpaqueTokenRow
from kernel.identifiers import new_secret, sha256_hex

FORMAT = "opaque"


def keep_opaque_token(session: Session, claims: Mapping[str, Any], *, expires_at: datetime) -> str:
    """Return a token that stands for ``claims`` until ``expires_at``."""
    token = new_secret()
    session.add(OpaqueTokenRow(token_sha256=sha256_hex(token), claims=dict(claims), expires_at=expires_at))
    session.flush()
    return token


def find_opaque_token(session: Session, token: str) -> Mapping[str, Any] | None:
    """Return the claims that ``token`` stands for, expired or not, or nothing."""
    return session.scalar(select(OpaqueTokenRow.claims).where(OpaqueTokenRow.token_sha256 == sha256_hex(token)))


def purge_opaque_tokens(session: Session, *, now: datetime) -> int:
    """Forget tokens that expired; return how many."""
    gone = session.execute(
        delete(OpaqueTokenRow).where(OpaqueTokenRow.expires_at <= now).returning(OpaqueTokenRow.token_sha256)
    )
    return len(gone.all())
