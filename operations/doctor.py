"""``sau doctor``: each check by name, how bad it is, and the remedy."""

from __future__ import annotations

from collections.abc import Mapping

from composition import Composition
from kernel.errors import ServiceError
from operations.checks import CONTENTS, GROUND, Check
from operations.finding import Finding, Severity, broken

_REMEDIES = {
    "database_unavailable": "Start the database, or correct SAU_DATABASE_URL.",
    "key_not_found": "Run 'sau init', or bring back the file; a passphrase cannot be made again.",
    "token_unavailable": "Look at the module and its network; the service goes on by itself when the token answers.",
    "token_pin_refused": "Put the right PIN into the file that pin-source names; the wrong one is not tried again.",
    "token_module_missing": "Correct module-path in SAU_KEYSTORE, or install the module.",
    "key_extractable": "Make a new key (sau keys rotate, or a ceremony): who could read this one is not known.",
    "key_readable_by_others": "Run the chmod above, and ask who could read the key meanwhile.",
}


def examine(composition: Composition) -> list[Finding]:
    """Run every check that can run; one that fails is itself a finding, and the others go on."""
    findings = _run(composition, GROUND)
    if all(finding.severity < Severity.BROKEN for finding in findings if finding.check == "schema"):
        findings += _run(composition, CONTENTS)
    return findings


def _run(composition: Composition, checks: Mapping[str, Check]) -> list[Finding]:
    findings: list[Finding] = []
    for name, check in checks.items():
        try:
            findings += check(composition)
        except ServiceError as error:
            remedy = _REMEDIES.get(error.code, "")
            findings.append(broken(name, error.public_detail or error.code, remedy))
    return findings
