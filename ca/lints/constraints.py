"""Lints on the names that the issuing authority is held to (RFC 5280 §4.2.1.10)."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography import x509

from ca.lints.case import LintCase, error
from ca.lints.finding import Finding


def names_within_the_authority_s_constraints(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.2.1.10, §6.1.3 (b) and (c): a name outside of them makes the whole path invalid."""
    try:
        constraints = case.issuer.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return
    found = case.extension(x509.SubjectAlternativeName)
    for name in found.value if found else ():
        if not _allowed(name, constraints):
            yield error(
                "name_outside_constraints",
                "RFC 5280 §4.2.1.10",
                f"La autoridad emisora no puede certificar {name.value}.",
            )


def _allowed(name: x509.GeneralName, constraints: x509.NameConstraints) -> bool:
    kind = type(name)
    permitted = [base for base in constraints.permitted_subtrees or () if isinstance(base, kind)]
    excluded = [base for base in constraints.excluded_subtrees or () if isinstance(base, kind)]
    if permitted and not any(_within(name, base) for base in permitted):
        return False
    return not any(_within(name, base) for base in excluded)


def _within(name: x509.GeneralName, base: x509.GeneralName) -> bool:
    if isinstance(name, x509.DNSName) and isinstance(base, x509.DNSName):
        # A wildcard stands for names below; what it stands under decides.
        host, domain = name.value.lower().removeprefix("*."), base.value.lower()
        return host == domain or host.endswith(f".{domain}")
    if isinstance(name, x509.IPAddress) and isinstance(base, x509.IPAddress):
        return name.value in base.value  # type: ignore[operator]
    if isinstance(name, x509.RFC822Name) and isinstance(base, x509.RFC822Name):
        return name.value.lower().rpartition("@")[2] == base.value.lower()
    return False


LINTS = (names_within_the_authority_s_constraints,)
