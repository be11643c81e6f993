"""What rests on certificates, counted before they are revoked: see ``ca.ports.Dependents``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idp.authentication.model import BrowserSessionRow
from idp.tokens.model import TokenFamilyRow
from kernel.identifiers import b64url

_AT_ONCE = 500


@dataclass(frozen=True)
class RestingOnCertificates:
    """Counts sessions that were begun with certificates, and grants that are bound to them or were given in those."""

    def count_resting(self, session: Session, *, certificate_sha256s: Sequence[str]) -> Mapping[str, int]:
        """Return the numbers of ``sessions`` and ``tokens`` (families of them) that have not ended."""
        counted = {"sessions": 0, "tokens": 0}
        for start in range(0, len(certificate_sha256s), _AT_ONCE):
            some = certificate_sha256s[start : start + _AT_ONCE]
            thumbprints = [b64url(bytes.fromhex(sha256)) for sha256 in some]
            counted["sessions"] += session.scalars(
                select(func.count()).where(
                    BrowserSessionRow.x5t_s256.in_(thumbprints), BrowserSessionRow.ended_at.is_(None)
                )
            ).one()
            bound = TokenFamilyRow.x5t_s256.in_(thumbprints) | TokenFamilyRow.session_x5t_s256.in_(thumbprints)
            counted["tokens"] += session.scalars(
                select(func.count()).where(bound, TokenFamilyRow.revoked_at.is_(None))
            ).one()
        return counted
