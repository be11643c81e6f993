"""Reasons of revocation (RFC 5280 §5.3.1) that this authority accepts."""

from __future__ import annotations

from enum import StrEnum

from cryptography import x509

from kernel.errors import Rejected


class RevocationReason(StrEnum):
    """A reason by its name in RFC 5280 §5.3.1.

    ``certificateHold`` is none of the reasons to revoke for: it suspends, see :mod:`ca.revocation.hold`. Absent on
    purpose: ``removeFromCRL``, which only deltas say, and ``aACompromise`` (no attribute authorities).
    """

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    CA_COMPROMISE = "cACompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"
    CERTIFICATE_HOLD = "certificateHold"

    @property
    def is_compromise(self) -> bool:
        """Whether the private key is in foreign hands."""
        return self in (RevocationReason.KEY_COMPROMISE, RevocationReason.CA_COMPROMISE)

    @property
    def flag(self) -> x509.ReasonFlags | None:
        """The value for lists and answers; None for ``unspecified``, which is left out (RFC 5280 §5.3.1)."""
        return None if self is RevocationReason.UNSPECIFIED else x509.ReasonFlags(self.value)


#: What a certificate is revoked for, for good.
FINAL_REASONS = tuple(reason for reason in RevocationReason if reason is not RevocationReason.CERTIFICATE_HOLD)


def parse_reason(text: str) -> RevocationReason:
    """Return the reason named ``text``, upper or lower case. :raises Rejected: (``unknown_revocation_reason``)."""
    for reason in FINAL_REASONS:
        if reason.value.lower() == text.strip().lower():
            return reason
    accepted = ", ".join(FINAL_REASONS)
    raise Rejected(f"{text!r} is not an accepted reason. Accepted: {accepted}.", code="unknown_revocation_reason")


def require_fitting_reason(reason: RevocationReason, *, is_authority: bool) -> None:
    """Check that the reason says the right thing of an authority's and of another's key.

    :raises Rejected: (``reason_for_authorities_only``, ``reason_not_for_authorities``).
    """
    if reason is RevocationReason.CA_COMPROMISE and not is_authority:
        raise Rejected(
            "cACompromise is for certificates of authorities; use keyCompromise.", code="reason_for_authorities_only"
        )
    if reason is RevocationReason.KEY_COMPROMISE and is_authority:
        raise Rejected("For an authority's certificate use cACompromise.", code="reason_not_for_authorities")
