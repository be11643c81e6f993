"""What the authority needs of others, in its own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session


@dataclass(frozen=True)
class InstitutionRecord:
    """An institution as certificates name it.

    :ivar ruc: 13 digits.
    :ivar domains: registered DNS domains in A-label form; a certificate may carry one of them or a name under it.
    """

    id: str
    ruc: str
    name: str
    domains: tuple[str, ...]


class Institutions(Protocol):
    """The register of institutions."""

    def find(self, session: Session, ruc: str) -> InstitutionRecord:
        """Return the active institution. :raises kernel.errors.NotFound: (``unknown_institution``)."""
        ...
