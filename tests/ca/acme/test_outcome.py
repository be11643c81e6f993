"""What comes of a proof, and of what was half done (RFC 8555 §7.1.6, §8.2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from audit.model import AuditEvent
from ca.acme.problem import Kind
from ca.acme.proof import NotProvedError
from ca.acme.upkeep import finish_orders
from ca.issuance.authority import CrossCertificate, load_authority
from ca.services import CaServices
from kernel.clock import ManualClock
from kernel.errors import Unavailable
from tests.ca.acme.client import AcmeClient, problem
from tests.ca.acme.conftest import NAME, ToldProver


def test_a_proof_is_looked_at_a_few_times_and_then_given_up(
    acme: AcmeClient, prover: ToldProver, look: Callable[[], int], clock: ManualClock, services: CaServices
) -> None:
    """§8.2: while it is looked at the challenge is processing and says what was wrong; then all of it is invalid."""
    prover.failure = NotProvedError(Kind.CONNECTION, "No.")
    order = acme.order(NAME)
    [authorization] = acme.authorizations(order)
    begun = acme.begin(authorization, "http-01")
    assert begun.json["status"] == "processing"
    assert begun.headers["Retry-After"] == "1"
    assert f'<{order.json["authorizations"][0]}>;rel="up"' in begun.headers.getlist("Link")
    for number in (1, 2, 3):
        look()
        shown = acme.authorizations(order)[0]
        assert (len(prover.looked), shown["status"]) == (number, "pending")
        [tried] = [each for each in shown["challenges"] if each["type"] == "http-01"]
        assert (tried["status"], tried["error"]["detail"]) == ("processing", "No.")
        clock.advance(timedelta(seconds=10))
    look()
    shown = acme.authorizations(order)[0]
    assert (shown["status"], [each["status"] for each in shown["challenges"]]) == ("invalid", ["invalid"])
    failed = acme.post(order.headers["Location"]).json
    assert (failed["status"], failed["error"]["type"]) == ("invalid", "urn:ietf:params:acme:error:connection")
    assert failed["error"]["identifier"] == {"type": "dns", "value": NAME}
    with services.database.reading() as session:
        kind = "ca:acme_control:not_proved"
        assert session.scalars(select(AuditEvent.reason).where(AuditEvent.type == kind)).all() == ["connection"]


def test_a_refusal_for_good_is_not_repeated(acme: AcmeClient, prover: ToldProver, look: Callable[[], int]) -> None:
    """An internal address, or CAA: looking again cannot help."""
    prover.failure = NotProvedError(Kind.CAA, "No.", final=True)
    order = acme.order(NAME)
    acme.begin(acme.authorizations(order)[0], "dns-01")
    look()
    assert acme.authorizations(order)[0]["status"] == "invalid"


def test_the_first_challenge_that_is_chosen_counts(
    acme: AcmeClient, prover: ToldProver, look: Callable[[], int]
) -> None:
    """§7.1.6: an authorization has one outcome; asking twice looks once."""
    authorization = acme.authorizations(acme.order(NAME))[0]
    acme.begin(authorization, "dns-01")
    acme.begin(authorization, "dns-01")
    assert acme.begin(authorization, "http-01").json["status"] == "pending"
    assert look() == 1
    assert [each.type for each in prover.looked] == ["dns-01"]
    assert acme.begin(authorization, "dns-01").json["status"] == "valid"


def test_a_name_that_fails_often_has_to_wait(
    acme: AcmeClient, prover: ToldProver, look: Callable[[], int], monkeypatch: Any
) -> None:
    """§6.6: nobody has us knock at a server without end."""
    monkeypatch.setattr("ca.acme.order.MOST_FAILURES", 1)
    prover.failure = NotProvedError(Kind.CAA, "No.", final=True)
    acme.begin(acme.authorizations(acme.order(NAME))[0], "dns-01")
    look()
    assert problem(acme.order(NAME)) == (429, "rateLimited")
    assert acme.order(f"otro.{NAME}").status_code == 201


def test_what_is_given_up_ends_its_order(acme: AcmeClient, ready_order: Callable[..., Any]) -> None:
    """§7.5.2: deactivating an authorization."""
    order = ready_order(acme, NAME)
    url = order.json["authorizations"][0]
    assert problem(acme.post(url, {"status": "valid"})) == (400, "malformed")
    assert acme.post(url, {"status": "deactivated"}).json["status"] == "deactivated"
    assert problem(acme.finalize(order, [NAME])) == (403, "orderNotReady")


def test_a_signature_that_is_late_comes_later(
    acme: AcmeClient, ready_order: Callable[..., Any], services: CaServices, clock: ManualClock, monkeypatch: Any
) -> None:
    """§7.4: processing with Retry-After while the key does not answer; then the worker goes on, one certificate."""
    order = ready_order(acme, NAME)

    def absent(*_arguments: Any, **_keywords: Any) -> None:
        raise Unavailable("The key does not answer.")

    with monkeypatch.context() as without_key:
        without_key.setattr("ca.acme.finalize.sign_enrolled", absent)
        waiting = acme.finalize(order, [NAME])
        assert (waiting.json["status"], waiting.headers["Retry-After"]) == ("processing", "1")
    assert finish_orders(services, now=clock.now()) == 1
    done = acme.post(waiting.headers["Location"])
    assert done.json["status"] == "valid"
    assert acme.download(done).count("BEGIN CERTIFICATE") == 2


def test_a_crossed_root_gives_a_chain_to_each(
    acme: AcmeClient, ready_order: Callable[..., Any], services: CaServices, monkeypatch: Any
) -> None:
    """§7.4.2: alternative chains are linked from each other, each leads one way."""
    done = acme.finalize(ready_order(acme, NAME), [NAME])
    url = done.json["certificate"]
    alone = acme.post(url)
    assert "alternate" not in str(alone.headers.getlist("Link"))
    with services.database.reading() as session:
        root = load_authority(session, "root")
    crossed = [CrossCertificate("root-2-by-root", "root", root.certificate_der)]
    monkeypatch.setattr("ca.acme.download.cross_certificates", lambda *_, **__: crossed)
    services.chains.forget()  # by the clock, seconds later
    preferred, other = acme.post(url), acme.post(f"{url}/1")
    assert f'<{url}/1>;rel="alternate"' in preferred.headers.getlist("Link")
    assert f'<{url}>;rel="alternate"' in other.headers.getlist("Link")
    assert preferred.text.count("BEGIN") == 3
    assert preferred.text.startswith(other.text) and other.text == alone.text
    assert problem(acme.post(f"{url}/2")) == (404, "malformed")
