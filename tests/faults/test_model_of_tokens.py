"""Codes and refresh families through the real endpoints, beside a model of them: both always agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from werkzeug.test import TestResponse

from composition import Composition
from idp.authorization.code import CODE_LIFETIME
from idp.tokens.access_token import ACCESS_TOKEN_LIFETIME
from idp.tokens.family import OFFLINE_LIFETIME
from idp.tokens.token_set import REFRESH_IDLE_LIFETIME
from kernel.clock import ManualClock
from tests.faults.modelling import state_settings
from tests.faults.rounds import Figure
from tests.idp.relying_party import add_visitor, register
from tests.idp.signing import make_signing_keys
from wsgi import create_app

SCOPE = "openid profile offline_access"


@dataclass
class Family:
    """What came of one code. ``access``: the newest access token and when it was given."""

    born: datetime
    access: tuple[str, datetime] = ("", datetime.min)
    dead: bool = False


@dataclass
class Code:
    """An authorization code."""

    value: str
    given: datetime
    family: Family | None = None


@dataclass
class Refresh:
    """A refresh token of a family."""

    value: str
    given: datetime
    family: Family
    used: bool = False
    children: list[str] = field(default_factory=list)


def test_codes_and_families_are_what_the_model_says(
    composition: Composition, clock: ManualClock, figure: Figure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 6749 §4.1.2, RFC 9700 §4.14.2: one use each, and a second use ends all that came of it, for good."""
    make_signing_keys(composition, monkeypatch)
    app = create_app(composition)
    http = app.test_client(use_cookies=False)
    visitor, ours, others = add_visitor(composition, app), register(composition), register(composition)
    visitor.log_in()
    visitor.authorize(ours, scope=SCOPE)  # agreed once
    steps = 0

    class Tokens(RuleBasedStateMachine):
        codes = Bundle("codes")
        refreshes = Bundle("refreshes")

        @initialize()
        def nothing_yet(self) -> None:
            self.families: list[Family] = []
            self.known: list[Refresh] = []

        @rule(target=codes)
        def authorize(self) -> Code:
            visitor.log_in()
            return Code(visitor.authorize(ours, scope=SCOPE), clock.now())

        @rule(target=refreshes, code=codes)
        def redeem(self, code: Code) -> Refresh:
            """Right in all: good once and for a minute."""
            good = code.family is None and clock.now() < code.given + CODE_LIFETIME
            answer = ours.exchange(http, code.value)
            if code.family is not None:
                code.family.dead = True
            if not good:
                assert answer.get_json()["error"] == "invalid_grant"
                return Refresh("never-given", clock.now(), Family(clock.now(), dead=True))
            code.family = Family(clock.now())
            self.families.append(code.family)
            return self._received(answer, code.family)

        @rule(code=codes, how=st.sampled_from(["verifier", "address", "client"]))
        def redeem_wrongly(self, code: Code, how: str) -> None:
            """A wrong try uses no unused code up; a used one is a used one."""
            if how == "client":
                answer = ours.exchange(http, code.value, others.basic())
            elif how == "address":
                answer = ours.exchange(http, code.value, redirect_uri="https://portal.example/cb?tenant=1")
            else:
                answer = ours.exchange(http, code.value, code_verifier="w" * 43)
            assert answer.status_code == 400
            if code.family is not None:
                code.family.dead = True

        @rule(target=refreshes, token=refreshes)
        def refresh(self, token: Refresh) -> Refresh:
            """The next one, once; a second use is theft."""
            good = self._refreshes(token)
            answer = ours.refresh(http, token.value)
            if token.used:
                token.family.dead = True
            if not good:
                assert answer.get_json()["error"] == "invalid_grant"
                return Refresh("never-given", clock.now(), Family(clock.now(), dead=True))
            token.used = True
            return self._received(answer, token.family)

        @rule(token=refreshes)
        def refresh_too_much(self, token: Refresh) -> None:
            """RFC 6749 §6: a scope that was never granted is refused, and the token not used up."""
            answer = ours.refresh(http, token.value, scope="openid cedula")
            assert answer.status_code == 400

        @rule(token=refreshes)
        def revoke(self, token: Refresh) -> None:
            """RFC 7009: the whole family, whichever of its tokens is named."""
            assert http.post("/revoke", data={"token": token.value}, headers=ours.basic()).status_code == 200
            token.family.dead = True

        @rule(seconds=st.sampled_from([1, 20, 59, 61, 299, 3600, 13 * 86400]))
        def wait(self, seconds: int) -> None:
            clock.advance(timedelta(seconds=seconds))

        @invariant()
        def access_tokens_open_while_they_and_their_family_live(self) -> None:
            nonlocal steps
            steps += 1
            for family in getattr(self, "families", [])[-3:]:
                token, given = family.access
                opens = not family.dead and clock.now() < given + ACCESS_TOKEN_LIFETIME
                answer = http.get("/userinfo", headers={"Authorization": f"Bearer {token}"})
                assert answer.status_code == (200 if opens else 401), (family, answer.get_json())

        @invariant()
        def a_living_family_has_one_token_that_goes_on(self) -> None:
            for family in getattr(self, "families", []):
                unused = [token for token in self.known if token.family is family and not token.used]
                assert len(unused) == 1

        def _refreshes(self, token: Refresh) -> bool:
            now = clock.now()
            fresh = now < token.given + REFRESH_IDLE_LIFETIME and now < token.family.born + OFFLINE_LIFETIME
            return fresh and not token.used and not token.family.dead

        def _received(self, answer: TestResponse, family: Family) -> Refresh:
            assert answer.status_code == 200, answer.get_json()
            document = answer.get_json()
            family.access = (document["access_token"], clock.now())
            made = Refresh(document["refresh_token"], clock.now(), family)
            assert made.value not in {each.value for each in self.known}
            self.known.append(made)
            return made

    run_state_machine_as_test(Tokens, settings=state_settings(5, 300))
    figure("steps of tokens beside their model", steps, "steps")
