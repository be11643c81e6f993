"""What software asks for over HTTP: certificate authority 19 and 20, RFC 5019, 2585."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import cast
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from flask import Flask
from flask.testing import FlaskClient

from kernel.clock import ManualClock
from tests.ca.hierarchy import Hierarchy
from tests.ca.revocation.steps import issue, publish, revoke
from tests.ca.revocation.test_ocsp import question
from web.application import SauFlask


def status_of(body: bytes) -> ocsp.OCSPCertStatus:
    return ocsp.load_der_ocsp_response(body).certificate_status


def test_authority_certificates_are_served_as_der_and_pem(hierarchy: Hierarchy, client: FlaskClient) -> None:
    """RFC 5280 §4.2.2.1: DER under application/pkix-cert; the address is that of AIA caIssuers."""
    der = client.get("/pki/ca/issuing-1.cer")
    assert (der.status_code, der.mimetype) == (200, "application/pkix-cert")
    assert der.data == hierarchy.issuing_certificate.public_bytes(Encoding.DER)
    pem = client.get("/pki/ca/root.pem")
    assert x509.load_pem_x509_certificate(pem.data) == hierarchy.root_certificate
    assert client.get("/pki/ca/nobody.cer").status_code == 404


def test_the_address_in_the_certificate_serves_the_list(hierarchy: Hierarchy, client: FlaskClient) -> None:
    """RFC 5280 §4.2.1.13 and RFC 2585 §4.2: application/pkix-crl at the CDP."""
    leaf = issue(hierarchy)
    published = publish(hierarchy)
    [point] = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert point.full_name is not None
    response = client.get(point.full_name[0].value)
    assert (response.status_code, response.mimetype) == (200, "application/pkix-crl")
    assert response.data == published.der


def test_a_list_is_cached_shortly_and_never_beyond_its_next_update(
    hierarchy: Hierarchy, client: FlaskClient, clock: ManualClock
) -> None:
    """Certificate authority 19, 20."""
    published = publish(hierarchy)
    first = client.get("/pki/crl/issuing-1-0.crl")
    assert first.cache_control.max_age == 300
    assert first.last_modified == published.this_update
    etag = first.headers["ETag"]
    assert client.get("/pki/crl/issuing-1-0.crl", headers={"If-None-Match": etag}).status_code == 304
    clock.advance(published.next_update - clock.now() - timedelta(seconds=20))
    last = client.get("/pki/crl/issuing-1-0.crl")
    assert last.cache_control.max_age == 20
    assert last.expires == published.next_update


def test_a_list_past_its_next_update_is_503(hierarchy: Hierarchy, client: FlaskClient, clock: ManualClock) -> None:
    """Certificate authority 19: no list is served after its nextUpdate."""
    clock.advance(publish(hierarchy).next_update - clock.now())
    response = client.get("/pki/crl/issuing-1-0.crl")
    assert response.status_code == 503
    assert "Retry-After" in response.headers
    assert response.mimetype != "application/pkix-crl"


@pytest.mark.parametrize("path", ["/pki/crl/root-0.crl", "/pki/crl/issuing-1-1.crl", "/pki/crl/issuing-1.crl"])
def test_a_list_that_is_not_is_404(hierarchy: Hierarchy, client: FlaskClient, path: str) -> None:
    """No list, no answer that looks like one."""
    publish(hierarchy)
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("algorithm", [hashes.SHA1(), hashes.SHA256()], ids=["sha1", "sha256"])
def test_ocsp_by_post_and_get_say_the_same(
    hierarchy: Hierarchy, client: FlaskClient, algorithm: hashes.HashAlgorithm
) -> None:
    """RFC 6960 §A.1; a POST without a form token is not refused: it acts on no cookie."""
    request = question(issue(hierarchy), hierarchy.issuing_certificate, algorithm)
    posted = client.post("/pki/ocsp", data=request, content_type="application/ocsp-request")
    got = client.get("/pki/ocsp/" + quote(base64.b64encode(request).decode(), safe=""))
    for response in (posted, got):
        assert (response.status_code, response.mimetype) == (200, "application/ocsp-response")
        assert status_of(response.data) is ocsp.OCSPCertStatus.GOOD
    assert posted.data == got.data  # pre-signed


def test_ocsp_by_get_takes_base64_as_it_comes(hierarchy: Hierarchy, client: FlaskClient) -> None:
    """RFC 5019 §5: slashes, two in a row too, plus signs and padding stand in the path, escaped or not."""
    seen = set()
    for number in range(4000):
        builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(b"?" * 20, b"\xff" * 20, number + 1, hashes.SHA1())
        text = base64.b64encode(builder.build().public_bytes(Encoding.DER)).decode()
        kinds = {kind for kind in ("//", "+", "=") if kind in text} | ({"end"} if text.endswith("/") else set())
        if kinds <= seen:
            continue
        seen |= kinds
        for path in (text, quote(text, safe="")):
            response = client.get(f"/pki/ocsp/{path}")
            assert response.status_code == 200, path
            parsed = ocsp.load_der_ocsp_response(response.data)
            assert parsed.response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED
    assert {"//", "="} <= seen


def test_ocsp_answers_are_cached_for_seconds_by_get_only_and_not_with_a_nonce(
    hierarchy: Hierarchy, client: FlaskClient, clock: ManualClock
) -> None:
    """RFC 5019 §6.2; certificate authority 20: never beyond nextUpdate; a revocation shows within seconds."""
    leaf = issue(hierarchy)
    request = question(leaf, hierarchy.issuing_certificate)
    path = "/pki/ocsp/" + quote(base64.b64encode(request).decode(), safe="")
    got = client.get(path)
    answer = ocsp.load_der_ocsp_response(got.data)
    assert got.cache_control.max_age is not None
    assert 0 < got.cache_control.max_age <= 10
    assert got.cache_control.public
    assert got.expires is not None
    assert answer.next_update_utc is not None
    assert got.expires <= answer.next_update_utc
    assert got.last_modified == answer.this_update_utc
    assert client.get(path, headers={"If-None-Match": got.headers["ETag"]}).status_code == 304
    revoke(hierarchy, leaf)
    changed = client.get(path, headers={"If-None-Match": got.headers["ETag"]})
    assert changed.status_code == 200
    assert status_of(changed.data) is ocsp.OCSPCertStatus.REVOKED
    with_nonce = question(leaf, hierarchy.issuing_certificate, nonce=b"0123456789abcdef")
    assert client.get("/pki/ocsp/" + base64.b64encode(with_nonce).decode()).cache_control.no_store
    assert client.post("/pki/ocsp", data=request).cache_control.no_store


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"\x30\x82" + b"\0" * 3000, b"\0" * 200_000], ids=["empty", "text", "long", "huge"]
)
def test_garbage_by_post_is_malformed(hierarchy: Hierarchy, client: FlaskClient, body: bytes) -> None:
    """RFC 6960 §4.2.1, bounded: nobody makes us read more than a request can have."""
    response = client.post("/pki/ocsp", data=body, content_type="application/ocsp-request")
    assert response.status_code == 200
    parsed = ocsp.load_der_ocsp_response(response.data)
    assert parsed.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST
    assert response.cache_control.no_store


@pytest.mark.parametrize("path", ["%", "ñ", "a b", "AAAA", "=", "MEQw-_"])
def test_garbage_by_get_is_malformed(hierarchy: Hierarchy, client: FlaskClient, path: str) -> None:
    """What is no base64 of a request."""
    response = client.get(f"/pki/ocsp/{path}")
    parsed = ocsp.load_der_ocsp_response(response.data)
    assert parsed.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_status_addresses_set_and_vary_on_no_cookie(hierarchy: Hierarchy, client: FlaskClient) -> None:
    """Software has no language and no session: nothing is remembered, even if it asks for it."""
    publish(hierarchy)
    request = question(issue(hierarchy), hierarchy.issuing_certificate)
    responses = [
        client.get("/pki/crl/issuing-1-0.crl?lang=en"),
        client.get("/pki/ca/root.cer?lang=en"),
        client.post("/pki/ocsp?lang=en", data=request),
        client.get("/pki/ocsp/" + base64.b64encode(request).decode() + "?lang=en"),
    ]
    assert "Set-Cookie" not in client.get("/pki/crl/none-0.crl?lang=en").headers
    for response in responses:
        assert "Set-Cookie" not in response.headers
        assert "Cookie" not in response.headers.get("Vary", "")


def test_status_is_answered_under_any_host_and_pages_are_not(hierarchy: Hierarchy, client: FlaskClient) -> None:
    """OpenSSL's client sends the host without its port; what is signed is as good under any name."""
    publish(hierarchy)
    request = question(issue(hierarchy), hierarchy.issuing_certificate)
    other = {"Host": "192.0.2.7"}
    assert client.get("/pki/crl/issuing-1-0.crl", headers=other).status_code == 200
    assert client.get("/pki/ca/root.cer", headers=other).status_code == 200
    assert client.post("/pki/ocsp", data=request, headers=other).status_code == 200
    assert client.get("/pki/", headers=other).status_code == 421
    assert client.get("/pki/certificates", headers=other).status_code == 421


def test_ocsp_is_answered_before_flask_and_as_flask_would(
    hierarchy: Hierarchy, app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Certificate authority, line 20: one implementation through both doors, headers and all."""
    ways = cast(SauFlask, app).short_ways
    taken: list[bool] = []
    answer = ways.answer
    monkeypatch.setattr(ways, "answer", lambda *given: [found := answer(*given), taken.append(found is not None)][0])
    good, bad = issue(hierarchy), issue(hierarchy)
    revoke(hierarchy, bad)
    issuer = hierarchy.issuing_certificate
    asked = [question(good, issuer), question(bad, issuer, hashes.SHA1()), b"garbage"]
    for body in asked:
        paths = [f"/pki/ocsp/{base64.b64encode(body).decode()}", f"/pki/ocsp/{quote(base64.b64encode(body), safe='')}"]
        for ask in (
            lambda body=body: client.post("/pki/ocsp", data=body, content_type="application/ocsp-request"),
            *(lambda path=path: client.get(path) for path in paths),
        ):
            del taken[:]
            quick = ask()
            assert taken == [True]
            ways.open = False
            slow = ask()
            ways.open = True
            assert (quick.status_code, quick.data) == (slow.status_code, slow.data)
            plain = [
                {k: v for k, v in each.headers.items() if k not in ("X-Request-Id", "Date")} for each in (quick, slow)
            ]
            assert plain[0] == plain[1]
