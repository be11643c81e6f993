"""What a lint says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How bad it is. ``ERROR`` and ``WARNING`` block issuance; ``NOTICE`` is told to those who approve.

    A warning blocks because it marks a rule that the sources advise (SHOULD): a certificate lives for months and cannot
    be mended, so an exception is made beforehand, in the profile, with its reason, and not at three in the afternoon.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"

    @property
    def blocks(self) -> bool:
        """Whether a finding of this severity stops the certificate."""
        return self is not Severity.NOTICE


@dataclass(frozen=True)
class Finding:
    """One finding.

    :ivar code: stable name; for pkilint its own.
    :ivar clause: the rule's source, e.g. ``RFC 5280 §4.1.2.2``; empty if the code says it.
    :ivar message: for the operator, in Spanish; pkilint's own words as they are.
    :ivar source: ``sau`` or ``pkilint``.
    """

    severity: Severity
    code: str
    clause: str
    message: str
    source: str = "sau"

    def to_json(self) -> dict[str, Any]:
        """Return the finding as it is stored with a request."""
        return {
            "severity": self.severity.value,
            "code": self.code,
            "clause": self.clause,
            "message": self.message,
            "source": self.source,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Finding:
        """Return the finding that :meth:`to_json` stored."""
        return cls(**{**document, "severity": Severity(document["severity"])})


def blocking(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return those that stop the certificate."""
    return tuple(finding for finding in findings if finding.severity.blocks)
