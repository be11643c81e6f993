"""What an application may register."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from joserfc.jwk import ECKey, OctKey, RSAKey
from sqlalchemy import select

from audit.model import AuditEvent
from composition import Composition
from idp.clients.auth_method import AuthMethod
from idp.clients.client import find_client
from idp.clients.client_secret import is_valid_secret, rotate_secret
from idp.clients.console import ensure_console_client
from idp.clients.demo import create_demo_clients
from idp.clients.jwks import key_set, require_public_jwks
from idp.clients.register import RegisteredClient, disable_client, register_client
from idp.clients.registration.client_registration import ClientRegistration
from idp.commands import commands
from kernel.errors import Conflict, NotFound, Rejected

PUBLIC_KEY = ECKey.generate_key("P-256").as_dict(private=False)
PORTAL: dict[str, Any] = {"client_name": "Portal", "redirect_uris": ["https://portal.example/cb"]}


def _register(composition: Composition, client_id: str | None = None, **metadata: Any) -> RegisteredClient:
    with composition.database.transaction() as session:
        return register_client(
            session,
            journal=composition.journal,
            registration=ClientRegistration.parse(PORTAL | metadata),
            client_id=client_id,
            now=composition.clock.now(),
        )


@pytest.mark.parametrize(
    "uri",
    [
        "http://portal.example/cb",
        "https://portal.example/cb#fragment",
        "https://portal.example/cb#",
        "https://user@portal.example/cb",
        "https://*.portal.example/cb",
        "https://portal.example/*",
        "https://portal.example/a/../cb",
        "https://portal.example/a/%2e%2e/cb",
        "https://PORTAL.example/cb",
        "https://portal.example\\@evil.example/cb",
        "https://portal.example/c b",
        "https://portal.example:port/cb",
        "https:portal.example/cb",
        "https:///cb",
        "//portal.example/cb",
        "/cb",
        "",
        "javascript:alert(1)",
        "https://portal.example;sandbox/cb",
        "https://portal.example,x/cb",
        "https://portal.example%2eevil.example/cb",
        "https://portal.example'/cb",
        "https://portal.example./cb",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "ec.gob.app:/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://localhost.evil.example/cb",
        "https://portál.example/cb",
    ],
)
def test_refuses_a_redirect_uri_that_is_not_safe_to_send_answers_to(uri: str) -> None:
    """RFC 6749 §3.1.2, RFC 9700 §2.1: https, loopback, nothing else, no fragment, no wildcard."""
    with pytest.raises(Rejected) as refusal:
        ClientRegistration.parse(PORTAL | {"redirect_uris": [uri]})
    assert refusal.value.code == "bad_redirect_uri"


@pytest.mark.parametrize("uri", ["http://localhost:8001/cb", "http://127.0.0.1/cb", "http://[::1]:9/cb"])
def test_http_is_accepted_on_loopback(uri: str) -> None:
    """RFC 8252 §7.3."""
    assert ClientRegistration.parse(PORTAL | {"redirect_uris": [uri]}).redirect_uris == (uri,)


def test_a_native_application_may_register_a_scheme_with_a_dot() -> None:
    """RFC 8252 §7.1: a reversed domain name; ``javascript:`` stays out."""
    native = PORTAL | {"application_type": "native"}
    assert ClientRegistration.parse(native | {"redirect_uris": ["ec.gob.app:/cb"]}).application_type == "native"
    for uri in ("myapp:/cb", "javascript:/cb"):
        with pytest.raises(Rejected):
            ClientRegistration.parse(native | {"redirect_uris": [uri]})


@pytest.mark.parametrize(
    "change",
    [
        {"jwks_uri": "http://portal.example/jwks"},
        {"jwks_uri": "https://someone@portal.example/jwks"},
        {"jwks_uri": 7},
        {"client_name": ""},
        {"client_name": "a\u202eb"},
        {"redirect_uris": []},
        {"redirect_uris": "https://portal.example/cb"},
        {"response_types": ["token"]},
        {"subject_type": "other"},
        {
            "subject_type": "pairwise",
            "redirect_uris": ["https://portal.example/cb", "https://other.example/cb"],
        },
        {"id_token_encrypted_response_alg": "RSA-OAEP-256"},  # no key to encrypt to
        {"id_token_encrypted_response_alg": "RSA-OAEP", "jwks": {"keys": [PUBLIC_KEY]}},  # of the old policy only
        {"id_token_encrypted_response_alg": "dir", "jwks": {"keys": [PUBLIC_KEY]}},
        {"userinfo_encrypted_response_enc": "A128GCM", "jwks": {"keys": [PUBLIC_KEY]}},
        {"userinfo_signed_response_alg": "none"},
        {"userinfo_signed_response_alg": "HS256"},
        {"introspection_signed_response_alg": ["ES256"]},
        {"grant_types": ["password"]},
        {"grant_types": ["implicit"]},
        {"token_endpoint_auth_method": "in_process"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"token_endpoint_auth_method": "self_signed_tls_client_auth"},
        {"token_endpoint_auth_signing_alg": "none"},
        {"id_token_signed_response_alg": "none"},
        {"id_token_signed_response_alg": "HS256"},
        {"scope": "profile"},
        {"scope": "openid address"},
        {"scope": "openid offline_access"},
        {"scope": 7},
        {"optional_scope": "email"},
        {"optional_scope": "openid"},
        {"grant_types": ["client_credentials"], "redirect_uris": []},
        {"default_acr_values": ["urn:other"]},
        {"resource": "http://api.example"},
        {"backchannel_logout_uri": "http://portal.example/out"},
    ],
)
def test_refuses_metadata_that_would_not_be_honoured(change: dict[str, Any]) -> None:
    """RFC 7591 §3.2.2: better a clear no than a client that is less safe than its developer thinks."""
    with pytest.raises(Rejected) as refusal:
        ClientRegistration.parse(PORTAL | change)
    assert refusal.value.code in ("bad_client_metadata", "bad_resource")
    assert refusal.value.public_detail


def test_keys_are_public_strong_and_named() -> None:
    """RFC 7517 §4: private or symmetric members, short RSA keys and repeated kids are refused; a kid is made."""
    good = ECKey.generate_key("P-256", {"use": "sig"})
    assert len(key_set(require_public_jwks({"keys": [good.as_dict(private=False)]})).keys) == 1
    weak = RSAKey.generate_key(1024).as_dict(private=False)
    bad: list[Any] = [
        good.as_dict(private=True),
        OctKey.generate_key().as_dict(private=True),
        weak,
        ECKey.generate_key("P-521").as_dict(private=False),
        {**good.as_dict(private=False), "use": "other"},
        {**good.as_dict(private=False), "x5c": ["AAAA"]},
        {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"},
        {"kty": "EC", "crv": "P-256"},
        {"kty": "RSA", "n": 5, "e": []},
        {},
        7,
    ]
    for key in bad:
        with pytest.raises(Rejected):
            require_public_jwks({"keys": [key]})
    for document in ({"keys": []}, {}, [], None, {"keys": [good.as_dict(private=False)] * 2}):
        with pytest.raises(Rejected):
            require_public_jwks(document)


def test_the_secret_is_returned_once_and_stored_as_a_digest(composition: Composition) -> None:
    """Nothing of the secret stands in the event either."""
    registered = _register(composition)
    assert registered.secret is not None
    secret = registered.secret.reveal()
    with composition.database.reading() as session:
        now = composition.clock.now()
        assert is_valid_secret(session, client_id=registered.client.client_id, presented=secret, now=now)
        assert not is_valid_secret(session, client_id=registered.client.client_id, presented=secret + "x", now=now)
        leaf = session.scalars(select(AuditEvent.leaf)).one()
    assert secret.encode() not in leaf


def test_two_secrets_are_valid_side_by_side_during_a_rotation(composition: Composition) -> None:
    """The old one lives on for seven days, so that a rotation needs no stop; a third ends the first."""
    registered = _register(composition)
    assert registered.secret is not None
    secrets = [registered.secret]
    for _ in range(2):
        with composition.database.transaction() as session:
            now = composition.clock.now()
            secrets.append(rotate_secret(session, journal=composition.journal, client=registered.client, now=now))
        composition.clock.advance(timedelta(seconds=1))  # type: ignore[attr-defined]

    def valid() -> list[bool]:
        with composition.database.reading() as session:
            return [
                is_valid_secret(
                    session,
                    client_id=registered.client.client_id,
                    presented=secret.reveal(),
                    now=composition.clock.now(),
                )
                for secret in secrets
            ]

    assert valid() == [False, True, True]
    composition.clock.advance(timedelta(days=8))  # type: ignore[attr-defined]
    assert valid() == [False, False, True]


def test_a_client_id_and_an_api_are_taken_once(composition: Composition) -> None:
    """A second registration under the same name is a conflict."""
    _register(composition, "portal", resource="https://api.example")
    with pytest.raises(Conflict):
        _register(composition, "portal")
    with pytest.raises(Conflict):
        _register(composition, resource="https://api.example")


def test_a_disabled_client_stays_known_and_its_version_grows(composition: Composition) -> None:
    """Caches tell copies apart by the version."""
    client_id = _register(composition).client.client_id
    with composition.database.transaction() as session:
        closed = disable_client(session, journal=composition.journal, client_id=client_id, now=composition.clock.now())
        assert (closed.active, closed.version) == (False, 2)
        with pytest.raises(NotFound):
            disable_client(session, journal=composition.journal, client_id="other", now=composition.clock.now())


def test_the_console_client_is_made_once_and_has_no_credential(composition: Composition) -> None:
    """It redeems its codes in process: no method opens the token endpoint to it."""
    for uri in ("http://localhost:8000/admin/callback", "http://localhost:8000/admin/callback"):
        with composition.database.transaction() as session:
            client = ensure_console_client(session, composition.idp, uri, now=composition.clock.now())
    assert client.auth_method is AuthMethod.IN_PROCESS
    assert client.minimum_acr == "urn:sau:acr:2fa"
    with composition.database.reading() as session:
        assert len(session.scalars(select(AuditEvent)).all()) == 1


def test_the_demo_portals_are_made_once(composition: Composition) -> None:
    """Known ids; the secrets come with the first call only."""
    counts = []
    for _ in range(2):
        with composition.database.transaction() as session:
            counts.append(len(create_demo_clients(session, composition.idp, now=composition.clock.now())))
    assert counts == [2, 0]


def test_the_command_registers_shows_rotates_and_disables(composition: Composition, tmp_path: Path) -> None:
    """``sau client``, also from a file of RFC 7591 metadata."""
    (group,) = [item for item in commands(lambda: composition.idp) if item.name == "client"]
    run = CliRunner()
    arguments = ["--name", "Portal", "--redirect-uri", "https://portal.example/cb", "--scope", "openid offline_access"]
    added = json.loads(run.invoke(group, ["add", *arguments, "--json"]).stdout)
    assert set(added) == {"client_id", "client_secret"}
    shown = json.loads(run.invoke(group, ["show", added["client_id"], "--json"]).stdout)
    assert shown["grant_types"] == ["authorization_code", "refresh_token"]
    rotated = json.loads(run.invoke(group, ["rotate-secret", added["client_id"], "--json"]).stdout)
    assert rotated["client_secret"] != added["client_secret"]
    (tmp_path / "metadata.json").write_text(json.dumps(PORTAL | {"token_endpoint_auth_method": "none"}))
    public = json.loads(run.invoke(group, ["add", "--file", str(tmp_path / "metadata.json"), "--json"]).stdout)
    assert set(public) == {"client_id"}
    assert json.loads(run.invoke(group, ["disable", public["client_id"], "--json"]).stdout)["active"] is False
    with composition.database.reading() as session:
        assert find_client(session, added["client_id"]).active
    assert len(json.loads(run.invoke(group, ["list", "--json"]).stdout)) == 2
    contradiction = run.invoke(group, ["add", *arguments, "--public", "--auth-method", "private_key_jwt"])
    assert isinstance(contradiction.exception, Rejected)
