"""Members of registered metadata: each is of its kind, fits the others and the policy, or is refused with a reason."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc.jwk import ECKey

from idp.clients.policy import POLICIES
from idp.clients.registration.answers import answer_metadata
from idp.clients.registration.client_registration import ClientRegistration
from idp.clients.registration.metadata import ClientMetadata
from kernel.errors import Rejected

JWKS = {"keys": [ECKey.generate_key("P-256").as_dict(private=False)]}
PORTAL: dict[str, Any] = {"client_name": "Portal", "redirect_uris": ["https://portal.example/cb"]}
HYBRID: dict[str, Any] = {"policy": "classic", "grant_types": ["authorization_code", "implicit"]}
FAPI: dict[str, Any] = {"policy": "fapi2", "token_endpoint_auth_method": "private_key_jwt", "jwks": JWKS}


def _parsed(**change: Any) -> ClientMetadata:
    return ClientRegistration.parse(PORTAL | change).metadata


@pytest.mark.parametrize(
    "change",
    [
        {"client_uri": "https://portal.example", "tos_uri": "https://portal.example/tos"},
        {"logo_uri": "https://portal.example/logo.png", "policy_uri": "https://portal.example/policy"},
        {"contacts": ["ti@portal.example"], "software_id": "a", "software_version": "1"},
        {"initiate_login_uri": "https://portal.example/login"},
        {"sector_identifier_uri": "https://portal.example/sector"},
        {"request_uris": ["https://portal.example/request#c2hhMjU2"]},
        {"default_max_age": 3600, "require_auth_time": True},
        {"sessions_at_most": 2, "when_sessions_are_full": "refuse"},
        {"userinfo_signed_response_alg": "ES256", "authorization_signed_response_alg": "PS256"},
        {"jwks_uri": "https://portal.example/jwks", "token_endpoint_auth_method": "private_key_jwt"},
        {"dpop_bound_access_tokens": True},
        {"require_signed_request_object": True, "request_object_signing_alg": "PS256"},
    ],
)
def test_what_is_registered_is_kept(change: dict[str, Any]) -> None:
    """RFC 7591 §3.2.1: the answer, and every rule, sees what was registered."""
    kept = _parsed(**change).to_document()
    expected = {name: value for name, value in change.items() if name != "token_endpoint_auth_method"}
    assert expected.items() <= kept.items()


@pytest.mark.parametrize(
    "change",
    [
        {"logo_uri": "http://portal.example/logo.png"},
        {"tos_uri": "javascript:alert(1)"},
        {"tos_uri": "https://*/x"},
        {"tos_uri": "https://a;b.example/x"},
        {"policy_uri": "https://portal.example/#part"},
        {"client_uri": ["https://portal.example"]},
        {"initiate_login_uri": "https://user@portal.example/login"},
        {"contacts": "ti@portal.example"},
        {"contacts": [f"{number}@portal.example" for number in range(11)]},
        {"software_id": 5},
        {"default_max_age": -1},
        {"sessions_at_most": 0},
        {"sessions_at_most": True},
        {"when_sessions_are_full": "wait"},
        {"default_max_age": True},
        {"default_max_age": "60"},
        {"require_auth_time": "true"},
        {"request_uris": ["http://portal.example/request"]},
        {"request_object_signing_alg": "none"},
        {"id_token_encrypted_response_alg": "dir"},
        {"id_token_encrypted_response_enc": "A128GCM"},
        {"userinfo_signed_response_alg": "HS256"},
        {"access_token_format": "paper"},
        {"access_token_signed_response_alg": "PS256"},
        {"access_token_signed_response_alg": ["RS256"]},
        {"subject_type": "private"},
        {"jwks": JWKS, "jwks_uri": "https://portal.example/jwks"},
        {"policy": "none"},
        {"response_types": ["token"]},
        {"response_types": ["code id_token"]},
        {"tls_client_auth_subject_dn": "CN=portal"},
        {"token_endpoint_auth_method": "tls_client_auth"},
        {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "portal"},
        {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_ip": "portal.example"},
        {
            "token_endpoint_auth_method": "tls_client_auth",
            "tls_client_auth_subject_dn": "CN=portal",
            "tls_client_auth_san_dns": "portal.example",
        },
        {"token_endpoint_auth_method": "client_secret_jwt", "token_endpoint_auth_signing_alg": "ES256"},
        {"grant_types": ["implicit"], "response_types": ["id_token"]},
        {"policy": "fapi2"},
        FAPI | {"token_endpoint_auth_signing_alg": "RS256"},
        FAPI | {"id_token_signed_response_alg": "RS256"},
        FAPI | {"access_token_signed_response_alg": "RS256"},
        FAPI | {"response_types": ["code id_token"]},
        HYBRID | {"grant_types": ["authorization_code"], "response_types": ["code id_token"]},
        HYBRID | {"grant_types": ["implicit"], "response_types": ["code id_token"]},
        HYBRID | {"redirect_uris": ["http://localhost/cb"], "response_types": ["code id_token"]},
    ],
)
def test_what_is_wrong_or_against_the_policy_is_refused(change: dict[str, Any]) -> None:
    """RFC 7591 §2, §3.2.2; Dynamic Client Registration §2; RFC 8705 §2.1.2."""
    with pytest.raises(Rejected) as refused:
        ClientRegistration.parse(PORTAL | change)
    assert refused.value.code == "bad_client_metadata"
    assert refused.value.public_detail


def test_response_types_are_kept_in_one_order() -> None:
    """Multiple Response Types §5: the order of the parts has no meaning."""
    assert _parsed(**HYBRID, response_types=["token id_token code", "code"]).response_types == (
        "code id_token token",
        "code",
    )
    assert _parsed().response_types == ("code",)


def test_an_algorithm_for_encryption_brings_its_encoding() -> None:
    """Dynamic Client Registration §2: A128CBC-HS256 where none is named."""
    kept = _parsed(id_token_encrypted_response_alg="ECDH-ES", jwks=JWKS)
    assert kept.id_token_encrypted_response_enc == "A128CBC-HS256"


@pytest.mark.parametrize(
    ("member", "given", "kept"),
    [
        ("tls_client_auth_subject_dn", "CN=portal,O=Entidad", "CN=portal,O=Entidad"),
        ("tls_client_auth_subject_dn", "CN=portal,2.5.4.97=NTREC-1", "CN=portal,2.5.4.97=NTREC-1"),
        ("tls_client_auth_san_dns", "Portal.Example", "portal.example"),
        ("tls_client_auth_san_ip", "2001:0db8::0001", "2001:db8::1"),
        ("tls_client_auth_san_email", "Ana@Portal.Example", "Ana@portal.example"),
        ("tls_client_auth_san_uri", "urn:portal:1", "urn:portal:1"),
    ],
)
def test_the_name_in_the_certificate_is_kept_in_one_spelling(member: str, given: str, kept: str) -> None:
    """RFC 8705 §2.1.2, RFC 4514 §3."""
    change = {"token_endpoint_auth_method": "tls_client_auth", member: given}
    assert ClientRegistration.parse(PORTAL | change).metadata.certificate_names == {member: kept}


def test_pairwise_subjects_of_several_hosts_need_a_sector() -> None:
    """OpenID Connect Core §8.1, Dynamic Client Registration §5."""
    two = {"redirect_uris": ["https://a.example/cb", "https://b.example/cb"], "subject_type": "pairwise"}
    with pytest.raises(Rejected):
        _parsed(**two)
    assert _parsed(**two, sector_identifier_uri="https://a.example/sector").subject_type == "pairwise"
    assert _parsed(subject_type="pairwise").sector_identifier_uri is None


@pytest.mark.parametrize("policy", ["web", "fapi2"])
def test_we_sign_by_the_names_that_we_serve(policy: str) -> None:
    """RFC 9864: Ed25519 is a name that we verify by; our own signatures are called EdDSA."""
    with pytest.raises(Rejected, match="userinfo_signed_response_alg"):
        answer_metadata({"userinfo_signed_response_alg": "Ed25519"}, policy=POLICIES[policy])
    assert answer_metadata({"userinfo_signed_response_alg": "EdDSA"}, policy=POLICIES[policy])
