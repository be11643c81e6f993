"""What the protocol refuses, each by the error type of RFC 8555 §6.7 (certificate authority, line 24)."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from sqlalchemy import func, select

from audit.model import AuditEvent
from ca.acme.credential import NewCredential, revoke_credential
from ca.issuance.model import Certificate
from ca.services import CaServices
from kernel.clock import ManualClock
from kernel.identifiers import b64url
from tests.ca.acme.client import AcmeClient, flattened, problem, public
from tests.ca.acme.conftest import NAME
from tests.ca.csr import make_csr
from tests.ca.ground import OTHER_RUC

NewClient = Callable[..., AcmeClient]
Give = Callable[..., NewCredential]


def reasons(services: CaServices, kind: str) -> list[str | None]:
    """The reasons of the events of a kind."""
    with services.database.reading() as session:
        return list(session.scalars(select(AuditEvent.reason).where(AuditEvent.type == kind).order_by(AuditEvent.id)))


def test_a_nonce_serves_once_and_only_for_a_while(acme: AcmeClient, clock: ManualClock) -> None:
    """RFC 8555 §6.5: what is not ours, was used, or is too old is badNonce; the answer brings another."""
    url = acme.account
    nonce = acme.nonce()
    body = flattened(acme.header(url, nonce=nonce), b"", acme.key)
    assert acme.send(url, body).status_code == 200
    replayed = acme.send(url, body)
    assert problem(replayed) == (400, "badNonce")
    assert acme.post(url, nonce=replayed.headers["Replay-Nonce"]).status_code == 200
    changed = nonce[:-2] + ("AA" if nonce[-2:] != "AA" else "BB")
    for foreign in ("", "abc", b64url(b"x" * 32), changed, "á"):
        assert problem(acme.post(url, nonce=foreign)) == (400, "badNonce"), foreign
    assert problem(acme.send(url, flattened(acme.header(url, nonce=None), b"", acme.key))) == (400, "badNonce")
    old = acme.nonce()
    clock.advance(timedelta(hours=1))
    assert problem(acme.post(url, nonce=old)) == (400, "badNonce")


def test_of_a_nonce_at_once_one_request_wins(acme: AcmeClient, app: Flask) -> None:
    """Two web processes that get the same request: a row decides, not a process's memory."""
    body = json.dumps(flattened(acme.header(acme.account), b"", acme.key)).encode()

    def send(_: int) -> int:
        path = acme.account.removeprefix(acme.origin)
        headers = {"Content-Type": "application/jose+json"}
        return app.test_client().post(path, data=body, headers=headers).status_code

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(send, range(4))) == [200, 400, 400, 400]


def test_what_is_signed_is_for_one_address(acme: AcmeClient) -> None:
    """§6.4: url, to the character."""
    other = flattened(acme.header(f"{acme.origin}/acme/new-order"), b"", acme.key)
    assert problem(acme.send(acme.account, other)) == (403, "unauthorized")
    assert problem(acme.send(acme.account, flattened(acme.header(acme.account + "/"), b"", acme.key)))[0] == 403


def test_a_message_is_exactly_one_signature_of_one_known_key(acme: AcmeClient, http: FlaskClient) -> None:
    """§6.2: flattened JSON, jwk or kid and not both, no unprotected header, no MAC, nobody else's key."""
    url = acme.account
    refused = [
        flattened(acme.header(url, jwk=public(acme.key)), b"", acme.key),
        flattened(acme.header(url, kid=None), b"", acme.key),
        flattened(acme.header(url), b"", acme.key) | {"header": {"kid": acme.account}},
        {"payload": "", "signatures": [flattened(acme.header(url), b"", acme.key)]},
        flattened(acme.header(url), b"", acme.key) | {"payload": None},
        flattened(acme.header(url), b"", acme.key) | {"signature": "+/=="},
        b"[]",
        b"{",
        b'{"protected":"","protected":"","payload":"","signature":""}',
        b"[" * 100_000,
        b"\xff",
    ]
    for body in refused:
        assert problem(acme.send(url, body)) == (400, "malformed"), body
    forged = ECKey.generate_key("P-256")
    assert problem(acme.post(url, key=forged)) == (403, "unauthorized")
    good = flattened(acme.header(url), b"", acme.key)
    assert problem(acme.send(url, good | {"signature": good["signature"][:-4] + "AAAA"})) == (403, "unauthorized")
    assert problem(acme.send(url, good | {"payload": b64url(b"{}")})) == (403, "unauthorized")
    mac = OctKey.import_key(b"k" * 32)
    algorithms = acme.send(url, flattened(acme.header(url, alg="HS256"), b"", mac))
    assert problem(algorithms) == (400, "badSignatureAlgorithm")
    assert "ES256" in json.loads(algorithms.text)["algorithms"]
    assert problem(acme.post(url, alg="ES384", key=ECKey.generate_key("P-384"))) == (400, "badSignatureAlgorithm")
    stranger = AcmeClient(http, account=f"{acme.origin}/acme/account/{'0' * 26}")
    assert problem(stranger.post(url)) == (400, "accountDoesNotExist")
    wrong = http.post(url.removeprefix(acme.origin), data=json.dumps(good), content_type="application/json")
    assert problem(wrong) == (415, "malformed")
    assert acme.send(url, b" " * 200_000).status_code == 413


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        pytest.param(lambda: ECKey.generate_key("P-384"), "ES384", id="ES384"),
        pytest.param(lambda: RSAKey.generate_key(3072), "RS256", id="RS256"),
        pytest.param(lambda: OKPKey.generate_key("Ed25519"), "EdDSA", id="EdDSA"),
    ],
)
def test_accounts_have_keys_of_each_kind(http: FlaskClient, give_credential: Give, key: Any, algorithm: str) -> None:
    """§6.2: ES256 and RS256 at least; the header of an RSA key is longer than the library's bound."""
    client, credential = AcmeClient(http, key=key(), algorithm=algorithm), give_credential()
    assert client.register(client.binding(credential.key_id, credential.mac_key)).status_code == 201
    assert client.post(client.account).json["status"] == "valid"


def test_weak_and_private_keys_open_no_account(http: FlaskClient, give_credential: Give) -> None:
    """§6.7 badPublicKey; §11.1: an account's key is checked like a certificate's."""
    small = RSAKey.import_key(rsa.generate_private_key(65537, 1024))
    curve = ECKey.generate_key("P-521")
    for key, algorithm, expected in (
        (small, "RS256", "badPublicKey"),
        (curve, "ES512", "badSignatureAlgorithm"),
    ):
        client, credential = AcmeClient(http, key=key, algorithm=algorithm), give_credential()
        assert problem(client.register(client.binding(credential.key_id, credential.mac_key))) == (400, expected)
    client = AcmeClient(http)
    private = client.key.as_dict(private=True)
    assert problem(client.post(f"{client.origin}/acme/new-account", {}, jwk=private)) == (400, "malformed")


def test_an_account_needs_its_credential(http: FlaskClient, give_credential: Give, services: CaServices) -> None:
    """§7.3.4: no binding, a wrong MAC, an unknown key, another account's key, another address, a used one."""
    client, credential = AcmeClient(http), give_credential()
    good = client.binding(credential.key_id, credential.mac_key)
    assert problem(client.register(None)) == (403, "externalAccountRequired")
    wrong_mac = client.register(client.binding(credential.key_id, b64url(b"k" * 32)))
    unknown = client.register(client.binding("0" * 26, credential.mac_key))
    assert problem(wrong_mac) == problem(unknown) == (403, "unauthorized")
    assert json.loads(wrong_mac.text)["detail"] == json.loads(unknown.text)["detail"]
    elsewhere = client.binding(credential.key_id, credential.mac_key, url=f"{client.origin}/acme/new-order")
    assert problem(client.register(elsewhere)) == (403, "unauthorized")
    other = AcmeClient(http)
    assert problem(other.register(good)) == (400, "malformed")
    with_nonce = client.binding(credential.key_id, credential.mac_key, nonce=client.nonce())
    assert problem(client.register(with_nonce)) == (400, "malformed")
    assert problem(client.register(good, termsOfServiceAgreed=False)) == (400, "malformed")
    assert client.register(good).status_code == 201
    used = other.register(other.binding(credential.key_id, credential.mac_key))
    assert problem(used) == (403, "unauthorized")
    assert reasons(services, "ca:acme_credential:refused") == [
        "acme_wrong_mac",
        "acme_unknown_credential",
        "acme_credential_used",
    ]


def test_a_credential_ends(http: FlaskClient, give_credential: Give, services: CaServices, clock: ManualClock) -> None:
    """It expires, and withdrawing it closes the accounts opened with it; of two at once one opens the last account."""
    client = AcmeClient(http)
    short = give_credential(expires_at=clock.now() + timedelta(days=1))
    clock.advance(timedelta(days=1))
    assert problem(client.register(client.binding(short.key_id, short.mac_key))) == (403, "unauthorized")
    credential = give_credential(accounts=2)
    assert client.register(client.binding(credential.key_id, credential.mac_key)).status_code == 201
    with services.database.transaction() as session:
        closed = revoke_credential(
            session, services=services, key_id=credential.key_id, actor="command:test", now=clock.now()
        )
    assert closed == 1
    assert problem(client.post(client.account)) == (401, "unauthorized")
    other = AcmeClient(http)
    assert problem(other.register(other.binding(credential.key_id, credential.mac_key))) == (403, "unauthorized")


def test_an_account_is_found_changed_and_closed(acme: AcmeClient, http: FlaskClient) -> None:
    """§7.3.1, §7.3.2, §7.3.6; a closed account's key opens nothing any more."""
    again = AcmeClient(http, key=acme.key)
    found = again.register(None, onlyReturnExisting=True)
    assert (found.status_code, found.headers["Location"]) == (200, acme.account)
    nobody = AcmeClient(http)
    assert problem(nobody.register(None, onlyReturnExisting=True)) == (400, "accountDoesNotExist")
    changed = acme.post(acme.account, {"contact": ["mailto:red@pruebas.gob.ec"]})
    assert changed.json["contact"] == ["mailto:red@pruebas.gob.ec"]
    for contact, expected in (
        (["tel:+59322222222"], "unsupportedContact"),
        (["mailto:a@b.ec,c@d.ec"], "invalidContact"),
        (["mailto:a@b.ec?subject=x"], "invalidContact"),
        ([7], "malformed"),
    ):
        assert problem(acme.post(acme.account, {"contact": contact})) == (400, expected)
    assert problem(acme.post(acme.account, {"status": "valid?"})) == (400, "malformed")
    assert acme.post(acme.account, {"status": "deactivated"}).json["status"] == "deactivated"
    assert problem(acme.order(NAME)) == (401, "unauthorized")
    acme_again = AcmeClient(http, key=acme.key)
    assert problem(acme_again.register(None, onlyReturnExisting=True)) == (401, "unauthorized")


def test_an_account_changes_its_key(acme: AcmeClient, new_client: NewClient) -> None:
    """§7.3.5: the new key signs within, the old around it; a key that has an account is a conflict."""
    url = f"{acme.origin}/acme/key-change"
    new, old = ECKey.generate_key("P-384"), acme.key

    def inner(key: Any = new, algorithm: str = "ES384", **said: Any) -> dict[str, str]:
        payload = {"account": acme.account, "oldKey": public(old)} | said
        header = {"alg": algorithm, "url": url, "jwk": public(key)}
        return flattened(header, json.dumps(payload).encode(), key)

    other = new_client()
    conflict = acme.post(url, inner(other.key, "ES256"))
    assert problem(conflict) == (409, "malformed")
    assert conflict.headers["Location"] == other.account
    for wrong in (
        inner(account=other.account),
        inner(oldKey=public(other.key)),
        inner() | {"signature": inner(account="x")["signature"]},
    ):
        assert problem(acme.post(url, wrong))[0] in (400, 403)
    assert acme.post(url, inner()).status_code == 200
    assert problem(acme.post(acme.account)) == (400, "badSignatureAlgorithm")
    acme.key, acme.algorithm = new, "ES384"
    assert acme.post(acme.account).status_code == 200


def test_names_are_those_that_the_credential_allows(acme: AcmeClient, new_client: NewClient) -> None:
    """§7.4, §6.7.1: each name that is refused has a subproblem."""
    refused = acme.order(NAME, "www.rentas.gob.ec", "gob.ec", "a b.pruebas.gob.ec")
    assert problem(refused) == (403, "rejectedIdentifier")
    assert [item["identifier"]["value"] for item in json.loads(refused.text)["subproblems"]] == [
        "www.rentas.gob.ec",
        "gob.ec",
        "a b.pruebas.gob.ec",
    ]
    address = {"identifiers": [{"type": "ip", "value": "192.0.2.1"}]}
    assert problem(acme.post(f"{acme.origin}/acme/new-order", address)) == (400, "unsupportedIdentifier")
    narrow = new_client(domains=["web.pruebas.gob.ec"])
    assert problem(narrow.order(NAME)) == (403, "rejectedIdentifier")
    assert narrow.order("a.web.pruebas.gob.ec").status_code == 201
    beyond = new_client(domains=["ministerio.ec"])
    assert beyond.order("www.ministerio.ec").status_code == 201
    assert problem(acme.order()) == (400, "malformed")
    assert problem(acme.order(NAME, notAfter="2027-01-01T00:00:00Z")) == (400, "malformed")
    assert problem(acme.order(NAME, profile="tls-server")) == (400, "invalidProfile")
    assert acme.order(NAME, profile="tls-server-short").json["profile"] == "tls-server-short"


def test_a_wildcard_is_proved_by_dns_only(acme: AcmeClient) -> None:
    """BR §3.2.2.4.19: a file on one host says nothing of all names under it."""
    [authorization] = acme.authorizations(acme.order(f"*.{NAME}"))
    assert (authorization["wildcard"], authorization["identifier"]["value"]) == (True, NAME)
    assert [each["type"] for each in authorization["challenges"]] == ["dns-01"]
    by_http = authorization["challenges"][0]["url"].replace("dns-01", "http-01")
    assert problem(acme.post(by_http, {})) == (404, "malformed")


def test_the_csr_is_for_exactly_the_names_of_the_order(
    acme: AcmeClient, ready_order: Callable[..., Any], services: CaServices
) -> None:
    """§7.4: badCSR leaves the order ready, and another CSR may be tried."""
    order = ready_order(acme, NAME)
    other = f"otro.{NAME}"
    account_key = acme.key.private_key
    for answer in (
        acme.finalize(order, [NAME, other]),
        acme.finalize(order, [other]),
        acme.finalize(order, [NAME], common_name=other),
        acme.finalize(order, [NAME], addresses=["192.0.2.1"]),
        acme.finalize(order, [NAME], extensions=[(x509.BasicConstraints(ca=True, path_length=None), True)]),
        acme.finalize(order, [NAME], account_key),
        acme.finalize(order, [NAME], rsa.generate_private_key(65537, 1024)),
        acme.post(order.json["finalize"], {"csr": b64url(b"not a csr")}),
    ):
        assert problem(answer) == (400, "badCSR"), answer.text
    assert problem(acme.post(order.json["finalize"], {"csr": "=+"})) == (400, "malformed")
    assert acme.post(order.headers.get("Location") or _address(order)).json["status"] == "ready"
    assert acme.finalize(order, [NAME]).json["status"] == "valid"


def _address(order: Any) -> str:
    return str(order.json["finalize"]).removesuffix("/finalize")


def test_only_a_ready_order_is_finalized_and_once(
    acme: AcmeClient, ready_order: Callable[..., Any], app: Flask, services: CaServices
) -> None:
    """Of two at once exactly one certificate; before the proofs, and after, orderNotReady."""
    waiting = acme.order(NAME)
    assert problem(acme.finalize(waiting, [NAME])) == (403, "orderNotReady")
    order = ready_order(acme, NAME)
    csr = make_csr(ec.generate_private_key(ec.SECP256R1()), common_name=None, dns=[NAME])
    member = {"csr": b64url(x509.load_pem_x509_csr(csr.encode()).public_bytes(Encoding.DER))}
    url = order.json["finalize"]
    bodies = [flattened(acme.header(url), json.dumps(member).encode(), acme.key) for _ in range(3)]

    def send(body: dict[str, str]) -> int:
        path = url.removeprefix(acme.origin)
        return app.test_client().post(path, json=body, content_type="application/jose+json").status_code

    with ThreadPoolExecutor(3) as threads:
        assert sorted(threads.map(send, bodies)) == [200, 403, 403]
    with services.database.reading() as session:
        made = session.scalar(select(func.count()).where(Certificate.profile == "tls-server-acme"))
    assert made == 1


def test_what_another_account_has_is_not_there(
    acme: AcmeClient, new_client: NewClient, ready_order: Callable[..., Any]
) -> None:
    """An account sees and does nothing with another's order, authorization, challenge, certificate or address."""
    other = new_client(institution_ruc=OTHER_RUC)
    order = ready_order(acme, NAME)
    done = acme.finalize(order, [NAME])
    authorization = acme.authorizations(done)[0]
    for url in (
        _address(order),
        order.json["finalize"],
        order.json["authorizations"][0],
        authorization["challenges"][0]["url"],
        done.json["certificate"],
    ):
        answer = other.post(url, {"csr": "AAAA"} if url.endswith("finalize") else None)
        assert problem(answer) == (404, "malformed"), url
        assert NAME not in answer.text
    assert problem(other.post(acme.account)) == (403, "unauthorized")
    der = x509.load_pem_x509_certificates(acme.download(done).encode())[0].public_bytes(Encoding.DER)
    revocation = {"certificate": b64url(der), "reason": 0}
    assert problem(other.post(f"{acme.origin}/acme/revoke-cert", revocation)) == (403, "unauthorized")
    assert acme.post(f"{acme.origin}/acme/account/{acme.account[-26:]}/orders").json["orders"] == [_address(order)]


def test_an_order_that_takes_too_long_is_over(acme: AcmeClient, clock: ManualClock, services: CaServices) -> None:
    """§7.1.6; the job writes it down, and later forgets it."""
    from ca.acme.upkeep import expire_orders, forget_what_is_over

    order = acme.order(NAME)
    clock.advance(timedelta(hours=7))
    late = AcmeClient(acme.http, key=acme.key, account=acme.account)
    assert late.post(order.headers["Location"]).json["status"] == "invalid"
    assert late.authorizations(order)[0]["status"] == "expired"
    assert expire_orders(services, now=clock.now()) == 1
    assert reasons(services, "ca:acme_order:expired") == [None]
    clock.advance(timedelta(days=31))
    assert forget_what_is_over(services, now=clock.now()) == 1


def test_floods_of_orders_are_stopped(acme: AcmeClient, services: CaServices, monkeypatch: pytest.MonkeyPatch) -> None:
    """rateLimited with Retry-After (§6.6)."""
    monkeypatch.setattr("ca.acme.order.MOST_OPEN", 1)
    assert acme.order(NAME).status_code == 201
    stopped = acme.order(NAME)
    assert problem(stopped) == (429, "rateLimited")
    assert stopped.headers["Retry-After"] == "3600"


def test_a_strangers_key_is_not_looked_at_where_none_is_wanted(
    acme: AcmeClient, http: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking for weaknesses of a long key takes time, which nobody gets for nothing."""

    def never(_jwk: object) -> None:
        raise AssertionError("looked at")

    monkeypatch.setattr("ca.web.acme.frame.read_account_key", never)
    stranger = AcmeClient(http)
    for path in ("new-order", "key-change", f"account/{acme.account[-26:]}", "order/x", "authorization/x"):
        assert problem(stranger.post(f"{acme.origin}/acme/{path}", {})) == (400, "malformed")
    assert problem(acme.post(f"{acme.origin}/acme/new-account", {})) == (400, "malformed")


def test_orders_are_listed_page_by_page(acme: AcmeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """§7.1.2.1: the next page is linked, and its address is signed with its query (§6.4)."""
    monkeypatch.setattr("ca.acme.order.PAGE", 1)
    placed = [acme.order(NAME).headers["Location"] for _ in range(2)]
    first = acme.post(f"{acme.account}/orders")
    [link] = [each for each in first.headers.getlist("Link") if 'rel="next"' in each]
    second = acme.post(link.partition(">")[0].removeprefix("<"))
    assert sorted(first.json["orders"] + second.json["orders"]) == sorted(placed)
    assert 'rel="next"' not in str(second.headers.getlist("Link"))


def test_a_name_with_a_nul_is_refused_like_any_other(acme: AcmeClient) -> None:
    """What is read ahead for a batch is read for whatever stands in the request."""
    assert problem(acme.order("a\0.ministerio.gob.ec")) == problem(acme.order("a b.ministerio.gob.ec"))
