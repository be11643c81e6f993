"""Renewal information (RFC 9773) and revocation (RFC 8555 §7.6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc.jwk import ECKey

from ca.services import CaServices
from kernel.clock import ManualClock
from kernel.identifiers import b64url
from tests.ca.acme.client import AcmeClient, problem
from tests.ca.acme.conftest import NAME
from tests.ca.csr import ec_key
from tests.ca.ground import OTHER_RUC

ReadyOrder = Callable[..., Any]


def identifier(certificate: x509.Certificate) -> str:
    """The certificate's identifier (RFC 9773 §4.1)."""
    aki = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    assert aki is not None
    return f"{b64url(aki)}.{b64url(certificate.serial_number.to_bytes(20))}"


def issue(client: AcmeClient, ready_order: ReadyOrder, key: Any = None, **members: Any) -> x509.Certificate:
    """A certificate."""
    done = client.finalize(ready_order(client, NAME, **members), [NAME], key)
    return x509.load_pem_x509_certificates(client.download(done).encode())[0]


def revoke(client: AcmeClient, certificate: x509.Certificate, reason: Any = None) -> Any:
    """Ask for revocation."""
    request = {"certificate": b64url(certificate.public_bytes(Encoding.DER))}
    url = f"{client.origin}/acme/revoke-cert"
    return client.post(url, request if reason is None else request | {"reason": reason})


def window(client: AcmeClient, certificate: x509.Certificate) -> tuple[datetime, datetime]:
    """The suggested window."""
    answer = client.http.get(f"/acme/renewal-info/{identifier(certificate)}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (200, "21600")
    suggested = answer.json["suggestedWindow"]
    return datetime.fromisoformat(suggested["start"]), datetime.fromisoformat(suggested["end"])


def test_a_server_hears_when_to_renew(acme: AcmeClient, ready_order: ReadyOrder, clock: ManualClock) -> None:
    """RFC 9773 §4: within the last third of the lifetime; at once when it was revoked."""
    certificate = issue(acme, ready_order)
    start, end = window(acme, certificate)
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert abs(start - (certificate.not_valid_before_utc + lifetime * 2 / 3)) < timedelta(seconds=2)
    assert start < end < certificate.not_valid_after_utc
    assert revoke(acme, certificate, 4).status_code == 200
    start, end = window(acme, certificate)
    assert start < end <= clock.now()
    for wrong in ("x", "AAAA.AAAA", f"{identifier(certificate)}.x", "á.b", f".{b64url(b'1')}", "a" * 200):
        assert problem(acme.http.get(f"/acme/renewal-info/{wrong}"))[1] == "malformed"


def test_an_order_says_what_it_replaces(
    acme: AcmeClient, new_client: Callable[..., AcmeClient], ready_order: ReadyOrder
) -> None:
    """RFC 9773 §5: of the same account, a name in common, once."""
    first = issue(acme, ready_order)
    assert problem(acme.order(f"otro.{NAME}", replaces=identifier(first))) == (400, "malformed")
    assert problem(acme.order(NAME, replaces="AAAA.AQ")) == (404, "malformed")
    other = new_client(institution_ruc=OTHER_RUC, domains=["pruebas.gob.ec"])
    assert problem(other.order(NAME, replaces=identifier(first))) == (403, "unauthorized")
    order = acme.order(NAME, replaces=identifier(first))
    assert order.json["replaces"] == identifier(first)
    assert problem(acme.order(NAME, replaces=identifier(first))) == (409, "alreadyReplaced")


def test_the_holder_of_the_key_revokes_without_an_account(
    acme: AcmeClient, ready_order: ReadyOrder, services: CaServices
) -> None:
    """§7.6: signed by the certificate's key, brought as jwk; another key does nothing."""
    key = ec_key()
    certificate = issue(acme, ready_order, key)
    stranger = AcmeClient(acme.http)
    assert problem(revoke(stranger, certificate)) == (403, "unauthorized")
    holder = AcmeClient(acme.http, key=ECKey.import_key(key))
    for reason in (2, 6, 8, 10, 99, "1", True):
        assert problem(revoke(holder, certificate, reason)) == (400, "badRevocationReason")
    assert revoke(holder, certificate, 1).status_code == 200
    assert problem(revoke(holder, certificate, 0)) == (400, "alreadyRevoked")
    order = ready_order(acme, NAME)
    assert problem(acme.finalize(order, [NAME], key)) == (400, "badCSR")


def test_who_controls_all_names_revokes(
    acme: AcmeClient, new_client: Callable[..., AcmeClient], ready_order: ReadyOrder
) -> None:
    """§7.6: an account with valid authorizations for every name; it may not block the key, though."""
    certificate = issue(acme, ready_order)
    other = new_client(institution_ruc=OTHER_RUC, domains=["pruebas.gob.ec"])
    assert problem(revoke(other, certificate, 4)) == (403, "unauthorized")
    ready_order(other, NAME)
    assert problem(revoke(other, certificate, 1)) == (400, "badRevocationReason")
    assert revoke(other, certificate, 5).status_code == 200


def test_only_certificates_of_servers_have_renewal_information(acme: AcmeClient, services: CaServices) -> None:
    """Who asks learns nothing of people's certificates."""
    assert problem(acme.http.get(f"/acme/renewal-info/{b64url(b'k' * 20)}.{b64url(b'1')}")) == (404, "malformed")
    assert problem(acme.post(f"{acme.origin}/acme/revoke-cert", {"certificate": b64url(b"x")})) == (404, "malformed")


def test_the_directory_leads_everywhere(acme: AcmeClient) -> None:
    """§7.1.1 with meta; a nonce by HEAD and by GET (§7.2)."""
    directory = acme.directory()
    assert directory["meta"]["externalAccountRequired"] is True
    assert directory["meta"]["caaIdentities"] == ["localhost"]
    assert "tls-server-acme" in directory["meta"]["profiles"]
    assert acme.http.get(directory["meta"]["termsOfService"].removeprefix(acme.origin)).status_code == 200
    for method, status in (("HEAD", 200), ("GET", 204)):
        answer = acme.http.open("/acme/new-nonce", method=method)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (status, "no-store")
        assert answer.headers["Replay-Nonce"] and "Set-Cookie" not in answer.headers
    assert acme.http.get("/acme/new-order").status_code == 405
