"""Proofs looked at where they are told of, and what of many at once happens once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import ECKey
from sqlalchemy import func, select, update

from audit.model import AuditEvent
from ca.acme.looker import HEAD_START, Looker
from ca.acme.model import Order
from ca.acme.problem import Kind
from ca.acme.proof import NotProvedError
from ca.acme.upkeep import finish_orders
from ca.register.public_search import search_certificates
from ca.services import CaServices
from kernel.clock import ManualClock
from kernel.errors import Unavailable
from kernel.outbox import OutboxTask
from tests.ca.acme.client import AcmeClient, flattened, problem, public
from tests.ca.acme.conftest import NAME, ToldProver
from wsgi import create_app


@pytest.fixture
def looker(app: Flask, services: CaServices, prover: ToldProver) -> Looker:
    """Lets the application look at once, as one that serves does."""
    made = app.extensions["ca.acme.looker"] = Looker(services, lambda: prover)
    return made


def count_events(services: CaServices, kind: str) -> int:
    """How many events of a kind there are."""
    with services.database.reading() as session:
        return session.scalar(select(func.count()).where(AuditEvent.type == kind)) or 0


def count_tasks(services: CaServices) -> int:
    """How many tasks wait."""
    with services.database.reading() as session:
        return session.scalar(select(func.count()).select_from(OutboxTask)) or 0


@pytest.mark.usefixtures("looker")
def test_a_proof_that_is_there_is_seen_in_the_answer(acme: AcmeClient, services: CaServices) -> None:
    """§7.5.1: the client is told at once; of several names, the last one makes the order ready; nobody looks again."""
    order = acme.order(NAME, f"otro.{NAME}")
    first, second = acme.authorizations(order)
    assert acme.begin(first, "http-01").json["status"] == "valid"
    assert acme.post(order.headers["Location"]).json["status"] == "pending"
    assert acme.begin(second, "dns-01").json["status"] == "valid"
    assert acme.post(order.headers["Location"]).json["status"] == "ready"
    assert (count_tasks(services), count_events(services, "ca:acme_control:proved")) == (0, 2)


@pytest.mark.usefixtures("looker")
def test_what_is_not_seen_at_once_is_the_workers(
    acme: AcmeClient, services: CaServices, prover: ToldProver, look: Callable[[], int], clock: ManualClock
) -> None:
    """§8.2: a change that was just made takes a moment to be seen: the worker looks two seconds later."""
    prover.failure = NotProvedError(Kind.CONNECTION, "No.")
    order = acme.order(NAME)
    begun = acme.begin(acme.authorizations(order)[0], "http-01")
    assert (begun.json["status"], begun.json["error"]["detail"]) == ("processing", "No.")
    assert count_tasks(services) == 1
    prover.failure = None
    clock.advance(timedelta(seconds=2))
    assert look() == 1
    assert acme.post(order.headers["Location"]).json["status"] == "ready"


def test_whoever_cannot_look_at_once_leaves_it_to_the_worker(
    acme: AcmeClient, services: CaServices, looker: Looker, look: Callable[[], int], clock: ManualClock
) -> None:
    """More proofs than threads and places, or a process that dies while it looks."""
    held = 0
    while looker.reserve():
        held += 1
    order = acme.order(NAME)
    assert acme.begin(acme.authorizations(order)[0], "http-01").json["status"] == "processing"
    assert look() == 1
    for _ in range(held):
        looker.leave()
    looker.look = lambda *_arguments, **_keywords: (False, None)  # type: ignore[method-assign]  # it dies
    later = acme.order(NAME)
    assert acme.begin(acme.authorizations(later)[0], "http-01").json["status"] == "processing"
    assert look() == 0
    clock.advance(HEAD_START)
    assert look() == 1
    assert acme.post(later.headers["Location"]).json["status"] == "ready"


def test_of_two_orders_that_replace_one_certificate_the_database_takes_one(
    acme: AcmeClient, services: CaServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 9773 §5: both had looked before either was stored; what came to nothing replaces nothing."""
    monkeypatch.setattr("ca.acme.order.require_replaceable", lambda _session, *, member, **_more: member)
    assert acme.order(NAME, replaces="AAAA.AQ").status_code == 201
    assert problem(acme.order(NAME, replaces="AAAA.AQ")) == (409, "alreadyReplaced")
    with services.database.transaction() as session:
        session.execute(update(Order).values(status="invalid"))
    assert acme.order(NAME, replaces="AAAA.AQ").status_code == 201


def test_a_certificate_is_delivered_once_however_often_it_is_taken(
    acme: AcmeClient, ready_order: Callable[..., Any], services: CaServices, clock: ManualClock, monkeypatch: Any
) -> None:
    """The hand-over is on record when the certificate leaves, once; so is the order that was fulfilled late."""

    def absent(*_arguments: Any, **_keywords: Any) -> None:
        raise Unavailable("The key does not answer.")

    with monkeypatch.context() as without_key:
        without_key.setattr("ca.acme.finalize.sign_enrolled", absent)
        waiting = acme.finalize(ready_order(acme, NAME), [NAME])
    for _ in range(2):
        finish_orders(services, now=clock.now())
    done = acme.post(waiting.headers["Location"])
    assert count_events(services, "ca:certificate:delivered") == 0
    assert acme.download(done) == acme.download(done)
    for kind in ("ca:certificate:delivered", "ca:acme_order:fulfilled", "ca:certificate:signed"):
        assert count_events(services, kind) == (3 if kind.endswith("signed") else 1), kind


def test_a_key_that_was_changed_elsewhere_opens_nothing(acme: AcmeClient, composition: Any) -> None:
    """§7.3.5: a process that has met the old key neither accepts it nor refuses the new one."""
    elsewhere = AcmeClient(create_app(composition).test_client(), key=acme.key, account=acme.account)
    assert elsewhere.post(elsewhere.account).status_code == 200
    new, url = ECKey.generate_key("P-256"), f"{acme.origin}/acme/key-change"
    inner = {"account": acme.account, "oldKey": public(acme.key)}
    message = flattened({"alg": "ES256", "jwk": public(new), "url": url}, str(inner).replace("'", '"').encode(), new)
    assert acme.post(url, message).status_code == 200
    assert problem(elsewhere.post(elsewhere.account)) == (403, "unauthorized")
    elsewhere.key = new
    assert elsewhere.post(elsewhere.account).status_code == 200


def test_an_institution_is_found_by_its_name_though_its_certificates_name_servers(
    acme: AcmeClient, ready_order: Callable[..., Any], services: CaServices
) -> None:
    """The subject of an automatic certificate is a server; the public register knows whose it is."""
    acme.download(acme.finalize(ready_order(acme, NAME), [NAME]))
    with services.database.reading() as session:
        found = search_certificates(session, words="ministerio de pruebas")
    assert [each.names for each in found.certificates] == [(NAME,)]
