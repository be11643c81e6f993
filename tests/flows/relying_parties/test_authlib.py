"""Authlib's client, which many Python portals use, over TLS under our own authority."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from tests.flows.citizens import citizen_of
from tests.flows.form_browser import FormBrowser
from tests.flows.relying_parties.conftest import SCOPE, register
from tests.flows.trusted_service import TrustedService

pytestmark = pytest.mark.server

CALLBACK = "https://portal.pruebas.gob.ec/callback"


@pytest.mark.parametrize("method", ["client_secret_basic", "private_key_jwt"])
def test_code_with_pkce_refresh_introspection_and_revocation(
    trusted: TrustedService, tmp_path: Path, method: str
) -> None:
    """The journey by a library that knows nothing of us but the discovery document."""
    discovered = requests.get(
        f"{trusted.issuer}/.well-known/openid-configuration", verify=str(trusted.trust), timeout=60
    ).json()
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    keys = {"jwks": {"keys": [key.as_dict(private=False)]}} if method == "private_key_jwt" else {}
    registered = register(
        trusted.service,
        tmp_path,
        {
            "client_name": "Authlib",
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": f"{SCOPE} offline_access",
            "token_endpoint_auth_method": method,
        }
        | keys,
    )
    session = OAuth2Session(
        registered["client_id"],
        registered.get("client_secret") or key,
        scope=f"{SCOPE} offline_access",
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        token_endpoint=discovered["token_endpoint"],
    )
    session.verify, session.trust_env = str(trusted.trust), False
    if method == "private_key_jwt":
        headers = {"kid": key.kid}
        session.register_client_auth_method(PrivateKeyJWT(discovered["token_endpoint"], headers=headers, alg="ES256"))
    verifier, nonce = generate_token(48), generate_token()
    address, state = session.create_authorization_url(
        discovered["authorization_endpoint"], code_verifier=verifier, nonce=nonce
    )
    citizen, browser = citizen_of(trusted.service), FormBrowser(stop_at=CALLBACK, trust=trusted.trust)
    browser.open(address)
    browser.log_in(citizen)
    tokens = session.fetch_token(
        discovered["token_endpoint"], authorization_response=browser.stopped_at, state=state, code_verifier=verifier
    )
    published = KeySet.import_key_set(session.get(discovered["jwks_uri"], withhold_token=True).json())
    claims = jwt.decode(tokens["id_token"], published, algorithms=["ES256"]).claims
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (trusted.issuer, registered["client_id"], nonce)
    userinfo = session.get(discovered["userinfo_endpoint"]).json()
    assert (userinfo["sub"], userinfo["cedula"]) == (claims["sub"], citizen.cedula)
    refreshed = session.refresh_token(discovered["token_endpoint"])
    assert refreshed["refresh_token"] != tokens["refresh_token"]
    seen = session.introspect_token(discovered["introspection_endpoint"], token=refreshed["access_token"]).json()
    assert seen["active"] is True
    revoked = session.revoke_token(discovered["revocation_endpoint"], token=refreshed["refresh_token"])
    assert revoked.status_code == 200, revoked.text
    with pytest.raises(OAuthError):
        session.refresh_token(discovered["token_endpoint"], refresh_token=refreshed["refresh_token"])
