"""An ACME client that says what a test wants said: signed by joserfc, sent to the application directly."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from joserfc import jws
from joserfc.jwk import ECKey, Key, OctKey
from werkzeug.test import TestResponse

from kernel.identifiers import b64url
from tests.ca.csr import ec_key, make_csr

ALGORITHMS = ["ES256", "ES384", "ES512", "RS256", "EdDSA", "Ed25519", "HS256", "none"]


class _Registry(jws.JWSRegistry):
    max_header_length = 64_000


REGISTRY = _Registry(algorithms=ALGORITHMS, strict_check_header=False)


def flattened(header: dict[str, Any], payload: bytes, key: Key) -> dict[str, str]:
    """A JWS in flattened JSON."""
    compact = jws.serialize_compact(header, payload, key, registry=REGISTRY)
    protected, body, signature = compact.split(".")
    return {"protected": protected, "payload": body, "signature": signature}


def public(key: Key) -> dict[str, Any]:
    """The public JWK."""
    return dict(key.as_dict(private=False))


@dataclass
class AcmeClient:
    """One client with its key. ``answers`` keep their bodies as JSON in ``.json``."""

    http: FlaskClient
    key: Key = field(default_factory=lambda: ECKey.generate_key("P-256"))
    algorithm: str = "ES256"
    account: str = ""
    origin: str = "http://localhost:8000"

    def directory(self) -> dict[str, Any]:
        """The directory."""
        return dict(self.http.get("/acme/directory").json)

    def nonce(self) -> str:
        """A fresh nonce."""
        return str(self.http.head("/acme/new-nonce").headers["Replay-Nonce"])

    def header(self, url: str, **changes: Any) -> dict[str, Any]:
        """The protected header of a request; a change to None leaves the member out."""
        who = {"kid": self.account} if self.account else {"jwk": public(self.key)}
        header = {"alg": self.algorithm, "nonce": self.nonce(), "url": url} | who | changes
        return {name: value for name, value in header.items() if value is not None}

    def post(self, url: str, payload: Any = None, *, key: Key | None = None, **changes: Any) -> TestResponse:
        """Sign and send; ``payload`` None is a POST-as-GET."""
        octets = b"" if payload is None else json.dumps(payload).encode()
        return self.send(url, flattened(self.header(url, **changes), octets, key or self.key))

    def send(self, url: str, body: Any) -> TestResponse:
        """Send a body as it is."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.post(
            url.removeprefix(self.origin), data=data, headers={"Content-Type": "application/jose+json"}
        )

    def binding(self, key_id: str, mac_key: str, **changes: Any) -> dict[str, str]:
        """An external account binding."""
        url = f"{self.origin}/acme/new-account"
        header = {"alg": "HS256", "kid": key_id, "url": url} | changes
        key = OctKey.import_key({"kty": "oct", "k": mac_key})
        return flattened(header, json.dumps(public(self.key)).encode(), key)

    def register(self, binding: dict[str, str] | None, **members: Any) -> TestResponse:
        """Ask for an account; keep its address if it was given one."""
        payload: dict[str, Any] = {"termsOfServiceAgreed": True} | members
        if binding is not None:
            payload["externalAccountBinding"] = binding
        answer = self.post(f"{self.origin}/acme/new-account", payload)
        if answer.status_code in (200, 201):
            self.account = answer.headers["Location"]
        return answer

    def order(self, *names: str, **members: Any) -> TestResponse:
        """Place an order."""
        identifiers = [{"type": "dns", "value": name} for name in names]
        return self.post(f"{self.origin}/acme/new-order", {"identifiers": identifiers, **members})

    def authorizations(self, order: TestResponse) -> list[dict[str, Any]]:
        """The authorizations of an order."""
        return [dict(self.post(url).json) for url in order.json["authorizations"]]

    def begin(self, authorization: dict[str, Any], challenge_type: str) -> TestResponse:
        """Say that a challenge is prepared."""
        [challenge] = [each for each in authorization["challenges"] if each["type"] == challenge_type]
        return self.post(challenge["url"], {})

    def finalize(self, order: TestResponse, names: Sequence[str], key: Any = None, **csr: Any) -> TestResponse:
        """Send a CSR for ``names``."""
        pem = make_csr(key or ec_key(), common_name=csr.pop("common_name", None), dns=names, **csr)
        return self.post(order.json["finalize"], {"csr": csr_member(pem)})

    def download(self, order: TestResponse) -> str:
        """The chain of an order that is done."""
        return self.post(order.json["certificate"]).text


def csr_member(pem: str) -> str:
    """A PEM request as DER in base64url."""
    return b64url(base64.b64decode("".join(pem.split("-----")[2].split())))


def problem(answer: TestResponse) -> tuple[int, str]:
    """Status and error type of a problem document."""
    assert answer.mimetype == "application/problem+json", answer.text
    document = json.loads(answer.text)
    assert document["status"] == answer.status_code
    return answer.status_code, document["type"].removeprefix("urn:ietf:params:acme:error:")
