"""Tokens bound to the client's certificate (RFC 8705 §3), as the proxy of the mutual-TLS host passes it on."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from composition import Composition
from kernel.identifiers import b64url, sha256
from kernel.settings import Settings
from tests.idp.dpop import Holder
from tests.idp.fapi import KeyedParty, register_keyed
from tests.idp.relying_party import RelyingParty, Visitor, change, events, register
from tests.idp.web_protocol.test_client_keys import MTLS_ORIGIN, on_mtls_host

SCOPE = "openid profile offline_access"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a mutual-TLS host."""
    return on_mtls_host(settings)


@dataclass
class Certified:
    """Who holds a certificate, and calls the mutual-TLS host with it."""

    composition: Composition
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        now, name = self.composition.clock.now(), x509.Name.from_rfc4514_string("CN=portal")
        self.der = (
            x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=400))
            .sign(self.key, hashes.SHA256())
            .public_bytes(Encoding.DER)
        )

    @property
    def thumbprint(self) -> str:
        """``x5t#S256``."""
        return b64url(sha256(self.der))

    @property
    def header(self) -> dict[str, str]:
        """What the proxy adds."""
        return {"Client-Cert": f":{base64.b64encode(self.der).decode()}:"}

    def post(
        self, http: FlaskClient, path: str, data: dict[str, str], headers: dict[str, str] | None = None
    ) -> TestResponse:
        """Send a form."""
        return http.post(path, data=data, headers={**(headers or {}), **self.header}, base_url=MTLS_ORIGIN)

    def redeem(self, http: FlaskClient, party: RelyingParty, code: str, **more: str) -> dict[str, Any]:
        """Redeem a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": party.redirect_uri,
            "code_verifier": party.verifier,
        }
        headers = party.basic() if party.secret else {}
        document: dict[str, Any] = self.post(http, "/token", form | more, headers).get_json()
        return document

    def userinfo(self, http: FlaskClient, token: str) -> int:
        """Show a token."""
        headers = {"Authorization": f"Bearer {token}", **self.header}
        return http.get("/userinfo", headers=headers, base_url=MTLS_ORIGIN).status_code


@pytest.fixture
def holder(composition: Composition) -> Certified:
    """An application's certificate."""
    return Certified(composition)


@pytest.fixture
def bound(composition: Composition, party: RelyingParty) -> RelyingParty:
    """An application that registered it."""
    change(composition, party, tls_client_certificate_bound_access_tokens=True)
    return party


def test_a_token_is_bound_to_the_certificate_of_its_request(
    composition: Composition, bound: RelyingParty, holder: Certified, visitor: Visitor, http: FlaskClient
) -> None:
    """§3, §3.1, §3.2: ``cnf.x5t#S256`` in the token and in introspection; the type stays Bearer."""
    tokens = holder.redeem(http, bound, visitor.authorize(bound))
    assert tokens["token_type"] == "Bearer"
    assert bound.claims(tokens["access_token"])["cnf"] == {"x5t#S256": holder.thumbprint}
    seen = http.post("/introspect", data={"token": tokens["access_token"]}, headers=bound.basic()).get_json()
    assert (seen["active"], seen["token_type"], seen["cnf"]) == (True, "Bearer", {"x5t#S256": holder.thumbprint})


def test_it_opens_userinfo_with_that_certificate_only(
    composition: Composition, bound: RelyingParty, holder: Certified, visitor: Visitor, http: FlaskClient
) -> None:
    """§3: 401 ``invalid_token`` without it, with another one, and on the host that sees none; no DPoP proof helps."""
    token = holder.redeem(http, bound, visitor.authorize(bound))["access_token"]
    assert holder.userinfo(http, token) == 200
    assert Certified(composition).userinfo(http, token) == 401
    bearer = {"Authorization": f"Bearer {token}"}
    assert http.get("/userinfo", headers=bearer, base_url=MTLS_ORIGIN).status_code == 401
    refused = http.get("/userinfo", headers=bearer)
    assert (refused.status_code, refused.get_json()["error"]) == (401, "invalid_token")
    assert http.get("/userinfo", headers=Holder(composition).showing(token)).status_code == 401
    reasons = [event[1] for event in events(composition, "idp:userinfo:refused")]
    assert reasons == ["other_certificate", "no_certificate", "no_certificate", "bearer_token_as_bound"]


def test_without_a_certificate_there_is_no_token_and_the_code_stays_good(
    bound: RelyingParty, holder: Certified, visitor: Visitor, http: FlaskClient
) -> None:
    """FAPI 2.0 certification, holder of key required: ``invalid_request``."""
    code = visitor.authorize(bound)
    refused = bound.exchange(http, code)
    assert (refused.status_code, refused.get_json()["error"]) == (400, "invalid_request")
    assert "access_token" in holder.redeem(http, bound, code)


def test_who_did_not_register_it_gets_plain_tokens_there_too(
    party: RelyingParty, holder: Certified, visitor: Visitor, http: FlaskClient
) -> None:
    """A certificate alone binds nothing: an application that knows nothing of it must be able to use its token."""
    tokens = holder.redeem(http, party, visitor.authorize(party))
    assert "cnf" not in party.claims(tokens["access_token"])


def test_a_public_client_s_refresh_token_is_bound_to_its_certificate(
    composition: Composition, app: Flask, holder: Certified, visitor: Visitor, http: FlaskClient
) -> None:
    """§4: the same certificate, or nothing; a lost answer may be asked for again with it."""
    public = register(composition, token_endpoint_auth_method="none")
    change(composition, public, tls_client_certificate_bound_access_tokens=True)
    tokens = holder.redeem(http, public, visitor.authorize(public, scope=SCOPE), client_id=public.client_id)
    form = {
        "grant_type": "refresh_token",
        "refresh_token": tokens["refresh_token"],
        "client_id": public.client_id,
    }
    assert Certified(composition).post(http, "/token", form).get_json()["error"] == "invalid_grant"
    assert http.post("/token", data=form).get_json()["error"] == "invalid_request"
    for _ in range(2):
        renewed = holder.post(http, "/token", form).get_json()
        assert holder.userinfo(http, renewed["access_token"]) == 200


def test_on_the_mutual_tls_host_a_proof_names_that_host(
    composition: Composition, party: RelyingParty, holder: Certified, visitor: Visitor, http: FlaskClient
) -> None:
    """RFC 9449 §4.3 with RFC 8705 §5: ``htu`` is the alias that was called."""
    code, keyed = visitor.authorize(party), Holder(composition)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": party.redirect_uri,
        "code_verifier": party.verifier,
    }
    wrong = holder.post(http, "/token", form, party.basic() | keyed.headers())
    assert wrong.get_json()["error"] == "invalid_dpop_proof"
    right = holder.post(http, "/token", form, party.basic() | keyed.headers(htu=f"{MTLS_ORIGIN}/token"))
    # Who sends a proof asks for it, certificate or not.
    assert right.get_json()["token_type"] == "DPoP"


def test_fapi_by_certificate(
    composition: Composition, app: Flask, holder: Certified, visitor: Visitor, http: FlaskClient
) -> None:
    """FAPI 2.0 §5.3.2.1 item 5, private_key_jwt and mTLS: bound, not rotated, nothing without the certificate."""
    fapi: KeyedParty = register_keyed(composition)
    code = visitor.authorize(fapi, scope=SCOPE)
    change(composition, fapi, policy="fapi2")
    refused = fapi.exchange(http, code, {}, **fapi.assertion())
    assert refused.get_json()["error"] == "invalid_request"
    tokens = holder.redeem(http, fapi, code, **fapi.assertion())
    assert holder.userinfo(http, tokens["access_token"]) == 200
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    renewed = holder.post(http, "/token", form | fapi.assertion()).get_json()
    assert renewed["refresh_token"] == tokens["refresh_token"]
    assert http.post("/token", data=form | fapi.assertion()).get_json()["error"] == "invalid_request"
    service = {"grant_type": "client_credentials"}
    assert http.post("/token", data=service | fapi.assertion()).status_code == 400
