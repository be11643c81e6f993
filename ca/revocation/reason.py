"""Reasons of revocation (RFC 5280 §5.3.1) that this authority accepts."""

from __future__ import annotations

from enum import StrEnum

from cryptography import x509

from kernel.errors import Rejected


class RevocationReason(StrEnum):
    """A reason by its name in RFC 5280 §5.3.1.

    Absent on purpose: ``certificateHold`` and ``removeFromCRL`` (what was revoked here stays revoked: a signature made
    in between could otherwise be good on one day and bad on the next), ``aACompromise`` (no attribute authorities).
    """

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    CA_COMPROMISE = "cACompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"

    @property
    def is_compromise(self) -> bool:
        """Whether the private key is in foreign hands."""
        return self in (RevocationReason.KEY_COMPROMISE, RevocationReason.CA_COMPROMISE)

    @property
    def flag(self) -> x509.ReasonFlags | None:
        """The value for lists and answers; None for ``unspecified``, which is left out (RFC 5280 §5.3.1)."""
        return None if self is RevocationReason.UNSPECIFIED else x509.ReasonFlags(self.value)


def parse_reason(text: str) -> RevocationReason:
    """Return the reason named ``text``, upper or lower case. :raises Rejected: (``unknown_revocation_reason``)."""
    for reason in RevocationReason:
        if reason.value.lower() == text.strip().lower():
            return reason
    accepted = ", ".join(RevocationReason)
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
