"""openid-client through every way of asking, proving and answering that policies allow, over TLS."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey, RSAKey

from tests.flows.citizens import citizen_of
from tests.flows.form_browser import FormBrowser
from tests.flows.relying_parties.conftest import SCOPE, register
from tests.flows.relying_parties.node_party import NodeParty, PartyError
from tests.flows.trusted_service import RUC, TrustedService
from tests.servers.process import free_port

pytestmark = pytest.mark.server


@dataclass(frozen=True)
class Application:
    """A registered application, its program and its address."""

    party: NodeParty
    registered: dict[str, Any]
    callback: str


@pytest.fixture
def application(trusted: TrustedService, tmp_path: Path) -> Iterator[Callable[..., Application]]:
    """Register an application with further metadata, and start its program."""
    started: list[NodeParty] = []

    def start(**metadata: Any) -> Application:
        callback = f"http://localhost:{free_port()}/callback"
        registered = register(
            trusted.service,
            tmp_path,
            {
                "client_name": "Node",
                "redirect_uris": [callback],
                "grant_types": ["authorization_code", "refresh_token"],
                "scope": f"{SCOPE} offline_access",
            }
            | metadata,
        )
        started.append(NodeParty(trusted, tmp_path))
        address = next(iter(metadata.get("redirect_uris", [callback])), "")
        return Application(started[-1], registered, address)

    yield start
    for party in started:
        party.stop()


def log_in(
    trusted: TrustedService, application: Application, *, scope: str = f"{SCOPE} offline_access", **asking: Any
) -> str:
    """Lead a new citizen through the login; return the address at which the application is called back."""
    browser = FormBrowser(stop_at=application.callback, trust=trusted.trust)
    parameters = {"redirect_uri": application.callback, "scope": scope} | asking.pop("parameters", {})
    browser.open(application.party.step("authorize", parameters=parameters, **asking))
    browser.log_in(citizen_of(trusted.service))
    assert browser.stopped_at.startswith(application.callback), browser.page.text[:2000]
    return browser.stopped_at


def signing_key(algorithm: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the public key set to register and the private key for the program."""
    parameters = {"use": "sig", "alg": algorithm}
    key = (
        ECKey.generate_key("P-256", parameters, auto_kid=True)
        if algorithm == "ES256"
        else RSAKey.generate_key(2048, parameters, auto_kid=True)
    )
    return {"keys": [key.as_dict(private=False)]}, {"jwk": key.as_dict(private=True), "alg": algorithm}


@pytest.mark.parametrize(
    "method", ["client_secret_post", "client_secret_jwt", "private_key_jwt:ES256", "private_key_jwt:PS256"]
)
def test_each_way_of_proving_who_the_application_is(
    trusted: TrustedService, application: Callable[..., Application], method: str
) -> None:
    """OpenID Connect Core §9: and the ID token is signed by the algorithm that was registered."""
    name, _, algorithm = method.partition(":")
    keys, private = signing_key(algorithm) if algorithm else ({}, {})
    more = {"jwks": keys, "token_endpoint_auth_signing_alg": algorithm} if algorithm else {}
    started = application(token_endpoint_auth_method=name, **more)
    auth = {"method": name, "secret": started.registered.get("client_secret")} | private
    started.party.configure(started.registered, auth=auth)
    tokens = started.party.step("callback", url=log_in(trusted, started))
    assert started.party.step("introspect", token=tokens["access_token"])["active"] is True
    assert started.party.step("refresh", token=tokens["refresh_token"])["claims"]["sub"] == tokens["claims"]["sub"]


def test_an_answer_as_a_signed_jwt(trusted: TrustedService, application: Callable[..., Application]) -> None:
    """JARM: the application verifies signature, issuer, audience and expiry of the answer itself."""
    started = application(authorization_signed_response_alg="ES256")
    started.party.configure(started.registered, metadata={"authorization_signed_response_alg": "ES256"}, jarm=True)
    address = log_in(trusted, started, parameters={"response_mode": "query.jwt"})
    assert "response=" in address and "code=" not in address
    assert started.party.step("callback", url=address)["claims"]["iss"] == trusted.issuer


def test_hybrid_and_implicit_for_an_older_application(
    trusted: TrustedService, application: Callable[..., Application]
) -> None:
    """OpenID Connect Core §3.2, §3.3: only the policy *classic* has them; the client checks hashes and nonce."""
    types = ["code", "code id_token", "id_token"]
    started = application(
        policy="classic",
        redirect_uris=["https://antigua.pruebas.gob.ec/callback"],
        response_types=types,
        grant_types=["authorization_code", "refresh_token", "implicit"],
    )
    started.party.configure(started.registered, response_type="code id_token")
    address = log_in(trusted, started, parameters={"response_type": "code id_token"})
    assert "#" in address
    assert started.party.step("callback", url=address)["claims"]["acr"] == "urn:sau:acr:2fa"
    started.party.configure(started.registered, response_type="id_token")
    address = log_in(trusted, started, scope="openid", parameters={"response_type": "id_token"}, pkce=False)
    assert started.party.step("implicit", url=address)["iss"] == trusted.issuer


def test_dpop_binds_the_tokens_to_the_application(
    trusted: TrustedService, application: Callable[..., Application]
) -> None:
    """RFC 9449: code, refresh, UserInfo; and nonces are learned on the way."""
    started = application(dpop_bound_access_tokens=True)
    started.party.configure(started.registered, dpop="ES256")
    tokens = started.party.step("callback", url=log_in(trusted, started))
    assert tokens["token_type"].lower() == "dpop"
    assert started.party.step("userinfo", token=tokens["access_token"], sub=tokens["claims"]["sub"])["sub"]
    second = started.party.step("refresh", token=tokens["refresh_token"])
    started.party.configure(started.registered)  # without a key, or with another, they open nothing
    with pytest.raises(PartyError):
        started.party.step("userinfo", token=second["access_token"], sub=tokens["claims"]["sub"])
    started.party.configure(started.registered, dpop="ES256")
    with pytest.raises(PartyError):
        started.party.step("userinfo", token=second["access_token"], sub=tokens["claims"]["sub"])


def test_fapi_with_pushed_requests_keys_and_bound_tokens(
    trusted: TrustedService, application: Callable[..., Application]
) -> None:
    """FAPI 2.0 Security Profile: PAR, private_key_jwt, DPoP; the refresh token stays the same one."""
    keys, private = signing_key("PS256")
    started = application(
        policy="fapi2", token_endpoint_auth_method="private_key_jwt", jwks=keys, dpop_bound_access_tokens=True
    )
    started.party.configure(started.registered, auth={"method": "private_key_jwt"} | private, dpop="ES256")
    tokens = started.party.step("callback", url=log_in(trusted, started, pushed=True))
    assert tokens["token_type"].lower() == "dpop"
    second = started.party.step("refresh", token=tokens["refresh_token"])
    assert second.get("refresh_token", tokens["refresh_token"]) == tokens["refresh_token"]
    browser = FormBrowser(stop_at=started.callback, trust=trusted.trust)
    browser.open(started.party.step("authorize", parameters={"redirect_uri": started.callback, "scope": SCOPE}))
    browser.log_in(citizen_of(trusted.service))
    assert "code=" not in browser.stopped_at


@pytest.mark.parametrize("algorithm", ["RSA-OAEP-256", "ECDH-ES"])
def test_encrypted_id_tokens_and_userinfo(
    trusted: TrustedService, application: Callable[..., Application], algorithm: str
) -> None:
    """OpenID Connect Core §10.2: only the application's key opens what is said about the person."""
    parameters = {"use": "enc", "alg": algorithm}
    key = (
        RSAKey.generate_key(2048, parameters, auto_kid=True)
        if algorithm.startswith("RSA")
        else ECKey.generate_key("P-256", parameters, auto_kid=True)
    )
    metadata = {
        "id_token_encrypted_response_alg": algorithm,
        "id_token_encrypted_response_enc": "A256GCM",
        "userinfo_signed_response_alg": "ES256",
        "userinfo_encrypted_response_alg": algorithm,
        "userinfo_encrypted_response_enc": "A256GCM",
    }
    started = application(jwks={"keys": [key.as_dict(private=False)]}, **metadata)
    decrypt = {"jwk": key.as_dict(private=True), "alg": algorithm, "enc": "A256GCM"}
    started.party.configure(started.registered, metadata=metadata, decrypt=decrypt)
    tokens = started.party.step("callback", url=log_in(trusted, started))
    assert tokens["id_token"].count(".") == 4
    assert started.party.step("userinfo", token=tokens["access_token"], sub=tokens["claims"]["sub"])["cedula"]


def test_pairwise_subjects_differ_between_sectors(
    trusted: TrustedService, application: Callable[..., Application]
) -> None:
    """OpenID Connect Core §8.1: two applications cannot tell that they have the same person."""
    citizen, subjects = citizen_of(trusted.service), []
    browser = FormBrowser(trust=trusted.trust)
    for host in ("uno.pruebas.gob.ec", "otro.pruebas.gob.ec"):
        callback = f"https://{host}/callback"
        started = application(subject_type="pairwise", redirect_uris=[callback])
        started.party.configure(started.registered)
        browser.stop_at = callback
        browser.open(started.party.step("authorize", parameters={"redirect_uri": callback, "scope": "openid"}))
        browser.log_in(citizen)
        claims = started.party.step("callback", url=browser.stopped_at)["claims"]
        subjects.append(claims["sub"])
    assert len({*subjects, citizen.id}) == 3


def test_a_television_is_logged_in_from_a_telephone(
    trusted: TrustedService, application: Callable[..., Application]
) -> None:
    """RFC 8628: the code is typed on another device; the waiting application gets its tokens."""
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    started = application(
        policy="public", token_endpoint_auth_method="none", redirect_uris=[], grant_types=[grant, "refresh_token"]
    )
    started.party.configure(started.registered)
    shown = started.party.step("device", parameters={"scope": f"{SCOPE} offline_access"})
    assert shown["verification_uri"] == f"{trusted.issuer}/device"
    started.party.begin("poll_device")
    citizen, browser = citizen_of(trusted.service), FormBrowser(trust=trusted.trust)
    browser.open(shown["verification_uri_complete"])
    for _ in range(4):
        if browser.has_field("password"):
            browser.log_in(citizen)  # and allows it, where it is asked at once
        elif browser.has_button("allow"):
            browser.submit("allow")
        elif browser.has_button("submit"):
            browser.submit("submit")
    tokens = started.party.result()
    assert (
        started.party.step("userinfo", token=tokens["access_token"], sub=tokens["claims"]["sub"])["cedula"]
        == citizen.cedula
    )


def test_the_data_bus_acts_for_a_citizen(trusted: TrustedService, application: Callable[..., Application]) -> None:
    """RFC 8693: a portal's token for the bus becomes the bus's token for the register, and says who acts."""
    suffix = free_port()
    bus_api, register_api = f"https://bus-{suffix}.example/api", f"https://registro-{suffix}.example/api"
    land = application(
        client_name="Registro", resource=register_api, resource_scopes={f"leer.{suffix}": "Leer sus datos"}
    )
    exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
    bus = application(
        client_name="Bus",
        resource=bus_api,
        policy="service",
        redirect_uris=[],
        grant_types=["client_credentials", exchange],
        scope=f"leer.{suffix}",
        resources=[register_api],
        resource_scopes={f"leer.{suffix}": "Consultar por usted"},
    )
    portal = application(resources=[bus_api], scope=f"openid offline_access leer.{suffix}")
    for each in (land, bus, portal):
        each.party.configure(each.registered)
    scope = f"openid leer.{suffix}"
    given = portal.party.step("callback", url=log_in(trusted, portal, scope=scope, parameters={"resource": bus_api}))
    token = "urn:ietf:params:oauth:token-type:access_token"
    asked = {"subject_token": given["access_token"], "subject_token_type": token, "resource": register_api}
    exchanged = bus.party.step("grant", grant_type=exchange, parameters=asked)
    seen = land.party.step("introspect", token=exchanged["access_token"])
    assert (seen["active"], seen["aud"]) == (True, register_api)
    assert seen["act"]["sub"] == bus.registered["client_id"]


def test_fapi_message_signing(trusted: TrustedService, application: Callable[..., Application]) -> None:
    """FAPI 2.0 Message Signing: the request is a signed object that was pushed, the answer a signed JWT."""
    keys, private = signing_key("ES256")
    started = application(
        policy="fapi2-message-signing",
        token_endpoint_auth_method="private_key_jwt",
        jwks=keys,
        dpop_bound_access_tokens=True,
        authorization_signed_response_alg="ES256",
        request_object_signing_alg="ES256",
    )
    auth = {"method": "private_key_jwt"} | private
    metadata = {"authorization_signed_response_alg": "ES256"}
    started.party.configure(started.registered, auth=auth, metadata=metadata, dpop="ES256", jarm=True)
    address = log_in(trusted, started, pushed=True, signed=private)
    assert "response=" in address
    assert started.party.step("callback", url=address)["claims"]["iss"] == trusted.issuer


def test_a_citizen_approves_a_call_centre_on_another_device(
    trusted: TrustedService, application: Callable[..., Application]
) -> None:
    """CIBA, poll: the message is the same on both sides; the person decides in the account."""
    citizen = citizen_of(trusted.service)
    keys, private = signing_key("ES256")
    started = application(
        redirect_uris=[],
        grant_types=["urn:openid:params:grant-type:ciba", "refresh_token"],
        token_endpoint_auth_method="private_key_jwt",
        jwks=keys,
        backchannel_token_delivery_mode="poll",
    )
    started.party.configure(started.registered, auth={"method": "private_key_jwt"} | private)
    asked = {"scope": "openid cedula", "login_hint": citizen.cedula, "binding_message": "K7-42"}
    started.party.step("ciba", parameters=asked)
    started.party.begin("poll_ciba")
    browser = FormBrowser(trust=trusted.trust)
    browser.open(f"{trusted.issuer}/account/solicitudes")
    browser.log_in(citizen)
    (path,) = set(re.findall(r"/account/solicitudes/[a-z0-9]+", browser.page.text))
    browser.open(f"{trusted.issuer}{path}")
    assert "K7-42" in browser.page.text
    browser.submit("allow")
    assert started.party.result()["claims"]["sub"]


@pytest.mark.parametrize("dpop", [None, "ES256"], ids=["bound to the certificate", "bound to a key"])
def test_an_application_registers_with_a_csr_and_uses_its_certificate(
    trusted: TrustedService, tmp_path: Path, application: Callable[..., Application], dpop: str | None
) -> None:
    """RFC 7591, RFC 8705: one request registers it and gives it a certificate; revoked, it proves nothing."""
    service, party = trusted.service, NodeParty(trusted, tmp_path)
    token = service.json("client", "token", "issue", "--institution", RUC, "--policy", "fapi2")["initial_access_token"]
    key = ec.generate_private_key(ec.SECP256R1())
    csr = x509.CertificateSigningRequestBuilder(subject_name=x509.Name([])).sign(key, hashes.SHA256())
    callback = "https://tramites.pruebas.gob.ec/callback"
    metadata = {
        "client_name": "Trámites",
        "redirect_uris": [callback],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": f"{SCOPE} offline_access",
        "token_endpoint_auth_method": "tls_client_auth",
        "csr": csr.public_bytes(serialization.Encoding.PEM).decode(),
        "dpop_bound_access_tokens": dpop is not None,
        "tls_client_certificate_bound_access_tokens": dpop is None,
    }
    registered = party.step("register", issuer=trusted.issuer, metadata=metadata, initial_access_token=token)
    tls = {
        "cert": registered["client_certificate_chain"],
        "key": key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    }
    party.configure(
        registered,
        auth={"method": "tls_client_auth"},
        metadata={"use_mtls_endpoint_aliases": True, "tls_client_certificate_bound_access_tokens": dpop is None},
        tls=tls,
        dpop=dpop,
    )
    started = Application(party, registered, callback)
    tokens = party.step("callback", url=log_in(trusted, started, pushed=True))
    assert party.step("userinfo", token=tokens["access_token"], sub=tokens["claims"]["sub"])["cedula"]
    serial = x509.load_pem_x509_certificate(registered["client_certificate_chain"].encode()).serial_number
    service.command("ca", "revoke", f"{serial:x}", "--reason", "cessationOfOperation")
    with pytest.raises(PartyError):
        party.step("refresh", token=tokens["refresh_token"])
    if dpop is None:  # a token bound to another key than the certificate's lives for its five minutes
        with pytest.raises(PartyError):
            party.step("userinfo", token=tokens["access_token"], sub=tokens["claims"]["sub"])
    party.stop()
