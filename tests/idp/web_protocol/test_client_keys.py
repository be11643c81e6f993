"""How applications prove who they are by keys: secrets that sign, published key sets, certificates of their own."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OctKey, RSAKey
from werkzeug.test import TestResponse

from composition import Composition
from idp.clients.client import find_client
from idp.clients.client_secret import rotate_secret
from idp.clients.keys import ENCRYPTION, client_keys
from kernel.clock import ManualClock
from kernel.database import in_transaction
from kernel.identifiers import new_secret
from kernel.settings import Settings
from outgoing.answer import Answer
from outgoing.errors import OutgoingError, OutgoingReason
from tests.idp.relying_party import RelyingParty, at, events, leaves, register

ISSUER = "http://localhost:8000"
MTLS_ORIGIN = "https://localhost:8443"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
JWKS_URI = "https://service.example/jwks"
SERVICE: dict[str, Any] = {
    "redirect_uris": [],
    "post_logout_redirect_uris": [],
    "grant_types": ["client_credentials"],
    "scope": "tramites:leer",
    "optional_scope": "",
    "resources": ["https://api.example/"],
}


@dataclass
class KeyHost:
    """What stands for the world outside: one address, its keys, and how often it was asked."""

    keys: list[dict[str, Any]] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)
    asked: int = 0
    down: bool = False

    def fetch(self, url: str, **_bounds: Any) -> Answer:
        """Answer with the keys."""
        assert url == JWKS_URI
        assert not in_transaction()
        self.asked += 1
        if self.down:
            raise OutgoingError(OutgoingReason.UNREACHABLE)
        return Answer(200, self.headers, json.dumps({"keys": self.keys}).encode())


def on_mtls_host(settings: Settings) -> Settings:
    """Return the settings with a mutual-TLS host behind a proxy on this machine."""
    return settings.model_copy(update={"mtls_origin": MTLS_ORIGIN, "trusted_proxies": [ip_network("127.0.0.1/32")]})


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a mutual-TLS host."""
    return on_mtls_host(settings)


@pytest.fixture
def host(composition: Composition) -> KeyHost:
    """The host of the application's keys."""
    host = KeyHost()
    composition.__dict__["outgoing"] = host
    return host


@pytest.fixture
def app(host: KeyHost, app: Flask) -> Flask:
    """The provider, which asks ``host`` and nobody else."""
    return app


def _key(kid: str = "one") -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


def _public(key: Key) -> dict[str, Any]:
    return dict(key.as_dict(private=False))


def _publishing(composition: Composition, **more: Any) -> RelyingParty:
    return register(
        composition, **SERVICE | {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": JWKS_URI} | more
    )


def _ask(http: FlaskClient, party: RelyingParty, key: Any, algorithm: str = "ES256", **changes: Any) -> TestResponse:
    now = at(party.composition.clock.now())
    kid = changes.pop("kid", key.kid if isinstance(key, ECKey | RSAKey) else None)
    claims = {"iss": party.client_id, "sub": party.client_id, "aud": ISSUER, "jti": new_secret(), "exp": now + 60}
    header = {"alg": algorithm, **({"kid": kid} if kid else {})}
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": jwt.encode(header, claims | changes, key, algorithms=[algorithm]),
    }
    return http.post("/token", data=form)


def _require_refused(party: RelyingParty, response: TestResponse, reason: str) -> None:
    assert (response.status_code, response.get_json()["error"]) == (401, "invalid_client")
    assert events(party.composition, "idp:client:authenticated")[-1] == ("refused", reason, party.client_id)


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_secret_signs_instead_of_travelling(
    composition: Composition, app: Flask, http: FlaskClient, algorithm: str
) -> None:
    """OpenID Connect Core §9 client_secret_jwt; the secret is long enough for each (RFC 7518 §3.2)."""
    party = register(composition, **SERVICE, token_endpoint_auth_method="client_secret_jwt")
    key = OctKey.import_key(party.secret)
    assert _ask(http, party, key, algorithm).status_code == 200
    jti = new_secret()
    assert _ask(http, party, key, algorithm, jti=jti).status_code == 200
    _require_refused(party, _ask(http, party, key, algorithm, jti=jti), "assertion_replayed")
    _require_refused(party, _ask(http, party, OctKey.import_key(new_secret(64)), algorithm), "assertion_bad_signature")
    _require_refused(party, _ask(http, party, _key()), "assertion_bad_alg")
    form = {"grant_type": "client_credentials", "client_id": party.client_id, "client_secret": party.secret}
    _require_refused(party, http.post("/token", data=form), "wrong_method")


def test_two_signing_secrets_are_valid_side_by_side(composition: Composition, app: Flask, http: FlaskClient) -> None:
    """OpenID Provider, surface: a rotation needs no stop; then the old one ends. Both are stored sealed."""
    party = register(composition, **SERVICE, token_endpoint_auth_method="client_secret_jwt")
    with composition.database.transaction() as session:
        new = rotate_secret(
            session,
            journal=composition.journal,
            client=find_client(session, party.client_id),
            sealing_secret=composition.sealing_secret,
            now=composition.clock.now(),
        )
    old_key, new_key = OctKey.import_key(party.secret), OctKey.import_key(new.reveal())
    assert {_ask(http, party, key, "HS256").status_code for key in (old_key, new_key)} == {200}
    _advance(composition, timedelta(days=8))
    assert _ask(http, party, new_key, "HS256").status_code == 200
    _require_refused(party, _ask(http, party, old_key, "HS256"), "assertion_bad_signature")


def test_the_registered_algorithm_is_the_only_one(composition: Composition, app: Flask, http: FlaskClient) -> None:
    """OpenID Connect Dynamic Client Registration §2 token_endpoint_auth_signing_alg."""
    key = RSAKey.generate_key(2048, {"kid": "one"})
    party = register(
        composition,
        **SERVICE,
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg="PS256",
        jwks={"keys": [_public(key)]},
    )
    assert _ask(http, party, key, "PS256").status_code == 200
    _require_refused(party, _ask(http, party, key, "RS256"), "assertion_bad_alg")


def test_under_fapi_the_audience_is_the_issuer_as_one_text(
    composition: Composition, app: Flask, http: FlaskClient
) -> None:
    """FAPI 2.0 Security Profile §5.3.2.1; OpenID Provider, rule 11."""
    key = _key()
    party = register(
        composition,
        **SERVICE,
        policy="fapi2",
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [_public(key)]},
    )
    now = at(composition.clock.now())
    for audience in ([ISSUER], f"{ISSUER}/token"):
        _require_refused(party, _ask(http, party, key, aud=audience), "assertion_bad_aud")
    _require_refused(party, _ask(http, party, key, iat=now + 60), "assertion_iat_in_the_future")
    for ahead in (8, 10):
        _ask(http, party, key, iat=now + ahead)
        # It is who it says; what is missing then is the proof of a key that the token would be bound to.
        assert leaves(composition, "idp:token:refused")[-1]["details"]["client_authentication"] == "private_key_jwt"
    rsa = RSAKey.generate_key(2048, {"kid": "one"})
    weak = register(
        composition,
        **SERVICE,
        policy="fapi2",
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [_public(rsa)]},
    )
    _require_refused(weak, _ask(http, weak, rsa, "RS256"), "assertion_bad_alg")


def test_two_keys_are_valid_side_by_side_with_and_without_a_kid(
    composition: Composition, app: Flask, http: FlaskClient
) -> None:
    """OpenID Provider, surface: two keys for a rotation. RFC 7515 §4.1.4: kid is a hint that may be absent."""
    keys = [_key("old"), _key("new")]
    party = register(
        composition,
        **SERVICE,
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [_public(key) for key in keys]},
    )
    for key in keys:
        assert _ask(http, party, key).status_code == 200
        assert _ask(http, party, key, kid=None).status_code == 200
    _require_refused(party, _ask(http, party, keys[0], kid="new"), "assertion_bad_signature")
    _require_refused(party, _ask(http, party, keys[0], kid="other"), "assertion_unknown_key")


def test_published_keys_are_fetched_once_and_again_when_they_change(
    composition: Composition, host: KeyHost, app: Flask, http: FlaskClient
) -> None:
    """OpenID Connect Core §10.1.1: a kid that is not known makes us look again, at once but not without end."""
    old, new, foreign = _key("old"), _key("new"), _key("foreign")
    host.keys = [_public(old)]
    party = _publishing(composition)
    assert [_ask(http, party, old).status_code for _ in range(3)] == [200] * 3
    assert host.asked == 1
    host.keys = [_public(new)]
    _require_refused(party, _ask(http, party, new), "assertion_unknown_key")  # a moment ago it was asked
    _advance(composition, timedelta(seconds=6))
    assert _ask(http, party, new).status_code == 200
    assert host.asked == 2
    _require_refused(party, _ask(http, party, old), "assertion_unknown_key")
    for _ in range(5):
        _require_refused(party, _ask(http, party, foreign), "assertion_unknown_key")
    assert host.asked == 2
    _advance(composition, timedelta(seconds=6))
    for _ in range(5):
        _require_refused(party, _ask(http, party, foreign), "assertion_unknown_key")
    assert host.asked == 3


@pytest.mark.parametrize(
    ("said", "kept"), [("max-age=1", 60), ("public, max-age=1800", 1800), ("max-age=99999999", 3600), ("", 600)]
)
def test_published_keys_are_kept_as_long_as_their_host_says_within_bounds(
    composition: Composition, host: KeyHost, app: Flask, http: FlaskClient, said: str, kept: int
) -> None:
    """RFC 9111 §5.2.2.1: no less than a minute, no more than an hour."""
    key = _key()
    host.keys, host.headers = [_public(key)], {"cache-control": said}
    party = _publishing(composition)
    _ask(http, party, key)
    _advance(composition, timedelta(seconds=kept - 1))
    assert (_ask(http, party, key).status_code, host.asked) == (200, 1)
    _advance(composition, timedelta(seconds=1))
    assert (_ask(http, party, key).status_code, host.asked) == (200, 2)


def test_a_host_that_is_down_does_not_close_its_application_at_once(
    composition: Composition, host: KeyHost, app: Flask, http: FlaskClient
) -> None:
    """RFC 5861 §4: the last copy serves for a day, then nothing is believed. The host is asked twice a minute."""
    key = _key()
    host.keys = [_public(key)]
    party = _publishing(composition)
    assert _ask(http, party, key).status_code == 200
    host.down = True
    _advance(composition, timedelta(minutes=11))
    assert [_ask(http, party, key).status_code for _ in range(5)] == [200] * 5
    assert host.asked == 2
    _advance(composition, timedelta(hours=25))
    _require_refused(party, _ask(http, party, key), "assertion_unknown_key")
    host.down = False
    _advance(composition, timedelta(seconds=31))
    assert _ask(http, party, key).status_code == 200


@pytest.mark.parametrize("keys", [[], [{"kty": "oct", "k": "AAAA"}], [{"kty": "new"}], ["x"], [{}] * 11])
def test_what_is_no_key_set_is_not_believed(
    composition: Composition, host: KeyHost, app: Flask, http: FlaskClient, keys: list[Any]
) -> None:
    """RFC 7517 §5, and OpenID Provider, rule 13."""
    host.keys = keys
    party = _publishing(composition)
    _require_refused(party, _ask(http, party, _key()), "assertion_unknown_key")


def test_keys_of_unknown_kinds_are_passed_over(
    composition: Composition, host: KeyHost, app: Flask, http: FlaskClient
) -> None:
    """RFC 7517 §5; and a key for encryption verifies no signature, nor the other way round."""
    signing, sealing = _key("one"), ECKey.generate_key("P-384", {"kid": "two"})
    host.keys = [{"kty": "AKP", "alg": "ML-DSA-65"}, _public(signing), {**_public(sealing), "use": "enc"}]
    party = _publishing(composition)
    assert _ask(http, party, signing).status_code == 200
    _require_refused(party, _ask(http, party, sealing, "ES384"), "assertion_unknown_key")
    with composition.database.reading() as session:
        client = find_client(session, party.client_id)
    assert [key.kid for key in client_keys(composition.idp, client)] == ["one"]
    assert [key.kid for key in client_keys(composition.idp, client, use=ENCRYPTION)] == ["two"]


def _certificate(key: ec.EllipticCurvePrivateKey, composition: Composition, *, days: int = 30) -> bytes:
    name, now = x509.Name.from_rfc4514_string("CN=service"), composition.clock.now()
    certificate = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.DER)


def by_certificate(http: FlaskClient, certificate_der: bytes | None, **form: str) -> TestResponse:
    """Ask for a token of a service on the mutual-TLS host."""
    header = {} if certificate_der is None else {"Client-Cert": f":{base64.b64encode(certificate_der).decode()}:"}
    form = {"grant_type": "client_credentials", **form}
    return http.post("/token", data=form, headers=header, base_url=MTLS_ORIGIN)


def _jwk(key: ec.EllipticCurvePrivateKey, kid: str) -> dict[str, Any]:
    return {**ECKey.import_key(key.public_key()).as_dict(private=False), "kid": kid}


def test_a_certificate_of_ones_own_is_known_by_its_key(composition: Composition, app: Flask, http: FlaskClient) -> None:
    """RFC 8705 §2.2: two keys side by side; its own dates hold; any other key, or none, is nobody."""
    old, new, foreign = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    old_certificate = _certificate(old, composition)
    with_certificate = _jwk(old, "old") | {"x5c": [base64.b64encode(old_certificate).decode()]}
    party = register(
        composition,
        **SERVICE,
        token_endpoint_auth_method="self_signed_tls_client_auth",
        jwks={"keys": [with_certificate, _jwk(new, "new")]},
    )
    named = {"client_id": party.client_id}
    assert by_certificate(http, old_certificate, **named).status_code == 200
    assert by_certificate(http, _certificate(new, composition), **named).status_code == 200
    refused = {
        "unknown_certificate": _certificate(foreign, composition),
        "no_certificate": None,
        "certificate_expired": _certificate(new, composition, days=-1),
    }
    for reason, certificate_der in refused.items():
        _require_refused(party, by_certificate(http, certificate_der, **named), reason)


def test_a_published_key_changes_with_its_certificate(
    composition: Composition, host: KeyHost, app: Flask, http: FlaskClient
) -> None:
    """RFC 8705 §2.2.2: jwks_uri serves for certificates, too."""
    old, new = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    host.keys = [_jwk(old, "old")]
    party = _publishing(composition, token_endpoint_auth_method="self_signed_tls_client_auth")
    assert by_certificate(http, _certificate(old, composition), client_id=party.client_id).status_code == 200
    host.keys = [_jwk(new, "new")]
    _advance(composition, timedelta(seconds=6))
    assert by_certificate(http, _certificate(new, composition), client_id=party.client_id).status_code == 200


def test_a_certificate_and_a_secret_are_two_methods(composition: Composition, app: Flask, http: FlaskClient) -> None:
    """RFC 6749 §2.3, OpenID Provider, rule 12. For a client of another method its certificate proves nothing."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate_der = _certificate(key, composition)
    certified = register(
        composition,
        **SERVICE,
        token_endpoint_auth_method="self_signed_tls_client_auth",
        jwks={"keys": [_jwk(key, "one")]},
    )
    both = {"client_id": certified.client_id, "client_secret": "x"}
    _require_refused(certified, by_certificate(http, certificate_der, **both), "wrong_method")
    by_secret = register(composition, **SERVICE, token_endpoint_auth_method="client_secret_post")
    _require_refused(by_secret, by_certificate(http, certificate_der, client_id=by_secret.client_id), "wrong_method")
    proof = {"client_id": by_secret.client_id, "client_secret": by_secret.secret}
    assert by_certificate(http, certificate_der, **proof).status_code == 200


def _advance(composition: Composition, duration: timedelta) -> None:
    clock = composition.clock
    assert isinstance(clock, ManualClock)
    clock.advance(duration)
