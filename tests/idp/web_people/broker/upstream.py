"""Another provider, in place of the network, and a browser on its way through it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from composition import Composition
from idp.authentication.browser_session import BrowserSession
from idp.broker.register import WantedProvider, add_provider, discover
from idp.directory.institutions import add_institution
from idp.protocol.token_hash import left_half_hash
from kernel.clock import to_timestamp
from kernel.identifiers import b64url, sha256
from kernel.secret_text import SecretText
from outgoing.answer import Answer
from outgoing.errors import OutgoingError, OutgoingReason
from tests.idp.web_people.conftest import Walker

ISSUER = "https://sso.salud.gob.ec"
CEDULA = "0912345675"
RUC = "1760013210001"
ROSA = {"sub": "u-1", "cedula": CEDULA, "given_name": "Rosa Elena", "family_name": "Chimbo Andi"}
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass
class Upstream:
    """Another provider, in place of the network: answers what was asked of it, or what a test wants instead."""

    composition: Composition
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "one", "use": "sig"}))
    claims: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "u-1",
            "cedula": CEDULA,
            "given_name": "Rosa Elena",
            "family_name": "Chimbo Andi",
        }
    )
    published: list[ECKey] | None = None
    header: dict[str, str] = field(default_factory=lambda: {"alg": "ES256", "kid": "one"})
    signer: Any = None
    down: bool = False
    forms: list[dict[str, str]] = field(default_factory=list)
    userinfo: dict[str, Any] | OutgoingError | None = None
    asked_userinfo: list[str] = field(default_factory=list)
    nonce: str = ""
    challenge: str = ""

    def fetch(self, url: str, headers: dict[str, str] | None = None, **_: Any) -> Answer:
        """Discovery, keys, and UserInfo where a test has it."""
        if url.endswith("/userinfo"):
            self.asked_userinfo.append((headers or {})["Authorization"])
            if isinstance(self.userinfo, OutgoingError):
                raise self.userinfo
            return self._answer(self.userinfo)
        if url.endswith("/jwks"):
            keys = [key.as_dict(private=False) for key in self.published or [self.key]]
            return self._answer({"keys": keys})
        return self._answer(
            {
                "issuer": ISSUER,
                "authorization_endpoint": f"{ISSUER}/auth",
                "token_endpoint": f"{ISSUER}/token",
                "jwks_uri": f"{ISSUER}/jwks",
                "userinfo_endpoint": f"{ISSUER}/userinfo",
                "end_session_endpoint": f"{ISSUER}/end",
                "response_types_supported": ["code"],
                "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    def send(self, url: str, *, body: bytes, headers: Any = None, **_: Any) -> Answer:
        """The token endpoint: verifies the PKCE verifier as a provider does."""
        if self.down:
            raise OutgoingError(OutgoingReason.TIMED_OUT)
        form = dict(parse_qsl(body.decode()))
        self.forms.append({**form, **(headers or {})})
        if form["code"] != "the-code" or b64url(sha256(form["code_verifier"].encode())) != self.challenge:
            return self._answer({"error": "invalid_grant"}, 400)
        return self._answer({"access_token": "at", "token_type": "Bearer", "id_token": self.id_token()})

    def require_target(self, url: str) -> None:
        """Any."""

    def id_token(self) -> str:
        """Sign the claims of the moment."""
        now = to_timestamp(self.composition.clock.now())
        usual = {
            "iss": ISSUER,
            "aud": "sau",
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            "at_hash": left_half_hash("at", algorithm="ES256"),
        }
        return self.sign({**usual, **self.claims})

    def sign(self, claims: dict[str, Any]) -> str:
        """Sign anything."""
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.header["alg"] == "none":
            return ".".join(b64url(json.dumps(part).encode()) for part in (self.header, claims)) + "."
        return str(jwt.encode(self.header, claims, self.signer or self.key, algorithms=[self.header["alg"]]))

    def _answer(self, document: Any, status: int = 200) -> Answer:
        return Answer(status, {"content-type": "application/json"}, json.dumps(document).encode())


def register(composition: Composition, **changed: Any) -> None:
    """Add the provider as the command does."""
    services, now = composition.idp, composition.clock.now()
    values: dict[str, Any] = {
        "name": "salud",
        "title": "Ministerio de Salud Pública",
        "ruc": RUC,
        "issuer": ISSUER,
        "client_id": "sau",
        "secret": SecretText("s%cr et"),
        "scopes": ["cedula"],
        "domains": ["salud.gob.ec"],
        "cedula_claim": "cedula",
        "strengths": {"mfa": "2fa"},
        "level": 2,
        "creates_people": True,
    }
    discovered = discover(services, ISSUER)
    with composition.database.transaction() as session:
        add_institution(session, journal=services.journal, ruc=RUC, name="Salud", now=now)
        add_provider(
            session, services=services, wanted=WantedProvider(**{**values, **changed}), discovered=discovered, now=now
        )


def change(composition: Composition, **values: Any) -> None:
    """Change what the operator declared."""
    from sqlalchemy import update

    from idp.broker.model import UpstreamProviderRow

    with composition.database.transaction() as session:
        session.execute(update(UpstreamProviderRow).values(**values))


@dataclass
class Way:
    """A browser on its way through the provider."""

    walker: Walker
    upstream: Upstream
    state: str = ""

    def go(self) -> Way:
        """Choose the institution; the provider sees the request."""
        path = self.walker.open_login()
        assert "Ministerio de Salud" in self.walker.get(f"{path}/institution").text
        return self.leave(self.walker.post(f"{path}/institution", {"provider": "salud"}))

    def leave(self, answer: TestResponse) -> Way:
        """Look at where the browser is sent."""
        assert answer.status_code == 303, answer.text
        assert answer.location.startswith(f"{ISSUER}/auth?")
        asked = {name: values[0] for name, values in parse_qs(urlsplit(answer.location).query).items()}
        assert asked["redirect_uri"] == "http://localhost:8000/broker/salud/callback"
        assert asked["code_challenge_method"] == "S256"
        assert asked["scope"] == "openid profile email cedula"
        self.state, self.upstream.nonce, self.upstream.challenge = (
            asked["state"],
            asked["nonce"],
            asked["code_challenge"],
        )
        return self

    def back(self, walker: Walker | None = None, **changed: str | None) -> TestResponse:
        """Come back with the provider's answer."""
        values = {"state": self.state, "code": "the-code", "iss": ISSUER, **changed}
        query = {name: value for name, value in values.items() if value is not None}
        return (walker or self.walker).get("/broker/salud/callback", query_string=query)


Sessions = Callable[[Walker], BrowserSession | None]
Events = Callable[..., list[Any]]
