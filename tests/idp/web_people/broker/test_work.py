"""Who signs in through an institution's provider works there, with what the provider's groups are worth."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.person import find_person_by_cedula
from idp.commands import commands
from idp.rights.belonging import institutions_of
from idp.rights.catalog import declare_rights
from idp.rights.declaration import parse_declaration
from idp.rights.groups.jobs import end_what_is_over
from idp.rights.holdings import holdings_of
from kernel.clock import ManualClock
from tests.idp.relying_party import register
from tests.idp.rights.conftest import declared
from tests.idp.web_people.broker.upstream import CEDULA, RUC, Events, Way
from tests.idp.web_people.conftest import Walker

Sau = Callable[..., Any]


@pytest.fixture
def sau(composition: Composition) -> Sau:
    """Run ``sau provider …`` and return what it prints as JSON."""
    group = next(each for each in commands(lambda: composition.idp) if each.name == "provider")

    def run(*arguments: str) -> Any:
        result = CliRunner().invoke(group, [*arguments, "--json"])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return json.loads(result.stdout)

    return run


@pytest.fixture
def client_id(composition: Composition, way: Way, sau: Sau) -> str:
    """The tax application, of which the provider's *caja* is a reader."""
    made = register(composition).client_id
    with composition.database.transaction() as session:
        declare_rights(
            session,
            journal=composition.idp.journal,
            declaration=parse_declaration(declared(made, institutions=[RUC])),
            actor="command",
            now=composition.clock.now(),
        )
    assert sau("change", "salud", "--groups-claim", "groups")["groups_claim"] == "groups"
    assert sau("map", "salud", "caja", "reader", "--client", made)["mapped"] is True
    return made


def held(composition: Composition, client_id: str) -> tuple[list[str], list[str]]:
    """Return where Rosa works, and her roles."""
    now = composition.clock.now()
    with composition.database.reading() as session:
        rosa = find_person_by_cedula(session, CEDULA)
        assert rosa is not None
        roles = holdings_of(session, person_id=rosa.id, client_id=client_id, now=now)
        return [each.ruc for each in institutions_of(session, rosa.id, now=now)], [each.role for each in roles]


def come(way: Way) -> None:
    """Sign in, in another browser."""
    assert Way(Walker(way.walker.app), way.upstream).go().back().status_code == 303


def test_groups_of_the_claim_are_given_kept_and_taken(
    way: Way, composition: Composition, client_id: str, events: Events, sau: Sau
) -> None:
    """Letter by letter; a claim that is gone is no group. What the account let go gave is taken away too."""
    assert sau("show", "salud")["groups"] == [f"caja → reader ({client_id})"]
    way.upstream.claims["groups"] = ["Caja"]
    come(way)
    assert held(composition, client_id) == ([RUC], [])
    way.upstream.claims["groups"] = ["caja", "otro"]
    come(way)
    (granted,) = events(EventType.ASSIGNMENT_GRANTED)
    assert granted.actor == "provider:salud"
    assert held(composition, client_id) == ([RUC], ["reader"])
    del way.upstream.claims["groups"]
    way.upstream.userinfo = {"sub": "u-1"}
    come(way)
    assert held(composition, client_id) == ([RUC], [])


def test_work_lasts_as_long_as_somebody_comes(
    way: Way, composition: Composition, client_id: str, clock: ManualClock, events: Events
) -> None:
    """Ninety days after the last login it is over: what rested on it ends, and a login begins it again."""
    way.upstream.claims["groups"] = ["caja"]
    come(way)
    clock.advance(timedelta(days=60))
    come(way)
    assert [each.actor for each in events(EventType.BELONGING_CHANGED)] == ["provider:salud"]
    clock.advance(timedelta(days=80))
    assert held(composition, client_id) == ([RUC], []), "the role was kept for thirty days"
    assert end_what_is_over(composition.idp) == 0
    clock.advance(timedelta(days=11))
    assert held(composition, client_id) == ([], [])
    assert (end_what_is_over(composition.idp), end_what_is_over(composition.idp)) == (1, 0)
    assert [each.actor for each in events(EventType.BELONGING_ENDED)] == ["worker"]
    come(way)
    assert held(composition, client_id) == ([RUC], ["reader"])


def test_an_account_that_is_let_go_gives_nothing(
    way: Way, composition: Composition, client_id: str, clock: ManualClock
) -> None:
    """What its groups gave goes with the link."""
    way.upstream.claims["groups"] = ["caja"]
    way.go().back()
    way.walker.get("/account/institutions")
    way.walker.post("/account/institutions/salud/unlink")
    assert held(composition, client_id)[1] == []
