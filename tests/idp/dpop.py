"""A sender with a key of its own, for tests through the real endpoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from composition import Composition
from kernel.identifiers import b64url, new_secret, sha256

ISSUER = "http://localhost:8000"


@dataclass
class Holder:
    """Who holds a key and signs proofs with it (RFC 9449 §4.2)."""

    composition: Composition
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))

    @property
    def jkt(self) -> str:
        """The thumbprint of the key."""
        return self.key.thumbprint()

    def proof(self, path: str = "/token", method: str = "POST", token: str | None = None, **changes: Any) -> str:
        """Return a proof for one request; a claim changed to None is left out."""
        claims: dict[str, Any] = {
            "jti": new_secret(16),
            "htm": method,
            "htu": ISSUER + path,
            "iat": int(self.composition.clock.now().timestamp()),
            "ath": b64url(sha256(token)) if token else None,
        }
        kept = {name: value for name, value in (claims | changes).items() if value is not None}
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.as_dict(private=False)}
        return jwt.encode(header, kept, self.key)

    def headers(self, path: str = "/token", method: str = "POST", **changes: Any) -> dict[str, str]:
        """Return the header of a request without a token."""
        return {"DPoP": self.proof(path, method, **changes)}

    def showing(self, token: str, path: str = "/userinfo", method: str = "GET", **changes: Any) -> dict[str, str]:
        """Return the headers of a request that shows a token."""
        return {"Authorization": f"DPoP {token}", "DPoP": self.proof(path, method, token, **changes)}
