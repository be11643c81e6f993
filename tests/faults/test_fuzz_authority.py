"""Fuzzers on what machines send to the authority (attacks and faults, 27): refused in its own words, never a crash."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, TypeVar
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ca.ceremony.hierarchy import Hierarchy
from ca.cmp.protection import MacProtector
from ca.enrolment.credential import Protocol, create_credential
from ca.services import CaServices
from ca.units.signer import CMP, STAMPS, renew_unit_signer
from kernel.clock import ManualClock
from kernel.identifiers import b64url
from kernel.secret_text import SecretText
from kernel.settings import Settings
from tests.ca.acme.client import AcmeClient, csr_member
from tests.ca.acme.conftest import NAME, acme, app, give_credential, http, look, new_client, prover, ready_order
from tests.ca.cmp.test_messages import IR, P10CR, POLL_REQ, Conversation, request_content
from tests.ca.csr import make_csr
from tests.ca.est.conftest import body_of, own_lints_only
from tests.ca.ground import RUC, hierarchy, institutions, now, services
from tests.ca.timestamping.test_stamps import query
from tests.faults.fuzzing import Edit, change_der, change_json, change_octets, signed, try_all
from tests.faults.rounds import Figure

__all__ = [
    "acme", "app", "give_credential", "hierarchy", "http", "institutions", "look", "new_client", "now",
    "own_lints_only", "prover", "ready_order", "services",
]  # fmt: skip

T = TypeVar("T")
_OCSP = bytes.fromhex(
    "304f304d304b30493047300706052b0e03021a0414" + "11" * 20 + "0414" + "22" * 20 + "0210" + "33" * 16
)
_CSR = make_csr()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Nobody is asked to wait."""
    return settings.model_copy(update={"rate_limits": "off"})


@dataclass
class Bench:
    """What the targets send with."""

    http: FlaskClient
    services: CaServices
    acme: AcmeClient
    order: TestResponse
    credentials: dict[Protocol, tuple[str, str]]

    def cmp(self) -> Conversation:
        """A transaction of the credential."""
        reference, secret = self.credentials[Protocol.CMP]
        protector = MacProtector(SecretText(secret), reference.encode())
        return Conversation(SimpleNamespace(services=self.services), protector)  # type: ignore[arg-type]


@pytest.fixture
def bench(
    app: Flask,
    services: CaServices,
    hierarchy: Hierarchy,
    acme: AcmeClient,
    ready_order: Callable[..., TestResponse],
    clock: ManualClock,
) -> Bench:
    """An authority with every protocol open, a credential, an account with an order."""
    for unit in (STAMPS, CMP):
        renew_unit_signer(services, unit, now=clock.now(), first=True)
    credentials = {}
    for protocol in (Protocol.CMP, Protocol.EST):
        with services.database.transaction() as session:
            made, secret = create_credential(
                session,
                services=services,
                protocol=protocol,
                profile="tls-client",
                institution_ruc=RUC,
                actor="command:root",
                now=clock.now(),
            )
        credentials[protocol] = (made.id, secret.reveal())
    client = app.test_client(use_cookies=False)
    return Bench(client, services, acme, ready_order(acme, NAME), credentials)


Target = Callable[[Bench, list[Edit]], TestResponse]


def est(bench: Bench, edits: list[Edit]) -> TestResponse:
    """RFC 7030: base64 of a request, from a machine that may ask."""
    der = base64.b64decode(body_of(_CSR))
    body = change_octets(body_of(_CSR), edits) if _other(edits) else base64.encodebytes(change_der(der, edits))
    headers = {
        "Content-Type": "application/pkcs10",
        "Authorization": "Basic " + base64.b64encode(":".join(bench.credentials[Protocol.EST]).encode()).decode(),
    }
    return bench.http.post("/.well-known/est/simpleenroll", data=body, headers=headers)


def cmp_octets(bench: Bench, edits: list[Edit]) -> TestResponse:
    """RFC 9480: a message changed anywhere, its protection with it."""
    message = bench.cmp().message(IR, request_content())
    body = _change(message, edits)
    return bench.http.post("/cmp", data=body, content_type="application/pkixcmp")


def cmp_protected(bench: Bench, edits: list[Edit]) -> TestResponse:
    """RFC 9480: what an authenticated machine asks for, changed before it is protected."""
    kind, content = _pick(
        edits,
        [
            (IR, request_content()),
            (P10CR, base64.b64decode(body_of(_CSR))),
            (POLL_REQ, bytes.fromhex("30053003020100")),
            (7, request_content()),
            (11, bytes.fromhex("30023000")),
            (24, bytes.fromhex("300b3009040401020304020100")),
        ],
    )
    body = bench.cmp().message(kind, change_der(content, edits))
    return bench.http.post("/cmp", data=body, content_type="application/pkixcmp")


def stamp(bench: Bench, edits: list[Edit]) -> TestResponse:
    """RFC 3161."""
    asked = query(nonce=secrets.randbits(64), cert_req=True)
    body = _change(asked, edits)
    return bench.http.post("/tsa", data=body, content_type="application/timestamp-query")


def ocsp(bench: Bench, edits: list[Edit]) -> TestResponse:
    """RFC 6960, posted and in an address."""
    body = _change(_OCSP, edits)
    if _other(edits):
        return bench.http.post("/pki/ocsp", data=body, content_type="application/ocsp-request")
    encoded = quote(base64.b64encode(body).decode(), safe="/" if _other(edits) else "")
    return bench.http.get(f"/pki/ocsp/{encoded}")


def acme_octets(bench: Bench, edits: list[Edit]) -> TestResponse:
    """RFC 8555 §6.2: the signed message itself."""
    url = f"{bench.acme.origin}/acme/new-order"
    header, payload, signature = signed(bench.acme.header(url), {}, bench.acme.key.private_key).split(".")
    body = json.dumps(change_json({"protected": header, "payload": payload, "signature": signature}, edits))
    raw = change_octets(body.encode(), edits) if _other(edits) else body.encode()
    return bench.http.post("/acme/new-order", data=raw, content_type="application/jose+json")


def acme_header(bench: Bench, edits: list[Edit]) -> TestResponse:
    """RFC 8555 §6.2: a right signature under a header of anything."""
    url = f"{bench.acme.origin}/acme/new-account"
    header = bench.acme.header(url, kid=None, jwk=dict(bench.acme.key.as_dict(private=False)))
    return _send(bench, "/acme/new-account", signed(change_json(header, edits), {}, bench.acme.key.private_key))


def acme_payload(bench: Bench, edits: list[Edit]) -> TestResponse:
    """RFC 8555 §7, RFC 9773: what an account asks for, changed before it is signed."""
    order = bench.order.json
    binding = {"protected": b64url(b'{"alg":"HS256","kid":"x","url":"y"}'), "payload": "e30", "signature": "AA"}
    asked: list[tuple[str, Any]] = [
        (f"{bench.acme.origin}/acme/new-order", {
            "identifiers": [{"type": "dns", "value": NAME}], "notBefore": "2026-11-23T17:00:00Z",
            "notAfter": "2026-12-23T17:00:00Z", "replaces": "AAAA.AQ", "profile": "tls-server-acme",
        }),
        (order["finalize"], {"csr": csr_member(_CSR)}),
        (order["authorizations"][0], {"status": "deactivated"}),
        (bench.acme.account, {"contact": ["mailto:a@pruebas.gob.ec"], "status": "valid"}),
        (f"{bench.acme.origin}/acme/new-account", {"termsOfServiceAgreed": True, "externalAccountBinding": binding}),
        (f"{bench.acme.origin}/acme/revoke-cert", {"certificate": csr_member(_CSR), "reason": 1}),
        (f"{bench.acme.origin}/acme/key-change", {"protected": "e30", "payload": "e30", "signature": "AA"}),
    ]  # fmt: skip
    url, payload = _pick(edits, asked)
    if "csr" in payload and _other(edits):
        changed: Any = {"csr": b64url(change_der(base64.b64decode(body_of(_CSR)), edits))}
    else:
        changed = change_json(payload, edits)
    who = {"kid": None, "jwk": bench.acme.key.as_dict(private=False)} if url.endswith("new-account") else {}
    return _send(bench, url, signed(bench.acme.header(url, **who), changed, bench.acme.key.private_key))


def addresses(bench: Bench, edits: list[Edit]) -> TestResponse:
    """Lists, certificates and tiles by address (C2SP tlog-tiles): what is no such place is none."""
    place = _pick(
        edits,
            [
                b"/pki/crl/issuing-1-0.crl", b"/pki/crl/issuing-1-full.crl", b"/pki/crl/issuing-1-0-delta.crl",
                b"/pki/ca/issuing-1.cer", b"/pki/certificates/00.cer", b"/pki/log/tile/0/x001/234.p/7",
                b"/pki/log/tile/entries/000.p/1", b"/pki/log/proof/a", b"/audit/log/tile/0/001.p/2",
                b"/audit/log/tile/0/x999/x999/x999/999", b"/audit/log/proof/abc", b"/acme/renewal-info/AAAA.AQ",
                b"/acme/certificate/00/1",
            ],
    )  # fmt: skip
    changed = change_octets(place, edits)
    return bench.http.get("/" + quote(changed.lstrip(b"/"), safe="/%"))


def _other(edits: list[Edit]) -> bool:
    """Half of the time."""
    return edits[0].kind % 2 == 1


def _pick(edits: list[Edit], several: list[T]) -> T:
    return several[edits[-1].odd % len(several)]


def _change(valid: bytes, edits: list[Edit]) -> bytes:
    return change_octets(valid, edits) if _other(edits) else change_der(valid, edits)


def _send(bench: Bench, url: str, compact: str) -> TestResponse:
    header, payload, signature = compact.split(".")
    body = json.dumps({"protected": header, "payload": payload, "signature": signature})
    return bench.http.post(url.removeprefix(bench.acme.origin), data=body, content_type="application/jose+json")


TARGETS: tuple[Target, ...] = (
    est, cmp_octets, cmp_protected, stamp, ocsp, acme_octets, acme_header, acme_payload, addresses,
)  # fmt: skip


def test_nothing_that_machines_send_to_the_authority_is_a_crash(
    bench: Bench, clock: ManualClock, figure: Figure
) -> None:
    """Each target with changes of its own; 500 is a crash, 501 and 503 are said on purpose."""

    def send(target: Target, edits: list[Edit]) -> int:
        clock.advance(timedelta(seconds=1))
        return target(bench, edits).status_code

    figure("changed messages to the authority, no crash", try_all(TARGETS, send, short=12, long=2000), "messages")
