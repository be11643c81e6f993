"""A relying application's own library against a live server: Authlib's client over sockets."""

from __future__ import annotations

import pytest
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import KeySet

from composition import Composition
from tests.idp.relying_party import REDIRECT_URI, Visitor, register


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_authlibs_client_logs_in_refreshes_and_revokes(
    composition: Composition, visitor: Visitor, live: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discovery, PKCE, iss, tokens, UserInfo, refresh and revocation as a library does them."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    party = register(composition, token_endpoint_auth_method=method)
    client = OAuth2Session(
        party.client_id,
        party.secret or None,
        scope="openid profile offline_access",
        redirect_uri=REDIRECT_URI,
        code_challenge_method="S256",
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
    )
    client.headers["Host"] = "localhost:8000"
    found = client.get(f"{live}/.well-known/openid-configuration", withhold_token=True).json()
    there = {name: str(uri).replace("http://localhost:8000", live) for name, uri in found.items()}
    url, state = client.create_authorization_url(
        found["authorization_endpoint"], code_verifier=party.verifier, nonce="n"
    )
    answer = visitor.http.get(url.removeprefix("http://localhost:8000"))
    answer = visitor.decide(visitor.http.get(answer.headers["Location"]))
    token = client.fetch_token(
        there["token_endpoint"],
        authorization_response=answer.headers["Location"],
        state=state,
        code_verifier=party.verifier,
    )
    keys = KeySet.import_key_set(client.get(there["jwks_uri"], withhold_token=True).json())
    claims = jwt.decode(token["id_token"], keys, algorithms=found["id_token_signing_alg_values_supported"]).claims
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (found["issuer"], party.client_id, "n")
    assert client.get(there["userinfo_endpoint"]).json()["sub"] == claims["sub"]
    renewed = client.refresh_token(there["token_endpoint"], refresh_token=token["refresh_token"])
    assert renewed["refresh_token"] != token["refresh_token"]
    revoked = client.revoke_token(
        there["revocation_endpoint"], token=renewed["refresh_token"], token_type_hint="refresh_token"
    )
    assert revoked.status_code == 200
    assert client.get(there["userinfo_endpoint"]).status_code == 401
