"""The public pages that explain the kinds of certificates."""

from __future__ import annotations

from flask.testing import FlaskClient

from ca.profiles.registry import packaged_profiles

PROFILES = packaged_profiles().list()


def test_the_public_page_explains(client: FlaskClient) -> None:
    """`/pki/profiles`: whoever relies on a certificate reads what its policy means, in their language."""
    listed = client.get("/pki/profiles").get_data(as_text=True)
    assert all(f"/pki/profiles/{profile.name}" in listed for profile in PROFILES)
    spanish = client.get("/pki/profiles/tls-server-short", headers={"Accept-Language": "es"}).get_data(as_text=True)
    english = client.get("/pki/profiles/tls-server-short", headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert "RFC 9608" in spanish and "vence antes de que sirva revocarlo" in spanish
    assert "before a revocation would be of use" in english
    assert client.get("/pki/profiles/nada").status_code == 404
