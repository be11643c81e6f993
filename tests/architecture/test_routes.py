"""Every route of the composed application: forms are protected, and what is not is named here with its reason."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from werkzeug.routing import Rule

from composition import Composition
from wsgi import create_app

# Callers of these are authenticated otherwise, or not at all; none acts on the authority of a cookie alone.
EXEMPT = {
    "/authorize": "OpenID Connect Core §3.1.2.1: applications may POST the request; it only starts an interaction",
    "/logout": "RP-Initiated Logout §2: applications may POST the request; without a valid hint a page asks first",
    "/token": "client authentication",
    "/register": "initial access token, or the token of the registration",
    "/par": "client authentication",
    "/device_authorization": "client authentication; a code does nothing until a person decides",
    "/ciba": "client authentication",
    "/ussd": "the secret and the networks of the gateway",
    "/introspect": "client authentication",
    "/revoke": "client authentication",
    "/userinfo": "access token",
    "/scim/v2": "access token of an institution's application",
    "/access/v1": "access token of an application",
    "/broker/<name>/logout": "a logout token signed by the provider (OpenID Connect Back-Channel Logout 1.0 §2.5)",
    "/pki/ocsp": "public service (RFC 6960)",
    "/pki/api/v1": "access token of an institution's application",
    "/admin/api/v1": "access token of a person with a role of the console; no cookie is looked at",
    "/cmp": "each message is protected by a secret or a certificate (RFC 9810)",
    "/.well-known/cmp": "likewise",
    "/tsa": "public service (RFC 3161)",
    "/.well-known/est": "enrolment credential, or the certificate of the TLS handshake (RFC 7030)",
    "/acme": "each request is signed by an account or a certificate key (RFC 8555)",
}
_UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


@pytest.fixture
def app(composition: Composition) -> Flask:
    """The application that a web process serves, for all roles."""
    return create_app(composition)


def _unsafe_rules(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if _UNSAFE & set(rule.methods or ())]


def _address(rule: Rule) -> str:
    chosen = re.sub(r"<any\(([^,)]+)[^>]*>", r"\1", rule.rule)
    return re.sub(r"<(?:int[^:]*:)?[^>]+>", "1", chosen)


def test_every_form_needs_a_token_of_this_browser(app: Flask) -> None:
    """A POST without one changes nothing, wherever it goes, unless the address is named above."""
    client = app.test_client()
    unprotected = []
    for rule in _unsafe_rules(app):
        if any(rule.rule == path or rule.rule.startswith(f"{path}/") for path in EXEMPT):
            continue
        for method in sorted(_UNSAFE & set(rule.methods or ())):
            answer = client.open(_address(rule), method=method, data={"username": "x"})
            if answer.status_code not in (400, 403, 404) or "csrf_failed" not in answer.get_data(as_text=True):
                unprotected.append(f"{method} {rule.rule}: {answer.status_code}")
    assert unprotected == []


def test_no_exemption_is_left_over(app: Flask) -> None:
    """A name in the list above that no route has any more would protect nobody who reuses it."""
    rules = {rule.rule for rule in _unsafe_rules(app)}
    assert {path for path in EXEMPT if not any(rule == path or rule.startswith(f"{path}/") for rule in rules)} == set()


def test_every_address_answers_an_anonymous_stranger(app: Flask) -> None:
    """Each GET without parameters ends in a page, a redirect or a refusal, never in a crash."""
    client = app.test_client()
    crashes = []
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and not rule.arguments:
            status = client.get(rule.rule).status_code
            if status >= 500 and (rule.rule, status) != ("/ready", 503):  # nothing is installed here
                crashes.append(f"{rule.rule}: {status}")
    assert crashes == []


def test_every_page_is_under_the_strict_policy(app: Flask) -> None:
    """No route forgets the headers: they come from one place."""
    client = app.test_client()
    bare = []
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and not rule.arguments:
            headers = client.get(rule.rule).headers
            policy = headers.get("Content-Security-Policy", "")
            if "'unsafe" in policy or "default-src 'none'" not in policy or "X-Content-Type-Options" not in headers:
                bare.append(f"{rule.rule}: {policy!r}")
    assert bare == []
