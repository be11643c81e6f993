"""Who the person is to an application (OpenID Connect Core §8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from composition import Composition
from idp.clients.auth_method import AuthMethod
from idp.clients.client import Client
from idp.clients.policy import WEB
from idp.clients.registration.metadata import ClientMetadata
from idp.tokens.subject import sector_of, subject_for
from kernel.clock import ManualClock
from tests.idp.signing import make_signing_keys, rotate_all


def _client(clock: ManualClock, *uris: str, sector: str | None = None, client_id: str = "one") -> Client:
    return Client(
        client_id=client_id,
        name="Portal",
        institution_id=None,
        application_type="web",
        redirect_uris=uris,
        post_logout_redirect_uris=(),
        auth_method=AuthMethod.CLIENT_SECRET_BASIC,
        jwks=None,
        id_token_alg="ES256",
        grant_types=("authorization_code",),
        scopes=("openid",),
        optional_scopes=(),
        minimum_acr=None,
        resource=None,
        policy=WEB,
        metadata=ClientMetadata(subject_type="pairwise", sector_identifier_uri=sector),
        active=True,
        version=1,
        created_at=clock.now(),
    )


def test_a_public_subject_is_the_same_everywhere(composition: Composition, clock: ManualClock) -> None:
    """§8: the default."""
    client = replace(_client(clock, "https://a.example/cb"), metadata=ClientMetadata())
    assert subject_for(composition.idp, client, "person") == "person"


def test_a_pairwise_subject_is_of_one_sector_and_one_person(composition: Composition, clock: ManualClock) -> None:
    """§8.1: not reversible without our secret, bounded, ASCII; the path of the address does not matter."""
    services = composition.idp
    first = subject_for(services, _client(clock, "https://a.example/cb"), "person")
    assert first == subject_for(services, _client(clock, "https://a.example/other", client_id="two"), "person")
    assert first != subject_for(services, _client(clock, "https://b.example/cb"), "person")
    assert first != subject_for(services, _client(clock, "https://a.example/cb"), "other")
    assert "person" not in first
    assert first.isascii()
    assert len(first) == 43


def test_the_registered_sector_goes_before_the_redirect_address(clock: ManualClock) -> None:
    """§8.1: several hosts of one owner are one sector by its sector_identifier_uri."""
    one = _client(clock, "https://a.example/cb", "https://b.example/cb", sector="https://gob.example/sectors.json")
    assert sector_of(one) == "gob.example"
    assert sector_of(_client(clock, "https://A.example:8443/cb")) == "a.example"


@pytest.mark.parametrize("uri", ["", "app:/cb"])
def test_without_a_host_the_client_is_its_own_sector(clock: ManualClock, uri: str) -> None:
    """Clients of the device and decoupled flows have no redirect address."""
    assert sector_of(_client(clock, *([uri] if uri else []), client_id="tv")) == "tv"


def test_it_outlives_processes_and_keys(
    composition: Composition, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """§8.1: an application must know the person again, whatever happens here."""
    make_signing_keys(composition, monkeypatch)
    client = _client(clock, "https://a.example/cb")
    before = subject_for(composition.idp, client, "person")
    clock.advance(timedelta(hours=1))
    rotate_all(composition)
    other = Composition(composition.settings, clock=clock)
    assert subject_for(other.idp, client, "person") == before
    other.database.dispose()
