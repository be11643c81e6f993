"""The gate before the signature: all lints, and nothing passes with a finding that blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import import_module
from typing import cast

from ca.issuance.authority import AuthorityRecord
from ca.lints import clean_extensions, constraints, encoding, extensions, fields, identity, keys, naming
from ca.lints.case import Lint, LintCase
from ca.lints.clean_extensions import SHARED_LINTS, Known
from ca.lints.finding import Finding, blocking
from ca.lints.late_module import imported_late
from ca.lints.verdicts import Verdicts
from ca.profiles.profile import Profile
from ca.services import CaServices
from kernel.errors import Rejected
from keys.signer import Algorithm

OutsideLint = Callable[[LintCase], Iterator[Finding]]

OWN_LINTS = (
    *encoding.LINTS,
    *fields.LINTS,
    *keys.LINTS,
    *extensions.LINTS,
    *naming.LINTS,
    *identity.LINTS,
    *constraints.LINTS,
)


def lint_tbs(
    tbs_der: bytes, *, profile: Profile, authority: AuthorityRecord, algorithm: Algorithm, services: CaServices
) -> tuple[Finding, ...]:
    """Return what our own lints, one a clause, and pkilint find in the bytes that would be signed, worst first."""
    case = lint_case(tbs_der, profile=profile, authority=authority, algorithm=algorithm, services=services)
    own = own_findings(case)
    return worst_first((*own, *outside_findings(case, own)))


@dataclass(frozen=True)
class _Question:
    """What pkilint is asked. :ivar deciding: all that its answer depends on."""

    deciding: tuple[object, ...]
    case: LintCase = field(compare=False)


_verdicts = Verdicts()


@lru_cache(maxsize=64)
def _ask(lint: OutsideLint, question: _Question) -> tuple[Finding, ...]:
    return tuple(lint(question.case))


def outside_findings(case: LintCase, own: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return what pkilint finds.

    Every certificate that people agree on together is put before it. Where one may decide alone, or a protocol, it is
    asked of one of each shape (:mod:`ca.lints.shape`), provided that our own lints, which read all, found nothing. The
    same bytes are asked about once: they are looked at when they are built and again before they are signed.
    """
    if case.profile.people == 1 and not blocking(own):
        return _verdicts.of(case, outside_lint())
    deciding = (case.tbs_der, case.issuer, case.profile.lint, case.algorithm, case.private_arc, case.issuer_origin)
    return _ask(outside_lint(), _Question(deciding, case))


def lint_case(
    tbs_der: bytes, *, profile: Profile, authority: AuthorityRecord, algorithm: Algorithm, services: CaServices
) -> LintCase:
    """Return what the lints look at."""
    return LintCase(
        tbs_der=tbs_der,
        issuer=authority.certificate,
        profile=profile,
        algorithm=algorithm,
        private_arc=services.settings.pki_arc,
        issuer_origin=services.settings.issuer,
    )


def own_findings(case: LintCase) -> list[Finding]:
    """Return what our own lints find."""
    known = clean_extensions.knows(case)
    broken = encoding.unreadable(case, extensions_read=known is Known.WHOLE)
    if broken is not None:
        return [broken]
    if known is not Known.NOT:
        return [finding for lint in _beyond_shared(OWN_LINTS) for finding in lint(case)]
    found = [finding for lint in OWN_LINTS for finding in lint(case)]
    if not found:
        clean_extensions.remember(case)
    return found


@lru_cache(maxsize=4)
def _beyond_shared(lints: tuple[Lint, ...]) -> tuple[Lint, ...]:
    return tuple(lint for lint in lints if lint not in SHARED_LINTS)


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings in the order in which they matter, none twice."""
    order = {"error": 0, "warning": 1, "notice": 2}
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: order[finding.severity]))


@cache
def outside_lint() -> OutsideLint:
    """Return pkilint's part of the gate, loaded on first use.

    Its tables take over a second of processor time to import, which only a process that lints should pay: console
    workers load it when they start, and no command line does unless it asks for a certificate.
    """
    with imported_late("iso639"):  # every language there is, a third of it, for the one lint that looks one up
        return cast(OutsideLint, import_module("ca.lints.outside").lint_outside)


def require_clean(
    tbs_der: bytes, *, profile: Profile, authority: AuthorityRecord, algorithm: Algorithm, services: CaServices
) -> tuple[Finding, ...]:
    """Return the notices. :raises Rejected: (``lint_blocked``), naming what blocks."""
    findings = lint_tbs(tbs_der, profile=profile, authority=authority, algorithm=algorithm, services=services)
    require_unblocked(findings)
    return findings


def require_unblocked(findings: tuple[Finding, ...]) -> None:
    """Check that nothing blocks. :raises Rejected: (``lint_blocked``), naming the codes."""
    stopped = blocking(findings)
    if stopped:
        codes = ", ".join(finding.code for finding in stopped)
        raise Rejected(f"The check before signing found: {codes}.", code="lint_blocked")
