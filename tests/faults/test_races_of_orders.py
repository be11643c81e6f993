"""One order finalized, one certificate replaced, by many at once (attacks and faults, 26): exactly one succeeds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from audit.model import AuditEvent
from audit.vocabulary import EventType
from ca.acme.model import Order
from ca.ceremony.hierarchy import Hierarchy
from ca.issuance.model import Certificate
from ca.services import CaServices
from composition import Composition
from kernel.clock import ManualClock
from kernel.settings import Settings
from tests.ca.acme.client import AcmeClient, csr_member, flattened
from tests.ca.acme.conftest import NAME, acme, give_credential, http, look, new_client, prover, ready_order
from tests.ca.acme.test_renewal_and_revocation import identifier, issue
from tests.ca.csr import make_csr
from tests.ca.ground import hierarchy, institutions, now, services
from tests.faults import turns
from tests.faults.racing import AT_ONCE, ROUNDS, Race, run_race
from tests.faults.rounds import Figure

__all__ = [
    "acme",
    "give_credential",
    "hierarchy",
    "http",
    "institutions",
    "look",
    "new_client",
    "now",
    "prover",
    "ready_order",
    "services",
]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Nobody is asked to wait."""
    return settings.model_copy(update={"rate_limits": "off"})


@pytest.fixture
def race(composition: Composition, services: CaServices, hierarchy: Hierarchy, clock: ManualClock) -> Iterator[Race]:
    """Two processes over the register in memory."""

    def adopt(each: Composition) -> None:
        each.__dict__["ca"] = replace(each.ca, institutions=services.institutions, people=services.people)

    with run_race(composition, clock, adopt=adopt) as race:
        yield race


@pytest.fixture
def app(race: Race) -> Flask:
    """The first of the two, for what is done alone."""
    return race.apps[0]


def _bodies(client: AcmeClient, url: str, member: dict[str, Any]) -> list[dict[str, str]]:
    """The same message for each sender, with a nonce of its own."""
    payload = json.dumps(member).encode()
    return [flattened(client.header(url), payload, client.key) for _ in range(AT_ONCE)]


def _send(race: Race, client: AcmeClient, url: str, member: dict[str, Any]) -> Counter[int]:
    bodies, path = _bodies(client, url, member), url.removeprefix(client.origin)

    def post(http: FlaskClient, number: int) -> int:
        return http.post(path, json=bodies[number], content_type="application/jose+json").status_code

    return race.run(post)


def test_an_order_is_finalized_once(
    race: Race,
    acme: AcmeClient,
    ready_order: Callable[..., Any],
    composition: Composition,
    clock: ManualClock,
    figure: Figure,
) -> None:
    """RFC 8555 §7.4: of many at once one is taken, one certificate comes of it, and is delivered once on record."""
    number = 0
    for number in (turn + 1 for turn in turns("race, finalize", ROUNDS)):
        url = ready_order(acme, NAME).json["finalize"]
        answers = _send(race, acme, url, {"csr": csr_member(make_csr(common_name=None, dns=[NAME]))})
        assert answers == {200: 1, 403: AT_ONCE - 1}
        with composition.database.reading() as session:
            made = session.scalar(select(func.count()).where(Certificate.profile == "tls-server-acme"))
            delivered = session.scalar(
                select(func.count()).where(AuditEvent.type == EventType.CERTIFICATE_DELIVERED.value)
            )
        assert made == number
        assert delivered is not None and delivered <= number
        clock.advance(timedelta(minutes=30))
    figure(f"one winner of {AT_ONCE} at once, finalize", number, "rounds")


def test_a_certificate_is_replaced_once(
    race: Race,
    acme: AcmeClient,
    ready_order: Callable[..., Any],
    composition: Composition,
    clock: ManualClock,
    figure: Figure,
) -> None:
    """RFC 9773 §5: of many orders that say they replace it, one."""
    number = 0
    for number in (turn + 1 for turn in turns("race, replaces", ROUNDS)):
        replaced = identifier(issue(acme, ready_order))
        member = {"identifiers": [{"type": "dns", "value": NAME}], "replaces": replaced}
        answers = _send(race, acme, f"{acme.origin}/acme/new-order", member)
        assert answers == {201: 1, 409: AT_ONCE - 1}
        with composition.database.reading() as session:
            assert session.scalar(select(func.count()).select_from(Order).where(Order.replaces.is_not(None))) == number
        clock.advance(timedelta(minutes=30))
    figure(f"one winner of {AT_ONCE} at once, replaces", number, "rounds")
