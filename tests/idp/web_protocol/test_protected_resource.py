"""UserInfo describes itself (RFC 9728)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient

from idp.web.discovery import metadata as server_metadata


def test_the_challenge_leads_to_the_description(app: Flask, http: FlaskClient) -> None:
    """§5.1: of each scheme; §3.3: the description names the resource that it was asked for."""
    for challenge in http.get("/userinfo").headers.getlist("WWW-Authenticate"):
        named = re.search(r'resource_metadata="([^"]+)"', challenge)
        assert named is not None, challenge
        response = http.get(urlsplit(named[1]).path)
        document = response.get_json()
        assert document["resource"] == "http://localhost:8000/userinfo"
        assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_the_description_agrees_with_the_server_s(app: Flask, http: FlaskClient) -> None:
    """§2, §4: each names the other; the algorithms are one list."""
    document = http.get("/.well-known/oauth-protected-resource/userinfo").get_json()
    server = http.get("/.well-known/oauth-authorization-server").get_json()
    assert document["authorization_servers"] == [server["issuer"]]
    assert server["protected_resources"] == [document["resource"]] == [server["userinfo_endpoint"]]
    assert document["dpop_signing_alg_values_supported"] == server["dpop_signing_alg_values_supported"]
    assert set(document["scopes_supported"]) < set(server["scopes_supported"])
    assert document["bearer_methods_supported"] == ["header", "body"]


def test_bound_to_certificates_only_where_there_is_a_host_for_them() -> None:
    """RFC 8705 §3.3."""
    assert "tls_client_certificate_bound_access_tokens" not in server_metadata("https://sau.example")
    both = server_metadata("https://sau.example", "https://mtls.sau.example")
    assert both["tls_client_certificate_bound_access_tokens"] is True
