"""Whose keys are these: the rule of :func:`ca.requests.prepare.require_free_key` for many keys at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.issuance.model import Certificate
from ca.requests.inputs import holder_number
from ca.requests.keys import certified_before
from ca.requests.model import CertificateRequest
from ca.revocation.model import CompromisedKey
from kernel.errors import Rejected


@dataclass(frozen=True)
class Claim:
    """Who wants a key certified. :ivar holder: what tells one person from another: the cédula."""

    profile: str
    institution_ruc: str | None
    holder: str | None


def claimed_keys(session: Session, claims: Mapping[str, Claim]) -> dict[str, Rejected]:
    """Return why keys cannot be certified, by SHA-256 of the DER SubjectPublicKeyInfo; those that can are left out.

    :param claims: by the same digest.
    """
    digests = sorted(claims)
    problems = {
        digest: Rejected("This key was reported as compromised; make a new one.", code="key_compromised")
        for digest in session.scalars(select(CompromisedKey.spki_sha256).where(CompromisedKey.spki_sha256.in_(digests)))
    }
    certified = session.execute(
        select(
            Certificate.spki_sha256,
            Certificate.profile,
            Certificate.institution_ruc,
            Certificate.subject,
            Certificate.revocation_reason,
        ).where(Certificate.spki_sha256.in_(digests))
    )
    for row in certified:
        claim = claims[row.spki_sha256]
        problem = certified_before(
            row, profile=claim.profile, institution_ruc=claim.institution_ruc, holder=claim.holder
        )
        if problem is not None:
            problems.setdefault(row.spki_sha256, problem)
    requested = session.execute(
        select(
            CertificateRequest.spki_sha256,
            CertificateRequest.profile,
            CertificateRequest.institution_ruc,
            CertificateRequest.inputs,
        ).where(CertificateRequest.spki_sha256.in_(digests), CertificateRequest.status.in_(("submitted", "approved")))
    )
    for digest, profile, ruc, inputs in requested:
        if Claim(profile, ruc, holder_number(inputs)) != claims[digest]:
            problem = Rejected("Another request is open for this key; make a new one.", code="key_of_another_subject")
            problems.setdefault(digest, problem)
    return problems
