"""What may be used once, used by many at once (attacks and faults, lines 4 and 26): exactly one of them succeeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey

from composition import Composition
from idp.accounts.person import Person
from idp.authentication import password
from kernel.clock import ManualClock
from kernel.identifiers import new_secret
from kernel.settings import Settings
from tests.faults.racing import AT_ONCE, ROUNDS, Race, run_race
from tests.faults.rounds import Figure, turns
from tests.idp.device import add_television, press, type_code
from tests.idp.dpop import ISSUER, Holder
from tests.idp.relying_party import RelyingParty, Visitor, add_visitor, at, register
from tests.idp.signing import make_signing_keys
from tests.idp.web_people.conftest import Walker, code, make_person

__all__ = ["code", "make_person"]

OFFLINE = "openid offline_access"
ONE_WINNER = Counter({200: 1, 400: AT_ONCE - 1})
ONE_AUTHENTICATED = Counter({200: 1, 401: AT_ONCE - 1})


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Nobody is asked to wait."""
    return settings.model_copy(update={"rate_limits": "off"})


@pytest.fixture
def race(composition: Composition, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Race]:
    """Two processes with signing keys."""
    make_signing_keys(composition, monkeypatch)
    with run_race(composition, clock, adopt=lambda each: None) as race:
        yield race


@pytest.fixture
def party(composition: Composition, race: Race) -> RelyingParty:
    """A confidential application."""
    return register(composition)


@pytest.fixture
def visitor(composition: Composition, race: Race) -> Visitor:
    """A person who is logged in with two factors."""
    visitor = add_visitor(composition, race.apps[0])
    visitor.log_in()
    return visitor


def _go(figure: Figure, clock: ManualClock, name: str, step: Callable[[int], None]) -> None:
    """Run the rounds of one race, a day apart: whoever failed too often in one may try again in the next."""
    done = 0
    for done, number in enumerate(turns(f"race, {name}", ROUNDS), 1):  # noqa: B007
        step(number)
        clock.advance(timedelta(days=1))
    figure(f"one winner of {AT_ONCE} at once, {name}", done, "rounds")


def test_a_code(race: Race, party: RelyingParty, visitor: Visitor, clock: ManualClock, figure: Figure) -> None:
    """RFC 6749 §4.1.2."""

    def step(_: int) -> None:
        visitor.log_in()
        issued = visitor.authorize(party)
        assert race.run(lambda http, _: party.exchange(http, issued).status_code) == ONE_WINNER

    _go(figure, clock, "code", step)


def test_a_refresh_token(race: Race, party: RelyingParty, visitor: Visitor, clock: ManualClock, figure: Figure) -> None:
    """RFC 9700 §4.14.2: one gets the next token; whether that one still lives is the rule of late repetitions."""

    def step(_: int) -> None:
        visitor.log_in()
        http = race.apps[0].test_client(use_cookies=False)
        token = party.exchange(http, visitor.authorize(party, scope=OFFLINE)).get_json()["refresh_token"]
        assert race.run(lambda http, _: party.refresh(http, token).status_code) == ONE_WINNER

    _go(figure, clock, "refresh token", step)


def test_a_device_code(
    race: Race, composition: Composition, visitor: Visitor, clock: ManualClock, figure: Figure
) -> None:
    """RFC 8628 §3.5."""
    television = add_television(composition, race.apps[1].test_client(use_cookies=False))

    def step(_: int) -> None:
        visitor.log_in()
        asked = television.ask()
        press(visitor, type_code(visitor, asked["user_code"]), "allow")

        def poll(http: FlaskClient, _: int) -> int:
            return type(television)(television.party, http).poll(asked["device_code"]).status_code

        assert race.run(poll) == ONE_WINNER

    _go(figure, clock, "device code", step)


def test_the_jti_of_an_assertion(race: Race, composition: Composition, clock: ManualClock, figure: Figure) -> None:
    """RFC 7523 §3."""
    key = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
    signer = register(
        composition,
        redirect_uris=[],
        post_logout_redirect_uris=[],
        grant_types=["client_credentials"],
        scope="tramites:leer",
        optional_scope="",
        resources=["https://api.example/"],
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [key.as_dict(private=False)]},
    )

    def step(_: int) -> None:
        now = at(clock.now())
        claims = {"iss": signer.client_id, "sub": signer.client_id, "aud": ISSUER, "jti": new_secret()}
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode({"alg": "ES256", "kid": "one"}, claims | {"iat": now, "exp": now + 60}, key),
        }
        assert race.run(lambda http, _: http.post("/token", data=form).status_code) == ONE_AUTHENTICATED

    _go(figure, clock, "assertion", step)


def test_the_jti_of_a_proof(
    race: Race, composition: Composition, party: RelyingParty, visitor: Visitor, clock: ManualClock, figure: Figure
) -> None:
    """RFC 9449 §11.1."""
    holder = Holder(composition)

    def step(_: int) -> None:
        visitor.log_in()
        http = race.apps[0].test_client(use_cookies=False)
        answer = party.exchange(http, visitor.authorize(party), party.basic() | holder.headers())
        shown = holder.showing(answer.get_json()["access_token"])
        assert race.run(lambda http, _: http.get("/userinfo", headers=shown).status_code) == ONE_AUTHENTICATED

    _go(figure, clock, "proof", step)


def test_a_totp_code(
    race: Race,
    make_person: Callable[..., Person],
    code: Callable[[], str],
    clock: ManualClock,
    figure: Figure,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RFC 6238 §5.2, from logins that all know the password and wait for the code."""
    monkeypatch.setattr(password, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    known = "carrera-de-cincuenta-logins-72"
    make_person(totp=True, password=known)

    def step(number: int) -> None:
        crowd = [Walker(race.apps[index % 2], f"198.51.{number % 200}.{index + 1}") for index in range(AT_ONCE)]
        paths = [walker.log_in(password=known).location for walker in crowd]
        for walker, path in zip(crowd, paths, strict=True):
            assert walker.get(path).status_code == 200
        data = {"step": "second_factor", "code": code()}
        answers: Counter[Any] = race.run(lambda _, index: crowd[index].post(paths[index], data).status_code)
        assert answers[303] == 1, answers
        assert set(answers) <= {303, 422, 429}

    _go(figure, clock, "TOTP code", step)
