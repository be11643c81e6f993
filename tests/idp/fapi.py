"""An application of high risk: it authenticates by a key, pushes its requests, and signs them if it is told to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from composition import Composition
from kernel.identifiers import new_secret
from tests.idp.relying_party import RelyingParty, change, register

ISSUER = "http://localhost:8000"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class KeyedParty(RelyingParty):
    """What one application knows, its private key too."""

    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "k1"}))

    def assertion(self, **changes: Any) -> dict[str, str]:
        """Return the form members of private_key_jwt (RFC 7523 §2.2)."""
        now = int(self.composition.clock.now().timestamp())
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": ISSUER, "jti": new_secret(16), "exp": now + 60}
        signed = jwt.encode({"alg": "ES256", "kid": "k1"}, claims | changes, self.key)
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}

    def push(self, http: FlaskClient, headers: dict[str, str] | None = None, **changes: str | None) -> TestResponse:
        """Push the request."""
        return http.post("/par", data=self.parameters(**changes) | self.assertion(), headers=headers)

    def pushed_url(self, http: FlaskClient, **changes: str | None) -> str:
        """Push the request and return the address to send the browser to."""
        pushed = self.push(http, **changes)
        assert pushed.status_code == 201, pushed.get_json()
        return self.reference(pushed.get_json()["request_uri"])

    def reference(self, request_uri: str, **more: str) -> str:
        """Return the address with a reference to a request."""
        return "/authorize?" + urlencode({"client_id": self.client_id, "request_uri": request_uri, **more})

    def signed(self, *, key: ECKey | None = None, typ: str | None = "oauth-authz-req+jwt", **changes: Any) -> str:
        """Return a request object (RFC 9101 §4); a claim changed to None is left out."""
        now = int(self.composition.clock.now().timestamp())
        claims: dict[str, Any] = {
            **self.parameters(),
            "iss": self.client_id,
            "aud": ISSUER,
            "nbf": now,
            "exp": now + 300,
        }
        kept = {name: value for name, value in (claims | changes).items() if value is not None}
        header = {"alg": "ES256", "kid": "k1", **({"typ": typ} if typ else {})}
        return jwt.encode(header, kept, key or self.key)


def register_keyed(composition: Composition, *, policy: str = "web", **metadata: Any) -> KeyedParty:
    """Register an application that authenticates by its key."""
    party = KeyedParty(composition, "", "")
    public = {**party.key.as_dict(private=False), "use": "sig"}
    registered = register(composition, token_endpoint_auth_method="private_key_jwt", jwks={"keys": [public]})
    party.client_id = registered.client_id
    change(composition, party, policy=policy, **metadata)
    return party
