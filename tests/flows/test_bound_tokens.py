"""A token bound to a certificate, through the nginx configuration that we ship, with real TLS on both sides."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from idp.accounts.person import add_person
from idp.authentication.browser_session import start_browser_session
from idp.authorization.model import AuthorizationCodeRow
from idp.clients.client import find_client
from idp.clients.register import register_client
from idp.clients.registration.client_registration import ClientRegistration
from idp.consent.consent import grant_consent
from kernel.identifiers import b64url, new_secret, sha256, sha256_hex
from tests.flows.test_mtls_host import TwoHosts, client_certificate
from tests.flows.test_mtls_host import hosts as hosts

pytestmark = pytest.mark.server

REDIRECT_URI = "https://portal.example/cb"
SCOPES = ("openid", "profile")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def _code(hosts: TwoHosts, verifier: str) -> tuple[str, str]:
    """Return the ``client_id`` of a public application whose tokens are bound, and a code for it."""
    code = new_secret()
    with hosts.service.composition() as composed, composed.database.transaction() as session:
        now, journal = composed.clock.now(), composed.journal
        registration = ClientRegistration.parse(
            {
                "client_name": "Portal",
                "redirect_uris": [REDIRECT_URI],
                "token_endpoint_auth_method": "none",
                "scope": " ".join(SCOPES),
                "tls_client_certificate_bound_access_tokens": True,
            }
        )
        registered = register_client(
            session,
            journal=journal,
            registration=registration,
            sealing_secret=composed.sealing_secret,
            now=now,
        )
        client = find_client(session, registered.client.client_id)
        person = add_person(
            session,
            journal=journal,
            cedula="1710034065",
            given_names="Manuela",
            surnames="Sáenz Aizpuru",
            email="manuela@correo.example",
            email_verified=True,
            now=now,
        )
        started, _ = start_browser_session(session, journal=journal, person_id=person.id, amr=("otp", "pwd"), now=now)
        grant_consent(
            session, journal=journal, person_id=person.id, client=client, requested=SCOPES, chosen=(), now=now
        )
        session.add(
            AuthorizationCodeRow(
                code_sha256=sha256_hex(code),
                client_id=client.client_id,
                redirect_uri=REDIRECT_URI,
                challenge=b64url(sha256(verifier)),
                person_id=person.id,
                sid=started.sid,
                authenticated_at=now,
                acr=started.acr,
                amr=list(started.amr),
                scopes=list(SCOPES),
                terms={},
                created_at=now,
                expires_at=now + timedelta(seconds=60),
            )
        )
    return client.client_id, code


def test_a_token_opens_userinfo_with_the_certificate_it_was_given_to(hosts: TwoHosts, tmp_path: Path) -> None:
    """RFC 8705 §3: what nginx saw is what the token is bound to; another certificate, none, or the main host: 401."""
    own = client_certificate(tmp_path)
    (tmp_path / "other").mkdir()
    other = client_certificate(tmp_path / "other")
    verifier = new_secret()
    client_id, code = _code(hosts, verifier)
    form = urlencode(
        {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": verifier,
            "client_id": client_id,
        }
    )
    status, body = hosts.call("/token", method="POST", body=form, headers=FORM)
    assert (status, json.loads(body)["error"]) == (400, "invalid_request")
    status, body = hosts.call("/token", client=own, method="POST", body=form, headers=FORM)
    assert status == 200, body
    token = json.loads(body)["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert hosts.call("/userinfo", client=own, headers=bearer)[0] == 200
    for refused in (
        hosts.call("/userinfo", client=other, headers=bearer),
        hosts.call("/userinfo", headers=bearer),
        hosts.call("/userinfo", client=own, sni="localhost", headers=bearer),
    ):
        assert (refused[0], json.loads(refused[1])["error"]) == (401, "invalid_token")
    der = x509.load_pem_x509_certificate(own.read_bytes()).public_bytes(Encoding.DER)
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["cnf"] == {"x5t#S256": b64url(sha256(der))}
