"""From approval to certificate: what was reviewed is signed, once, and nothing is lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from sqlalchemy import func, select, update

from audit.model import AuditEvent
from ca.ceremony.hierarchy import Hierarchy
from ca.issuance import issue as issue_module
from ca.issuance import record as record_module
from ca.issuance.delivery import certificate_chain_pem, deliver_certificate
from ca.issuance.issue import issue_approved
from ca.issuance.model import Certificate
from ca.issuance.recovery import finish_issuance
from ca.requests.decide import approve_request
from ca.requests.model import CertificateRequest
from ca.requests.submit import submit_request
from ca.requests.view import RequestView, find_request
from ca.revocation.compromised_key import block_key
from ca.services import CaServices
from kernel.clock import ManualClock
from kernel.errors import Conflict, Fault, Rejected, Unavailable
from tests.ca.csr import make_csr
from tests.ca.ground import RUC, FakeInstitutions

pytestmark = pytest.mark.usefixtures("hierarchy")


def submit(services: CaServices, now: datetime, **overrides: Any) -> RequestView:
    """A TLS server request by ana."""
    arguments = {"profile": "tls-server", "csr": make_csr(), "institution_ruc": RUC, "requested_by": "ana"} | overrides
    with services.database.transaction() as session:
        return submit_request(session, services=services, now=now, **arguments)


def approve(services: CaServices, request: RequestView, now: datetime, approver: str = "luis") -> RequestView:
    """Approve what was seen."""
    with services.database.transaction() as session:
        return approve_request(
            session,
            services=services,
            request_id=request.id,
            approver=approver,
            tbs_sha256=request.tbs_sha256,
            now=now,
        )


def event_types(services: CaServices, object_id: str) -> list[tuple[str, str, str | None]]:
    """The events about an object, oldest first."""
    with services.database.reading() as session:
        rows = session.scalars(select(AuditEvent).where(AuditEvent.object_id == object_id).order_by(AuditEvent.id))
        return [(row.type, row.outcome, row.reason) for row in rows]


def test_what_was_approved_is_signed_byte_for_byte(services: CaServices, now: datetime) -> None:
    """The bytes fixed at submission are the certificate's, and it verifies under the issuing authority."""
    request = submit(services, now)
    approve(services, request, now)
    issued = issue_approved(services, request.id, now=now)
    certificate = x509.load_der_x509_certificate(issued.certificate_der)
    assert certificate.tbs_certificate_bytes == request.tbs_der
    assert issued.serial == request.serial


def test_inner_and_outer_algorithm_are_equal(services: CaServices, now: datetime, hierarchy: Hierarchy) -> None:
    """RFC 5280 §4.1.1.2; and the issuer's name is the authority's subject, byte for byte (§4.1.2.4)."""
    from asn1crypto.x509 import Certificate as Asn1Certificate

    request = submit(services, now)
    approve(services, request, now)
    parsed = Asn1Certificate.load(issue_approved(services, request.id, now=now).certificate_der)
    assert parsed["signature_algorithm"].dump() == parsed["tbs_certificate"]["signature"].dump()
    assert parsed["tbs_certificate"]["issuer"].dump() == hierarchy.issuing.subject.public_bytes()


def test_every_step_is_an_event(services: CaServices, now: datetime) -> None:
    """Submission, approval, issuance, signature and delivery are on record, each about its object."""
    request = submit(services, now)
    approve(services, request, now)
    issued = issue_approved(services, request.id, now=now)
    with services.database.transaction() as session:
        deliver_certificate(session, services=services, serial=issued.serial, actor="ana", now=now)
    assert [kind for kind, _, _ in event_types(services, request.id)] == [
        "ca:request:submitted",
        "ca:request:approved",
    ]
    assert [kind for kind, _, _ in event_types(services, issued.serial)] == [
        "ca:certificate:issued",
        "ca:certificate:signed",
        "ca:certificate:delivered",
    ]


def test_the_chain_is_delivered_without_the_root(services: CaServices, now: datetime, hierarchy: Hierarchy) -> None:
    """RFC 8446 §4.4.2: leaf first, then its issuer; the root is the client's to have."""
    request = submit(services, now)
    approve(services, request, now)
    issued = issue_approved(services, request.id, now=now)
    with services.database.reading() as session:
        chain = x509.load_pem_x509_certificates(certificate_chain_pem(session, issued.serial, now=now).encode())
    assert chain == [x509.load_der_x509_certificate(issued.certificate_der), hierarchy.issuing]


def test_an_unapproved_request_is_not_issued(services: CaServices, now: datetime) -> None:
    """Nothing is signed that waits for a second person."""
    request = submit(services, now)
    with pytest.raises(Conflict) as caught:
        issue_approved(services, request.id, now=now)
    assert caught.value.code == "request_not_approved"
    assert count_certificates(services, request) == 0


def test_a_status_written_past_the_approvals_does_not_sign(services: CaServices, now: datetime) -> None:
    """The quorum is counted again in the transaction that lets the key sign."""
    request = submit(services, now)
    with services.database.transaction() as session:
        session.execute(update(CertificateRequest).values(status="approved"))
    with pytest.raises(Fault) as caught:
        issue_approved(services, request.id, now=now)
    assert caught.value.code == "quorum_missing"
    assert count_certificates(services, request) == 0


def test_issuing_again_returns_the_same_certificate(services: CaServices, now: datetime) -> None:
    """A reload or a second worker makes no second certificate."""
    request = submit(services, now)
    approve(services, request, now)
    assert issue_approved(services, request.id, now=now) == issue_approved(services, request.id, now=now)


def test_many_who_issue_at_once_make_one_certificate(services: CaServices, now: datetime) -> None:
    """One row, one stored signature, one event of each kind, whoever wins."""
    request = submit(services, now)
    approve(services, request, now)
    with ThreadPoolExecutor(4) as pool:
        issued = list(pool.map(lambda _: issue_approved(services, request.id, now=now), range(4)))
    assert len({item.certificate_der for item in issued}) == 1
    kinds = [kind for kind, _, _ in event_types(services, request.serial)]
    assert sorted(kinds) == ["ca:certificate:issued", "ca:certificate:signed"]


def test_a_crash_before_the_signature_leaves_a_known_certificate_that_is_finished(
    services: CaServices, now: datetime, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row and its event are there before the key signs; the worker signs the recorded bytes later."""
    request = submit(services, now)
    approve(services, request, now)
    monkeypatch.setattr(record_module, "sign_to_be_signed", raiser(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        issue_approved(services, request.id, now=now)
    monkeypatch.undo()
    assert event_types(services, request.serial) == [("ca:certificate:issued", "success", None)]

    clock.advance(timedelta(minutes=2))
    assert finish_issuance(services) == 1
    with services.database.reading() as session:
        row = session.get_one(Certificate, request.serial)
        assert row.certificate_der is not None
        assert x509.load_der_x509_certificate(row.certificate_der).tbs_certificate_bytes == request.tbs_der


def test_database_gone_after_signing_leaves_the_certificate_known(
    services: CaServices, now: datetime, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signature is lost with the commit, the row is not: known, revocable, and signed again by the worker."""
    request = submit(services, now)
    approve(services, request, now)
    monkeypatch.setattr(record_module, "store_signed", raiser(Unavailable("gone")))
    with pytest.raises(Unavailable):
        issue_approved(services, request.id, now=now)
    monkeypatch.undo()
    assert count_certificates(services, request) == 1
    clock.advance(timedelta(minutes=2))
    finish_issuance(services)
    assert issue_approved(services, request.id, now=now).serial == request.serial


def test_a_crash_after_the_approval_is_finished_by_the_worker(
    services: CaServices, now: datetime, clock: ManualClock
) -> None:
    """An approved request is issued even if the process that took the approval died."""
    request = submit(services, now)
    approve(services, request, now)
    assert finish_issuance(services) == 0  # whoever approved is about to sign
    clock.advance(timedelta(minutes=2))
    assert finish_issuance(services) == 1
    assert count_certificates(services, request) == 1


def test_a_foreign_signature_never_leaves(services: CaServices, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own signature is verified before it is stored: a key mix-up stops here."""
    request = submit(services, now)
    approve(services, request, now)
    foreign = services.keystore.create("foreign", services.keystore.open("issuing-1").algorithm)
    monkeypatch.setattr(type(services.signers), "open", lambda self, name: foreign)
    with pytest.raises(Fault) as caught:
        issue_approved(services, request.id, now=now)
    assert caught.value.code == "bad_own_signature"
    with services.database.reading() as session:
        assert session.get_one(Certificate, request.serial).certificate_der is None


def test_a_key_reported_after_the_approval_is_not_certified(services: CaServices, now: datetime) -> None:
    """BR §6.1.1.3: the last look is right before the signature; the refusal is on record."""
    request = submit(services, now)
    approve(services, request, now)
    with services.database.transaction() as session:
        block_key(session, spki_sha256=request.spki_sha256, serial="00", compromised_at=None, now=now)
    with pytest.raises(Rejected) as caught:
        issue_approved(services, request.id, now=now)
    assert caught.value.code == "key_compromised"
    assert event_types(services, request.id)[-1] == ("ca:certificate:issuance_refused", "refused", "key_compromised")
    with services.database.reading() as session:
        view = find_request(session, services=services, request_id=request.id)
    assert (view.status, view.refusal_reason) == ("refused", "key_compromised")


def test_a_domain_withdrawn_after_the_approval_is_not_certified(
    services: CaServices, now: datetime, institutions: FakeInstitutions
) -> None:
    """The institution's register is asked again right before the signature."""
    request = submit(services, now)
    approve(services, request, now)
    institutions.records[RUC] = replace(institutions.records[RUC], domains=("otro.gob.ec",))
    with pytest.raises(Rejected) as caught:
        issue_approved(services, request.id, now=now)
    assert caught.value.code == "name_not_registered"


def test_an_approved_request_past_its_time_is_not_signed(services: CaServices, now: datetime) -> None:
    """BR §7.1.2.7: notBefore within 48 hours of the signature; 24 hours after submission the bytes are stale."""
    request = submit(services, now)
    approve(services, request, now)
    with pytest.raises(Conflict) as caught:
        issue_approved(services, request.id, now=now + timedelta(hours=24))
    assert caught.value.code == "request_expired"
    assert event_types(services, request.id)[-1][0] == "ca:request:expired"


def test_a_lint_that_is_new_since_the_approval_blocks(
    services: CaServices, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lints run again right before the signature."""
    request = submit(services, now)
    approve(services, request, now)
    monkeypatch.setattr(issue_module, "require_clean", raiser(Rejected("found", code="lint_blocked")))
    with pytest.raises(Rejected):
        issue_approved(services, request.id, now=now)
    assert event_types(services, request.id)[-1] == ("ca:certificate:issuance_refused", "refused", "lint_blocked")
    assert count_certificates(services, request) == 0


def count_certificates(services: CaServices, request: RequestView) -> int:
    """How many rows the request has."""
    with services.database.reading() as session:
        query = select(func.count()).select_from(Certificate).where(Certificate.request_id == request.id)
        return session.scalar(query) or 0


def raiser(error: BaseException) -> Callable[..., Any]:
    """A function that raises ``error``."""

    def raises(*arguments: object, **keywords: object) -> None:
        raise error

    return raises
