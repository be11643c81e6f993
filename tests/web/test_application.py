"""What stands around every view: origin, host, bounds, headers."""

from __future__ import annotations

import io

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import create_environ, run_wsgi_app

from tests.web.conftest import MakeApp, Refusals
from web.state import answer_on_mtls_host


def test_every_answer_carries_its_own_request_id_and_none_is_taken_from_outside(client: FlaskClient) -> None:
    """A request id that the caller chose could impersonate another request in the evidence."""
    first = client.get("/origin", headers={"X-Request-Id": "chosen"})
    second = client.get("/origin")
    assert first.json is not None and first.headers["X-Request-Id"] == first.json["request_id"]
    assert first.headers["X-Request-Id"] not in ("chosen", second.headers["X-Request-Id"])
    assert first.json["channel"] == "web"


def test_ignores_a_forwarded_address_from_a_peer_that_is_not_trusted(client: FlaskClient) -> None:
    """attacks and faults, 8: spoofed ``X-Forwarded-For``."""
    answer = client.get("/origin", headers={"X-Forwarded-For": "203.0.113.9"})
    assert answer.json is not None and answer.json["address"] == "127.0.0.1"


def test_believes_the_trusted_proxy_and_only_its_own_entry(make_app: MakeApp) -> None:
    """What the client wrote into the header itself stands left of the proxy's entry and is not looked at."""
    client = make_app(trusted_proxies="127.0.0.0/8").test_client()
    answer = client.get("/origin", headers={"X-Forwarded-For": "nonsense, 10.0.0.1, 203.0.113.9"})
    assert answer.json is not None and answer.json["address"] == "203.0.113.9"


@pytest.mark.parametrize("forwarded", ["nonsense", "", "203.0.113.9:4711", "fe80::1%eth0", "unknown", "1.2.3.4, "])
def test_refuses_a_forwarded_address_that_does_not_parse(make_app: MakeApp, refusals: Refusals, forwarded: str) -> None:
    """CVE-2024-47070: an address that did not parse let a policy be skipped."""
    client = make_app(trusted_proxies="127.0.0.1/32").test_client()
    answer = client.get("/origin", headers={"X-Forwarded-For": forwarded})
    assert answer.status_code == 400
    assert [reason for reason, _ in refusals] == ["bad_forwarded_address"]


@pytest.mark.parametrize("host", ["evil.example", "localhost", "localhost:8001", "localhost:8000.evil.example", ""])
def test_refuses_a_host_that_is_not_the_issuers(client: FlaskClient, host: str) -> None:
    """attacks and faults, 8: a spoofed ``Host`` must never reach a link, a mail or a cache."""
    answer = client.get("/", headers={"Host": host})
    assert answer.status_code == 421
    assert "evil" not in answer.text
    assert "http://localhost:8000" in answer.text


def test_the_host_of_mutual_tls_is_ours_too(make_app: MakeApp) -> None:
    """``SAU_MTLS_ORIGIN`` is the second name of the service, for the endpoints that houses put there."""
    app = make_app(issuer="https://sau.test", mtls_origin="https://mtls.sau.test")
    answer_on_mtls_host(app, "/origin")
    client = app.test_client()
    assert client.get("/origin", headers={"Host": "mtls.sau.test"}).status_code == 200
    assert client.get("/origins", headers={"Host": "mtls.sau.test"}).status_code == 421
    assert client.get("/", headers={"Host": "mtls.sau.test"}).status_code == 421
    assert client.get("/", headers={"Host": "sau.test"}).status_code == 200


@pytest.mark.parametrize("name", ["X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "Forwarded"])
def test_links_do_not_depend_on_forwarded_headers(make_app: MakeApp, name: str) -> None:
    """attacks and faults, 8: links unchanged, even from a trusted proxy."""
    client = make_app(issuer="https://sau.test", trusted_proxies="127.0.0.1").test_client()
    answer = client.get("/link", headers={name: "evil.example"})
    assert answer.text == "https://sau.test/link"


def test_refuses_a_body_over_one_mebibyte(client: FlaskClient) -> None:
    """413, before the body is read (attacks and faults, 26)."""
    assert client.post("/machine", data={"word": "x" * (1024 * 1024)}).status_code == 413


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/?a=" + "x" * 17_000, {}, 414),
        ("/" + "x" * 3_000, {}, 414),
        ("/?" + "a=1&" * 250, {}, 400),
        ("/", {f"X-H{i}": "1" for i in range(120)}, 431),
        ("/", {"X-Long": "x" * 33_000}, 431),
    ],
)
def test_refuses_a_request_beyond_the_bounds(
    client: FlaskClient, path: str, headers: dict[str, str], status: int
) -> None:
    """Long addresses and floods of headers or parameters are cut early (attacks and faults, 26)."""
    assert client.get(path, headers=headers).status_code == status


@pytest.mark.parametrize(("size", "status"), [(3, 200), (1_000_000, 200), (1_200_000, 413)])
def test_a_body_whose_length_is_not_said_is_taken_whole_or_not_at_all(app: Flask, size: int, status: int) -> None:
    """A chunked or HTTP/2 body beyond the bound would be cut without a word and half of it taken for the whole."""
    body = b"word=" + b"x" * size
    environ = create_environ("/machine", "http://localhost:8000", method="POST", input_stream=io.BytesIO(body))
    environ.pop("CONTENT_LENGTH", None)
    environ |= {"wsgi.input_terminated": True, "REMOTE_ADDR": "127.0.0.1"}
    environ["CONTENT_TYPE"] = "application/x-www-form-urlencoded"
    answer, answered, _ = run_wsgi_app(app, environ)
    assert int(answered[:3]) == status
    assert status != 200 or len(b"".join(answer)) == size + len("machine ")


ODD_HOSTS = ["localhost:8000", "", "a b<", "[::1", "[::1]:x", "localhost:abc", "\xff", "localhost:8000,evil", "../"]
ODD_PATHS = ["/ayuda", "/\xff", "//x", "/\x00", "/static/x/\xff", "/%"]
ODD_QUERIES = ["", "lang=\xff", "lang=%ff", "&&&", "a=\x00&lang=en&lang=qu", "%F0%9F%98%80=x"]


def test_nothing_odd_in_host_path_or_query_breaks_the_answer(app: Flask) -> None:
    """attacks and faults, 27: no uncaught exception, no 5xx, whatever the octets."""
    requests = [(host, "/ayuda", "") for host in ODD_HOSTS]
    requests += [("localhost:8000", path, query) for path in ODD_PATHS for query in ODD_QUERIES]
    for host, path, query in requests:
        environ = create_environ("/", "http://localhost:8000")
        environ.update(HTTP_HOST=host, PATH_INFO=path, QUERY_STRING=query, REMOTE_ADDR="127.0.0.1")
        _, status, _ = run_wsgi_app(app, environ)
        assert int(status[:3]) < 500, (host, path, query)


@pytest.mark.parametrize("path", ["/", "/nowhere", "/error/fault", "/only-post", "/health", "/error/unmapped"])
def test_every_answer_carries_the_security_headers(client: FlaskClient, path: str) -> None:
    """Errors included."""
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    for directive in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self';"):
        assert directive in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "Permissions-Policy" in headers
    assert "Server" not in headers


def test_a_view_may_make_its_answer_cacheable(client: FlaskClient) -> None:
    """Lists and keys are public; everything else is ``no-store``."""
    assert client.get("/cached").headers["Cache-Control"] == "public, max-age=60"


def test_https_brings_hsts_and_host_prefixed_secure_cookies(make_app: MakeApp) -> None:
    """RFC 6797; RFC 6265bis §4.1.3.2."""
    answer = make_app(issuer="https://sau.test").test_client().get("/form")
    assert "max-age=" in answer.headers["Strict-Transport-Security"]
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-sau_form=")
    for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert attribute in cookie
    assert "Domain" not in cookie


def test_http_on_loopback_has_neither(client: FlaskClient) -> None:
    """A Secure cookie would never come back over http."""
    answer = client.get("/form")
    assert "Strict-Transport-Security" not in answer.headers
    assert answer.headers["Set-Cookie"].startswith("sau_form=")


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("https://portal.example/callback?x=1", "https://portal.example"),
        ("http://127.0.0.1:5000/cb", "http://127.0.0.1:5000"),
        ("http://[::1]:5000/cb", "http://[::1]:5000"),
        ("ec.gob.app:/callback", "ec.gob.app:"),
    ],
)
def test_a_form_may_lead_to_the_named_origin_only(client: FlaskClient, address: str, source: str) -> None:
    """CSP Level 3 §6.4.1: ``form-action`` is applied to redirects too."""
    allowed = client.get("/consent", query_string={"to": address}).headers["Content-Security-Policy"]
    assert f"form-action 'self' {source};" in allowed
    assert "form-action 'self';" in client.get("/").headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil",
        "/path",
        "https://a.example; script-src *",
        "https://u@h/",
        "*",
    ],
)
def test_a_form_may_not_lead_to_what_would_widen_the_policy(app: Flask, address: str) -> None:
    """No directive, wildcard, user name or script scheme gets into the policy."""
    from web.headers import allow_form_redirect_to

    with app.test_request_context("/"), pytest.raises(ValueError, match="form may lead"):
        allow_form_redirect_to(address)
