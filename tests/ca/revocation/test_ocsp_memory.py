"""What the responder remembers: fresh within moments of a revocation, bounded, silent when it cannot look.

Certificate authority, line 20: pre-signed answers, and a revocation shows within seconds, in every process.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from ca.revocation import ocsp as ocsp_module
from ca.revocation import status_watch
from ca.revocation.answer_memory import LONGEST_REQUEST, AnswerMemory
from ca.revocation.cert_id import IssuerId
from ca.revocation.ocsp import OcspResponder
from ca.revocation.ocsp_answer import ANSWER_LIFETIME, OcspAnswer
from ca.revocation.ocsp_request import StatusRequest
from ca.revocation.ocsp_signer import renew_ocsp_signers
from kernel.clock import ManualClock
from kernel.errors import Unavailable
from tests.ca.hierarchy import Hierarchy
from tests.ca.revocation.steps import issue, revoke
from tests.ca.revocation.test_ocsp import question

A_LONG_TIME = 3600.0
CertStatus = ocsp.OCSPCertStatus


@pytest.fixture
def responder(hierarchy: Hierarchy, clock: ManualClock) -> OcspResponder:
    """One that looks once and then believes for an hour, as if all happened within a moment."""
    renew_ocsp_signers(hierarchy.services, now=clock.now())
    return OcspResponder(hierarchy.services, look_every=A_LONG_TIME)


def status(responder: OcspResponder, request: bytes, clock: ManualClock) -> ocsp.OCSPCertStatus:
    return ocsp.load_der_ocsp_response(responder.answer(request, now=clock.now()).der).certificate_status


def request_for(hierarchy: Hierarchy, certificate: x509.Certificate) -> bytes:
    return question(certificate, hierarchy.issuing_certificate)


def test_what_was_answered_is_at_hand_by_the_octets_of_the_request(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock
) -> None:
    """RFC 5019 §6: pre-produced answers; no database is asked within the moment that a look is good for."""
    request = request_for(hierarchy, issue(hierarchy))
    assert responder.at_hand(request, now=clock.now()) is None
    first = responder.answer(request, now=clock.now())
    kept = responder.at_hand(request, now=clock.now())
    assert kept is not None
    assert kept.answer is first
    clock.advance(ANSWER_LIFETIME / 2)
    assert responder.at_hand(request, now=clock.now()) is None


def test_a_revocation_elsewhere_shows_with_the_next_look_and_touches_nothing_else(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock
) -> None:
    """The revoking process tells nobody: whoever looks at the database finds it."""
    leaf = issue(hierarchy)
    revoked, other = request_for(hierarchy, leaf), request_for(hierarchy, issue(hierarchy))
    for request in (revoked, other):
        assert status(responder, request, clock) is CertStatus.GOOD
    others_answer = responder.answer(other, now=clock.now())
    revoke(hierarchy, leaf)
    assert status(responder, revoked, clock) is CertStatus.GOOD  # within the moment
    responder.watch.look_every = 0.0
    assert status(responder, revoked, clock) is CertStatus.REVOKED
    assert responder.answer(other, now=clock.now()) is others_answer


def test_a_look_is_good_for_a_quarter_of_a_second() -> None:
    """Certificate authority, line 20, "within seconds": the bound of what a process may believe without looking."""
    assert status_watch.LOOK_EVERY <= 0.5


def test_an_answer_that_was_overtaken_by_a_revocation_is_not_kept(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status was read before the revocation, the look came after it, the answer was finished last."""
    leaf = issue(hierarchy)
    request = request_for(hierarchy, leaf)
    build = ocsp_module.build_answer

    def revoked_meanwhile(*arguments: object, **keywords: object) -> OcspAnswer:
        answer = build(*arguments, **keywords)  # type: ignore[arg-type]
        monkeypatch.undo()
        revoke(hierarchy, leaf)
        responder.watch.look_every = 0.0
        responder.watch.look()
        responder.watch.look_every = A_LONG_TIME
        return answer

    status(responder, request_for(hierarchy, issue(hierarchy)), clock)  # has looked
    monkeypatch.setattr(ocsp_module, "build_answer", revoked_meanwhile)
    assert status(responder, request, clock) is CertStatus.GOOD
    assert responder.at_hand(request, now=clock.now()) is None
    assert status(responder, request, clock) is CertStatus.REVOKED


def test_many_revocations_at_once_empty_the_memory(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mass revocation is not named serial by serial."""
    monkeypatch.setattr(status_watch, "_MOST_SERIALS", 2)
    leaves = [issue(hierarchy) for _ in range(4)]
    requests = [request_for(hierarchy, leaf) for leaf in leaves]
    for request in requests:
        status(responder, request, clock)
    for leaf in leaves[:3]:
        revoke(hierarchy, leaf)
    responder.watch.look_every = 0.0
    responder.watch.look()
    responder.watch.look_every = A_LONG_TIME
    assert [responder.at_hand(request, now=clock.now()) for request in requests] == [None] * 4


def test_without_the_database_memory_is_not_believed(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever cannot look does not say good: tryLater, and the list is there."""
    request = request_for(hierarchy, issue(hierarchy))
    assert status(responder, request, clock) is CertStatus.GOOD
    responder.watch.look_every = 0.0

    def away() -> None:
        raise Unavailable("The database does not answer.", code="database_unavailable")

    monkeypatch.setattr(hierarchy.services.database, "reading", away)
    answer = ocsp.load_der_ocsp_response(responder.answer(request, now=clock.now()).der)
    assert answer.response_status is ocsp.OCSPResponseStatus.TRY_LATER


def test_padded_requests_are_answered_and_not_remembered_by_their_octets(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock
) -> None:
    """Nobody fills the memory with variations of one question: they share one answer."""
    leaf = issue(hierarchy)
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x04\x82\x01\x00" + b"x" * 256)
    padded = question(leaf, hierarchy.issuing_certificate, extension=extension)
    assert len(padded) > LONGEST_REQUEST
    plain = responder.answer(request_for(hierarchy, leaf), now=clock.now())
    assert responder.answer(padded, now=clock.now()) is plain
    assert responder.at_hand(padded, now=clock.now()) is None


def test_memory_is_bounded_and_what_has_left_is_never_given(clock: ManualClock) -> None:
    """An answer out of reach of a later revocation must be out of reach of everyone."""
    memory, now = AnswerMemory(most=2), clock.now()
    for serial in (1, 2, 3):
        asked = StatusRequest(IssuerId("sha1", b"", b""), serial, None)
        answer = OcspAnswer(b"%d" % serial, now, now + timedelta(hours=1), reusable=True)
        memory.remember_request(b"r%d" % serial, memory.keep(asked, answer, epoch=memory.epoch))
    assert memory.at_hand(b"r1", now=now) is None
    assert memory.at_hand(b"r3", now=now) is not None
    memory.forget(frozenset({3}))
    assert memory.at_hand(b"r3", now=now) is None
    assert memory.at_hand(b"r2", now=now) is not None
