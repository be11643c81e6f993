"""Fixtures of automatic issuance: the application, a client with an account, and what proofs it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ca.acme.authorization import PROVE_CONTROL
from ca.acme.credential import NewCredential, issue_credential
from ca.acme.proof import Claim, NotProvedError
from ca.acme.prove import prove_control
from ca.services import CaServices
from kernel.clock import ManualClock
from kernel.outbox import run_due
from tests.ca.acme.client import AcmeClient
from tests.ca.ground import RUC, hierarchy, institutions, now, services
from wsgi import create_app

__all__ = ["hierarchy", "institutions", "now", "services"]
NAME = "tramites.pruebas.gob.ec"


@dataclass
class ToldProver:
    """Sees what the test says is there: nothing is asked of the network."""

    failure: NotProvedError | None = None
    looked: list[Claim] = field(default_factory=list)

    def look(self, claim: Claim) -> int:
        """See :class:`ca.acme.perspectives.Prover`."""
        self.looked.append(claim)
        if self.failure is not None:
            raise self.failure
        return 1


@pytest.fixture
def app(composition: Any, services: CaServices, hierarchy: object) -> Flask:
    """The whole application over the register in memory."""
    composition.__dict__["ca"] = services
    return create_app(composition)


@pytest.fixture
def http(app: Flask) -> FlaskClient:
    """A client of the application."""
    return app.test_client()


@pytest.fixture
def give_credential(services: CaServices, clock: ManualClock, hierarchy: object) -> Callable[..., NewCredential]:
    """Makes credentials: takes the keywords of :func:`issue_credential`."""

    def give(**chosen: Any) -> NewCredential:
        with services.database.transaction() as session:
            keywords = {"institution_ruc": RUC, "actor": "command:test", "now": clock.now()} | chosen
            return issue_credential(session, services=services, **keywords)

    return give


@pytest.fixture
def new_client(http: FlaskClient, give_credential: Callable[..., NewCredential]) -> Callable[..., AcmeClient]:
    """Makes clients with an account: takes the keywords of :func:`issue_credential`."""

    def make(**chosen: Any) -> AcmeClient:
        client, credential = AcmeClient(http), give_credential(**chosen)
        assert client.register(client.binding(credential.key_id, credential.mac_key)).status_code == 201
        return client

    return make


@pytest.fixture
def acme(new_client: Callable[..., AcmeClient]) -> AcmeClient:
    """A client with an account of the first institution."""
    return new_client()


@pytest.fixture
def prover() -> ToldProver:
    """Sees every proof until it is told otherwise."""
    return ToldProver()


@pytest.fixture
def look(services: CaServices, clock: ManualClock, prover: ToldProver) -> Callable[[], int]:
    """Runs the worker's part once; returns how many tasks were finished."""

    def run() -> int:
        handlers = {
            PROVE_CONTROL: lambda task: prove_control(
                services, prover, authorization_id=task.payload["authorization_id"], looks=task.attempts
            )
        }
        return run_due(services.database, handlers, now=clock.now())

    return run


@pytest.fixture
def ready_order(look: Callable[[], int]) -> Callable[..., Any]:
    """Places an order and proves its names; returns it."""

    def make(client: AcmeClient, *names: str, **members: Any) -> Any:
        order = client.order(*names, **members)
        assert order.status_code == 201, order.text
        for authorization in client.authorizations(order):
            client.begin(authorization, "dns-01")
        look()
        return client.post(order.headers["Location"])

    return make
