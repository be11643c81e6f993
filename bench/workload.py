"""What is measured: the same steps for both sides, each side with its own addresses and credentials."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import requests

VERIFIER = "bench-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG"
REDIRECT_URI = "https://portal.bench.test/callback"
SCOPE = "openid profile email"
OFFLINE_SCOPE = f"{SCOPE} offline_access"
#: The portal that gets refresh tokens.
OFFLINE = "offline"
_CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Client:
    """A registered application. ``algorithm`` is that of its ID tokens, or of its access tokens for a service."""

    client_id: str
    secret: str = field(repr=False)
    algorithm: str

    @property
    def authorization(self) -> dict[str, str]:
        """The header of ``client_secret_basic``."""
        pair = f"{quote(self.client_id, safe='')}:{quote(self.secret, safe='')}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


@dataclass(frozen=True)
class Side:
    """One of the two servers as the workload sees it.

    :ivar cookies: a ``Cookie`` header for each person who is logged in and has consented.
    :ivar portals: applications that people log in to: by algorithm of their ID tokens, and :data:`OFFLINE`.
    :ivar services: applications with ``client_credentials``, by algorithm of their tokens, and what they ask with.
    """

    name: str
    url: str
    paths: Mapping[str, str]
    cookies: Sequence[str] = field(repr=False)
    portals: Mapping[str, Client]
    services: Mapping[str, tuple[Client, str]]


@dataclass(frozen=True)
class Scenario:
    """One line of the table.

    :ivar weight: HTTP requests in one unit: an exchange is two.
    :ivar events: what each unit leaves in our log, by the event's type; empty for documents.
    """

    name: str
    title: str
    kind: str
    algorithm: str = "ES256"
    weight: int = 1
    target: float = 1.0
    events: tuple[str, ...] = ()


SCENARIOS = (
    Scenario("code-es256", "code + PKCE, ID token ES256", "exchange", weight=2, target=2.0,
             events=("idp:authorization:granted", "idp:token:issued")),
    Scenario("code-rs256", "code + PKCE, ID token RS256", "exchange", "RS256", weight=2, target=2.0,
             events=("idp:authorization:granted", "idp:token:issued")),
    Scenario("refresh", "rotating refresh", "refresh", target=2.0, events=("idp:token:refreshed",)),
    Scenario("service-es256", "client_credentials, JWT ES256", "service", events=("idp:token:issued",)),
    Scenario("service-rs256", "client_credentials, JWT RS256", "service", "RS256", events=("idp:token:issued",)),
    Scenario("userinfo", "UserInfo", "userinfo", target=1.5, events=("idp:userinfo:released",)),
    Scenario("introspection", "introspection", "introspection", target=1.5, events=("idp:token:introspected",)),
    Scenario("discovery", "discovery document", "discovery"),
    Scenario("jwks", "keys (JWKS)", "jwks"),
)  # fmt: skip


def is_served(side: Side, scenario: Scenario) -> bool:
    """Tell whether the side serves what the scenario asks for."""
    return scenario.kind != "service" or scenario.algorithm in side.services


def plan(side: Side, scenario: Scenario, *, connections: int) -> dict[str, Any]:
    """Return what the load generator is to send, after one answer of each kind was looked at.

    :raises RuntimeError: if an answer is not what it should be.
    """
    portal = side.portals[OFFLINE if scenario.kind == "refresh" else scenario.algorithm]
    match scenario.kind:
        case "exchange":
            _exchange(side, portal, side.cookies[0], SCOPE)
            return {
                "kind": "exchange",
                "authorize": [["GET", authorize_path(side, portal, SCOPE), {"Cookie": each}] for each in side.cookies],
                "token": ["POST", side.paths["token"], portal.authorization | _FORM, code_body()],
                "redirect": REDIRECT_URI,
            }
        case "refresh":
            answers = _exchange_for_each(side, portal, OFFLINE_SCOPE, connections + 1)
            body = "grant_type=refresh_token&refresh_token="
            return {
                "kind": "refresh",
                "token": ["POST", side.paths["token"], portal.authorization | _FORM, body],
                "tokens": [answer["refresh_token"] for answer in answers],
            }
        case "service":
            client, body = side.services[scenario.algorithm]
            return _single(
                side,
                ["POST", side.paths["token"], client.authorization | _FORM, body],
                expected=r'"access_token":',
            )
        case "userinfo":
            answers = _exchange_for_each(side, portal, SCOPE, len(side.cookies))
            return _single(
                side,
                *(["GET", side.paths["userinfo"], _bearer(answer), ""] for answer in answers),
                expected=r'"given_name":',
            )
        case "introspection":
            answers = _exchange_for_each(side, portal, SCOPE, len(side.cookies))
            headers = portal.authorization | _FORM
            return _single(
                side,
                *(["POST", side.paths["introspection"], headers, f"token={a['access_token']}"] for a in answers),
                expected=r'"active": ?true',
            )
    return _single(side, ["GET", side.paths[scenario.kind], {}, ""], expected=r'"(issuer|keys)":')


def log_in(url: str, path: str, *, people: Sequence[str], portals: Sequence[Client]) -> list[str]:
    """Return a ``Cookie`` header for each of ``people``, logged in at the peer, with consent to each portal."""
    cookies = []
    for person in people:
        with requests.Session() as browser:
            for portal in portals:
                query = _authorization_query(portal, OFFLINE_SCOPE) | {"login_hint": person}
                address = f"{url}{path}?{urlencode(query)}"
                while address.startswith(url):
                    answer = browser.get(address, allow_redirects=False)
                    if answer.status_code not in (302, 303):
                        raise RuntimeError(f"{address}: {answer.status_code} {answer.text[:300]}")
                    address = requests.compat.urljoin(address, answer.headers["Location"])
            held = {cookie.name: cookie.value for cookie in browser.cookies if cookie.path == "/"}
        cookies.append("; ".join(f"{name}={value}" for name, value in held.items()))
    return cookies


def as_lua(value: object) -> str:
    """Return ``value`` as a Lua expression."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"[{as_lua(key)}] = {as_lua(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "{" + ", ".join(as_lua(item) for item in value) + "}"
    if isinstance(value, bytes):
        return '"' + "".join(f"\\{octet:03d}" for octet in value) + '"'
    return json.dumps(value)


def _single(side: Side, *wanted: list[Any], expected: str) -> dict[str, Any]:
    method, path, headers, body = wanted[0]
    answer = requests.request(method, side.url + path, headers=headers, data=body or None)
    if answer.status_code != 200 or not re.search(expected, answer.text):
        raise RuntimeError(f"{side.name} {path}: {answer.status_code} {answer.text[:300]}")
    return {"kind": "single", "requests": list(wanted)}


def _exchange_for_each(side: Side, portal: Client, scope: str, number: int) -> list[dict[str, Any]]:
    with ThreadPoolExecutor(8) as pool:
        return list(
            pool.map(lambda at: _exchange(side, portal, side.cookies[at % len(side.cookies)], scope), range(number))
        )


def _exchange(side: Side, portal: Client, cookie: str, scope: str) -> dict[str, Any]:
    """Authorize and redeem once, and look at what came."""
    answer = requests.get(
        side.url + authorize_path(side, portal, scope), headers={"Cookie": cookie}, allow_redirects=False
    )
    location = answer.headers.get("Location", "")
    if answer.status_code != 303 or not location.startswith(REDIRECT_URI) or "code=" not in location:
        raise RuntimeError(f"{side.name} authorize: {answer.status_code} {location} {answer.text[:300]}")
    (code,) = parse_qs(urlsplit(location).query)["code"]
    answer = requests.post(
        side.url + side.paths["token"], headers=portal.authorization | _FORM, data=code_body() + quote(code, safe="")
    )
    document: dict[str, Any] = answer.json()
    if answer.status_code != 200:
        raise RuntimeError(f"{side.name} token: {answer.status_code} {answer.text[:300]}")
    header = document["id_token"].split(".")[0]
    algorithm = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["alg"]
    if algorithm != portal.algorithm or ("refresh_token" in document) != (scope == OFFLINE_SCOPE):
        raise RuntimeError(f"{side.name}: not what was asked for: {algorithm}, {sorted(document)}")
    return document


def _authorization_query(portal: Client, scope: str) -> dict[str, str]:
    return {
        "client_id": portal.client_id,
        "response_type": "code",
        "redirect_uri": REDIRECT_URI,
        "scope": scope,
        "state": "bench",
        "nonce": "bench-nonce",
        "code_challenge": _CHALLENGE,
        "code_challenge_method": "S256",
    }


def authorize_path(side: Side, portal: Client, scope: str) -> str:
    """Return path and query of an authorization request."""
    return f"{side.paths['authorize']}?{urlencode(_authorization_query(portal, scope))}"


def code_body() -> str:
    """Return the form that redeems a code, up to the code."""
    known = {"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    return urlencode(known) + "&code="


def _bearer(answer: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer['access_token']}"}
