"""The key that a token is bound to: whoever shows the token must prove that he holds it (RFC 7800 §3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

JKT, X5T_S256 = "jkt", "x5t#S256"


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """A binding; one member is set.

    :ivar jkt: SHA-256 thumbprint of the public key of DPoP proofs, base64url (RFC 9449 §6.1).
    :ivar x5t_s256: SHA-256 of the client's DER certificate, base64url (RFC 8705 §3.1).
    """

    jkt: str | None = None
    x5t_s256: str | None = None

    def to_cnf(self) -> dict[str, str]:
        """Return the ``cnf`` claim."""
        members = {JKT: self.jkt, X5T_S256: self.x5t_s256}
        return {name: value for name, value in members.items() if value is not None}

    @classmethod
    def from_cnf(cls, cnf: Mapping[str, Any] | None) -> Self | None:
        """Return what :meth:`to_cnf` wrote, or nothing for a bearer token."""
        return cls(jkt=cnf.get(JKT), x5t_s256=cnf.get(X5T_S256)) if cnf else None

    @property
    def thumbprint(self) -> str:
        """The one member that is set: 43 characters."""
        return self.jkt or self.x5t_s256 or ""

    @property
    def token_type(self) -> str:
        """``DPoP`` or ``Bearer`` (RFC 9449 §5, RFC 8705 §3)."""
        return "DPoP" if self.jkt else "Bearer"
