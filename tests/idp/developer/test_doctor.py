"""Applications looked at from outside: a careful one, and one that does everything wrong."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from idp.developer.doctor import Finding, Patient, Result, examine
from outgoing.client import OutgoingClient
from tests.outgoing.host import TestAuthority, run_host
from tests.servers.process import free_port

_NOW = datetime.now(UTC)
_ISSUER = "https://sau.example"
_LOOPBACK = (ip_network("127.0.0.0/8"),)
_KEY = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "1"}
_GOOD_COOKIE = "Set-Cookie: a=1; Secure; HttpOnly; SameSite=Lax; Expires=Wed, 09 Jun 2027 10:18:14 GMT\r\n"


def _application(answers: dict[str, tuple[int, str, str]]) -> object:
    """Answer each path by status, header lines and body."""

    def behave(connection: socket.socket, request: bytes) -> None:
        method, target, _ = request.decode("latin-1").split(" ", 2)
        path = target.partition("?")[0]
        status, headers, body = answers.get(f"{method} {path}", (404, "", ""))
        head = f"HTTP/1.1 {status} X\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}"
        connection.sendall(head.encode())

    return behave


def _patient(origin: str) -> Patient:
    return Patient(
        home=f"{origin}/",
        callback=f"{origin}/callback",
        backchannel=f"{origin}/out",
        frontchannel=f"{origin}/frame",
        jwks=f"{origin}/jwks",
        client_id="portal",
    )


def _by_check(found: list[Finding]) -> dict[str, tuple[str, str]]:
    return {each.check: (each.result.value, each.why) for each in found}


def test_a_careful_application_is_found_well(tmp_path: Path) -> None:
    """Over TLS, each check passes; the token that is sent is signed by nobody."""
    authority = TestAuthority(tmp_path)
    client = OutgoingClient(networks=_LOOPBACK, ca_file=authority.ca_file, resolver=lambda host, port: ["127.0.0.1"])
    answers = {
        "GET /": (200, f"Strict-Transport-Security: max-age=31536000\r\n{_GOOD_COOKIE}{_GOOD_COOKIE}", ""),
        "GET /callback": (302, "Location: /\r\n", ""),
        "POST /out": (400, "", ""),
        "GET /frame": (200, f"Content-Security-Policy: default-src 'none'; frame-ancestors {_ISSUER}\r\n", ""),
        "GET /jwks": (200, "", json.dumps({"keys": [_KEY]})),
    }
    with run_host(_application(answers), tls=authority.context("portal.example")) as host:
        found = examine(client, _patient(f"https://portal.example:{host.port}"), issuer=_ISSUER, now=_NOW)
        sent = next(each for each in host.requests if each.startswith(b"POST /out"))
    wrong = [each for each in found if each.result is not Result.PASSED and each.check != "certificate"]
    assert wrong == []
    assert len([each for each in found if each.check == "cookie"]) == 2
    assert b"logout_token=" in sent
    assert sent.endswith(b".")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"POST /out": (200, "", "")}, {"backchannel": ("failed", "takes_unsigned")}),
        ({"POST /out": (403, "", "")}, {"backchannel": ("warned", "status")}),
        ({"POST /out": (500, "", "")}, {"backchannel": ("failed", "breaks")}),
        ({}, {"callback": ("failed", "not_there"), "backchannel": ("failed", "not_there")}),
        ({"GET /callback": (500, "", "")}, {"callback": ("failed", "breaks"), "errors": ("failed", "breaks")}),
        ({"GET /frame": (200, "X-Frame-Options: DENY\r\n", "")}, {"frontchannel": ("warned", "not_framed")}),
        (
            {"GET /frame": (200, "Content-Security-Policy: frame-ancestors 'none'\r\n", "")},
            {"frontchannel": ("warned", "not_framed")},
        ),
        (
            {"GET /frame": (200, "Content-Security-Policy: frame-ancestors https://*.example\r\n", "")},
            {"frontchannel": ("passed", "")},
        ),
        ({"GET /jwks": (200, "", "<html>")}, {"jwks": ("failed", "unreadable")}),
        ({"GET /jwks": (200, "", '{"keys": []}')}, {"jwks": ("failed", "empty")}),
        ({"GET /jwks": (200, "", json.dumps({"keys": [_KEY | {"d": "AA"}]}))}, {"jwks": ("failed", "private")}),
        ({"GET /jwks": (200, "", json.dumps({"keys": [_KEY, _KEY]}))}, {"jwks": ("warned", "kid")}),
        (
            {"GET /jwks": (200, "", json.dumps({"keys": [{"kty": "RSA", "n": "A" * 171, "e": "AQAB", "kid": "r"}]}))},
            {"jwks": ("failed", "weak")},
        ),
        ({"GET /": (200, "Set-Cookie: a=1\r\n", "")}, {"reach": ("passed", ""), "https": ("warned", "local")}),
    ],
)
def test_what_is_wrong_is_said(answers: dict[str, tuple[int, str, str]], expected: dict[str, tuple[str, str]]) -> None:
    """One thing at a time, by plain http on a listed network."""
    client = OutgoingClient(networks=_LOOPBACK, resolver=lambda host, port: ["127.0.0.1"])
    with run_host(_application({"GET /": (200, "", ""), **answers})) as host:
        found = _by_check(examine(client, _patient(f"http://localhost:{host.port}"), issuer=_ISSUER, now=_NOW))
    assert expected.items() <= found.items()


def test_one_that_does_not_answer_is_not_asked_further() -> None:
    """The first check says so, and nothing else is tried."""
    client = OutgoingClient(networks=_LOOPBACK, resolver=lambda host, port: ["127.0.0.1"])
    found = examine(client, _patient(f"http://localhost:{free_port()}"), issuer=_ISSUER, now=_NOW)
    assert [(each.check, each.result.value, each.detail) for each in found] == [("reach", "failed", "unreachable")]
    refused = examine(OutgoingClient(), Patient(home="https://127.0.0.1/"), issuer=_ISSUER, now=_NOW)
    assert [(each.check, each.result.value, each.why, each.detail) for each in refused] == [
        ("reach", "warned", "local", "refused_address")
    ]
    refused = examine(OutgoingClient(), Patient(home="https://10.1.2.3/"), issuer=_ISSUER, now=_NOW)
    assert [(each.result.value, each.why) for each in refused] == [("failed", "unreachable")]
