"""``sau doctor``: each check by name, how bad it is, and the remedy."""

from __future__ import annotations

from composition import Composition
from kernel.errors import ServiceError
from operations.checks import CHECKS
from operations.finding import Finding, broken

_REMEDIES = {
    "database_unavailable": "Start the database, or correct SAU_DATABASE_URL.",
    "key_not_found": "Run 'sau init', or bring back the file; a passphrase cannot be made again.",
    "key_readable_by_others": "Run the chmod above, and ask who could read the key meanwhile.",
}


def examine(composition: Composition) -> list[Finding]:
    """Run every check; one that cannot run is itself a finding, and the others go on."""
    findings: list[Finding] = []
    for name, check in CHECKS.items():
        try:
            findings += check(composition)
        except ServiceError as error:
            findings.append(broken(name, error.public_detail or error.code, _REMEDIES.get(error.code, "")))
    return findings
