"""Policies and metadata of applications: consistent in themselves, and kept whole."""

from __future__ import annotations

import pytest

from idp.clients.auth_method import AuthMethod
from idp.clients.policy import POLICIES, ClientPolicy
from idp.clients.registration.metadata import ClientMetadata
from idp.protocol.terms import Terms
from idp.tokens.confirmation import Confirmation


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_every_policy_is_consistent(policy: ClientPolicy) -> None:
    """What is signed can be verified; whoever has no key cannot be asked to sign; codes live a minute at most."""
    assert policy.words
    assert policy.auth_methods
    assert policy.code_lifetime.total_seconds() <= 60  # OpenID Provider, rule 4
    if policy.sender_constrained or policy.signed_requests:
        assert AuthMethod.NONE not in policy.auth_methods
        assert AuthMethod.CLIENT_SECRET_BASIC not in policy.auth_methods
    if policy.response_types - {"code"}:
        assert not policy.pushed_requests


def test_only_one_policy_relaxes() -> None:
    """OpenID Provider, surface: implicit and hybrid are off, and PKCE on, unless a policy says otherwise."""
    assert [policy.name for policy in POLICIES.values() if not policy.pkce] == ["classic"]
    assert [policy.name for policy in POLICIES.values() if policy.response_types - {"code"}] == ["classic"]


def test_metadata_and_terms_come_back_as_they_were_kept() -> None:
    """Defaults take no room, and a name of a newer version of the service is left out instead of failing."""
    metadata = ClientMetadata(resources=("https://api.example",), require_auth_time=True, resource_scopes={"a": "b"})
    document = metadata.to_document()
    assert set(document) == {"resources", "require_auth_time", "resource_scopes"}
    assert ClientMetadata.from_document(document | {"of_tomorrow": 1}) == metadata
    assert ClientMetadata().to_document() == {}
    terms = Terms(resources=("https://api.example",), authorization_details=({"type": "a"},), claims={"id_token": {}})
    assert Terms.from_document(terms.to_document()) == terms
    assert Terms().to_document() == {}


def test_a_binding_names_its_token_type() -> None:
    """RFC 9449 §5, RFC 8705 §3: a token bound to a DPoP key says so; a certificate-bound one is sent as a bearer's."""
    assert Confirmation(jkt="a").token_type == "DPoP"
    assert Confirmation(x5t_s256="a").token_type == "Bearer"
    assert Confirmation.from_cnf({"x5t#S256": "a"}) == Confirmation(x5t_s256="a")
    assert Confirmation.from_cnf(None) is None
