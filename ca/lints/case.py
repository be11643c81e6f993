"""What a lint looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from cryptography import x509

from ca.issuance.assembly import read_unsigned
from ca.lints.finding import Finding, Severity
from ca.profiles.profile import Profile
from keys.signer import Algorithm

Extension = TypeVar("Extension", bound=x509.ExtensionType)


@dataclass(frozen=True, kw_only=True)
class LintCase:
    """A certificate that is about to be signed, and what it is held against.

    :ivar tbs_der: the exact bytes.
    :ivar issuer: the authority's certificate.
    :ivar algorithm: the issuing key's.
    """

    tbs_der: bytes
    issuer: x509.Certificate
    profile: Profile
    algorithm: Algorithm
    private_arc: str
    issuer_origin: str

    @cached_property
    def certificate(self) -> x509.Certificate:
        """The bytes as a readable certificate; its signature is void."""
        return read_unsigned(self.tbs_der)

    def extension(self, kind: type[Extension]) -> x509.Extension[Extension] | None:
        """Return the extension of that kind, or None."""
        try:
            return self.certificate.extensions.get_extension_for_class(kind)
        except x509.ExtensionNotFound:
            return None


Lint = Callable[[LintCase], Iterator[Finding]]


def error(code: str, clause: str, message: str) -> Finding:
    """Return a finding that breaks a MUST."""
    return Finding(Severity.ERROR, code, clause, message)
