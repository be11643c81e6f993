"""Answers that the worker signs before anyone asks: certificate authority, line 20, "pre-signed and live"."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from unittest.mock import patch

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from ca.issuance.model import Certificate
from ca.revocation import ocsp as ocsp_module
from ca.revocation.ahead import due
from ca.revocation.ahead.due import Known, due_places
from ca.revocation.ahead.make import RENEW_AFTER, SigningAhead
from ca.revocation.ahead.page import PREFIX_DIGITS, PREFIXES, AnswerPage, SignedAhead, after, pack
from ca.revocation.model import OcspPage
from ca.revocation.ocsp import OcspResponder
from ca.revocation.ocsp_answer import ANSWER_LIFETIME, OcspAnswer
from ca.revocation.ocsp_signer import RENEW_BEFORE, renew_ocsp_signers
from kernel.clock import ManualClock
from kernel.loop_call import NeedsThreadError, run_on_loop
from tests.ca.hierarchy import Hierarchy, serial_of
from tests.ca.revocation.steps import issue, revoke
from tests.ca.revocation.test_ocsp import question
from tests.event_loop import on_a_loop

CertStatus = ocsp.OCSPCertStatus
WITHOUT_END = 3600.0  # seconds: no test depends on how fast this machine signs
A_PAUSE = timedelta(minutes=1)


@pytest.fixture
def ahead(hierarchy: Hierarchy, clock: ManualClock) -> SigningAhead:
    renew_ocsp_signers(hierarchy.services, now=clock.now())
    return SigningAhead(hierarchy.services, seconds=WITHOUT_END)


def sign_all_ahead(ahead: SigningAhead, hierarchy: Hierarchy) -> int:
    """Run until every page that certificates belong on has been made; return how many answers were signed."""
    with hierarchy.services.database.reading() as session:
        prefixes = sorted(serial[:PREFIX_DIGITS] for serial in session.scalars(select(Certificate.serial)))
    with patch.object(due, "PREFIXES", tuple(dict.fromkeys(prefixes))):
        return ahead.run()


def started_anew(hierarchy: Hierarchy) -> OcspResponder:
    """A responder that remembers no answer, and knows its authorities and keys."""
    responder = OcspResponder(hierarchy.services, look_every=0.0)
    with_nonce = asked_after(hierarchy, hierarchy.leaves[-1], nonce=b"n")
    responder.answer(with_nonce, now=hierarchy.services.clock.now())
    return responder


def asked_after(hierarchy: Hierarchy, certificate: x509.Certificate, **options: object) -> bytes:
    return question(certificate, hierarchy.issuing_certificate, hashes.SHA1(), **options)  # type: ignore[arg-type]


def ask(responder: OcspResponder, request: bytes, clock: ManualClock) -> ocsp.OCSPResponse:
    return ocsp.load_der_ocsp_response(responder.answer(request, now=clock.now()).der)


@pytest.fixture
def no_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> OcspAnswer:
        raise AssertionError("signed when it was asked for")

    monkeypatch.setattr(ocsp_module, "build_answer", refuse)


def test_a_process_that_has_just_started_gives_what_the_worker_signed(
    hierarchy: Hierarchy, ahead: SigningAhead, clock: ManualClock, request: pytest.FixtureRequest
) -> None:
    """RFC 5019 §2.1: a restart is warm; the answer is the responder's, as if it had just been signed."""
    leaves = [issue(hierarchy) for _ in range(5)]
    assert sign_all_ahead(ahead, hierarchy) >= 5  # the responder's own certificate, and others', are certificates too
    signed_at = clock.now()
    clock.advance(timedelta(hours=1))
    responder = started_anew(hierarchy)
    request.getfixturevalue("no_signature")
    for leaf in leaves:
        answer = responder.answer_kept(asked_after(hierarchy, leaf), now=clock.now())
        assert answer.answer.reusable
        response = ocsp.load_der_ocsp_response(answer.answer.der)
        assert (response.certificate_status, response.serial_number) == (CertStatus.GOOD, leaf.serial_number)
        assert (response.this_update_utc, response.next_update_utc) == (signed_at, signed_at + ANSWER_LIFETIME)
        [signer] = response.certificates
        signer.verify_directly_issued_by(hierarchy.issuing_certificate)
        public_key = signer.public_key()
        assert isinstance(public_key, ec.EllipticCurvePublicKey)
        public_key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(hashes.SHA256()))


def test_what_was_revoked_since_is_revoked_in_a_new_process_and_in_one_that_runs(
    hierarchy: Hierarchy, ahead: SigningAhead, clock: ManualClock
) -> None:
    """Certificate authority 20: no page is believed about a certificate that was revoked after it was made."""
    early, late, other = (issue(hierarchy) for _ in range(3))
    sign_all_ahead(ahead, hierarchy)
    revoke(hierarchy, early)
    responder = started_anew(hierarchy)
    assert ask(responder, asked_after(hierarchy, early), clock).certificate_status is CertStatus.REVOKED
    assert ask(responder, asked_after(hierarchy, other), clock).certificate_status is CertStatus.GOOD
    assert responder._shelf.find(hierarchy.issuing.id, late.serial_number, now=clock.now()) is not None
    revoke(hierarchy, late)
    assert ask(responder, asked_after(hierarchy, late), clock).certificate_status is CertStatus.REVOKED
    clock.advance(RENEW_AFTER)
    sign_all_ahead(ahead, hierarchy)  # and they are on no later page
    with hierarchy.services.database.reading() as session:
        pages = session.scalars(select(OcspPage.octets)).all()
    told = {answer.serial for page in pages for answer in AnswerPage(page)}
    assert other.serial_number in told
    assert not {early.serial_number, late.serial_number} & told


def test_a_page_that_is_read_while_somebody_revokes_is_not_kept(
    hierarchy: Hierarchy, ahead: SigningAhead, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read before the revocation, put on the shelf after the process was told of it."""
    leaf = issue(hierarchy)
    sign_all_ahead(ahead, hierarchy)
    responder = started_anew(hierarchy)
    read = hierarchy.services.database.reading

    def revoked_meanwhile() -> object:
        monkeypatch.undo()
        responder._memory.forget(frozenset())  # what the watch does first
        return read()

    monkeypatch.setattr(responder._shelf, "_epoch", lambda: responder._memory.epoch)
    monkeypatch.setattr(responder._shelf._database, "reading", revoked_meanwhile)
    assert responder._shelf.find(hierarchy.issuing.id, leaf.serial_number, now=clock.now()) is None
    assert responder._shelf.find(hierarchy.issuing.id, leaf.serial_number, now=clock.now()) is not None


def test_questions_that_nobody_could_foresee_are_answered_from_what_the_page_says(
    hierarchy: Hierarchy, ahead: SigningAhead, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A nonce, or SHA-256: signed when asked, without reading the certificate's row again."""
    leaf = issue(hierarchy)
    sign_all_ahead(ahead, hierarchy)
    responder = started_anew(hierarchy)
    ask(responder, asked_after(hierarchy, leaf), clock)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("read the row")

    monkeypatch.setattr(ocsp_module, "read_status", refuse)
    with_nonce = ask(responder, asked_after(hierarchy, leaf, nonce=b"n" * 16), clock)
    assert with_nonce.certificate_status is CertStatus.GOOD
    assert with_nonce.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"n" * 16
    by_sha256 = ask(responder, question(leaf, hierarchy.issuing_certificate, hashes.SHA256()), clock)
    assert (by_sha256.certificate_status, by_sha256.hash_algorithm.name) == (CertStatus.GOOD, "sha256")


def test_only_what_is_new_is_signed_again_and_all_before_it_grows_old(
    hierarchy: Hierarchy, ahead: SigningAhead, clock: ManualClock
) -> None:
    """Decision 30: the cost is one signature a certificate every five hours, and none that was not needed."""
    for _ in range(3):
        issue(hierarchy)
    first = sign_all_ahead(ahead, hierarchy)
    assert sign_all_ahead(ahead, hierarchy) == 0
    clock.advance(A_PAUSE)
    issue(hierarchy)
    assert sign_all_ahead(ahead, hierarchy) == 1
    clock.advance(RENEW_AFTER - A_PAUSE - timedelta(seconds=1))
    assert sign_all_ahead(ahead, hierarchy) == 0
    clock.advance(timedelta(seconds=1))
    assert sign_all_ahead(ahead, hierarchy) == first
    clock.advance(A_PAUSE)
    assert sign_all_ahead(ahead, hierarchy) == 1  # the one that came later


def test_answers_of_a_new_signer_replace_those_of_the_old_and_a_revoked_ones_are_never_given(
    hierarchy: Hierarchy, ahead: SigningAhead, clock: ManualClock
) -> None:
    """RFC 6960 §2.6, §4.2.2.2."""
    leaf = issue(hierarchy)
    sign_all_ahead(ahead, hierarchy)
    [old] = ask(started_anew(hierarchy), asked_after(hierarchy, leaf), clock).certificates
    clock.advance(old.not_valid_after_utc - RENEW_BEFORE - clock.now())
    [serial] = renew_ocsp_signers(hierarchy.services, now=clock.now())
    sign_all_ahead(ahead, hierarchy)
    [new] = ask(started_anew(hierarchy), asked_after(hierarchy, leaf), clock).certificates
    assert serial_of(new) == serial
    revoke(hierarchy, new, "keyCompromise")
    [again] = ask(started_anew(hierarchy), asked_after(hierarchy, leaf), clock).certificates
    assert again == old
    clock.advance(A_PAUSE)
    sign_all_ahead(ahead, hierarchy)
    responder = started_anew(hierarchy)
    found = responder._shelf.find(hierarchy.issuing.id, leaf.serial_number, now=clock.now())
    assert found is not None
    assert found[1].serial == serial_of(old)


def test_a_run_stops_when_its_time_is_up_and_the_next_goes_on(
    hierarchy: Hierarchy, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow token holds up neither lists nor the log; each run makes some progress."""
    monkeypatch.setattr("ca.revocation.ahead.make.read_serials", lambda *_, **__: [7, 8, 9])
    monkeypatch.setattr("ca.revocation.ahead.due.PREFIXES", ("00",))
    renew_ocsp_signers(hierarchy.services, now=clock.now())
    ahead = SigningAhead(hierarchy.services, seconds=0.0)
    assert [ahead.run() for _ in range(4)] == [1, 1, 1, 0]
    with hierarchy.services.database.reading() as session:
        assert session.scalars(select(func.sum(OcspPage.answers))).one() == 3


def test_two_workers_make_each_page_once(hierarchy: Hierarchy, ahead: SigningAhead, clock: ManualClock) -> None:
    """A page is claimed before it is made."""
    for _ in range(6):
        issue(hierarchy)
    sign_all_ahead(ahead, hierarchy)  # the pages are known by now; all of them are due together
    clock.advance(RENEW_AFTER)
    both = (ahead, SigningAhead(hierarchy.services, seconds=WITHOUT_END))
    with ThreadPoolExecutor(2) as pool:
        signed = sum(pool.map(lambda each: each.run(), both))
    with hierarchy.services.database.reading() as session:
        assert session.scalars(select(func.sum(OcspPage.answers))).one() == signed
        assert session.scalars(select(func.count()).where(OcspPage.claimed_until.is_not(None))).one() == 0


def test_an_answer_past_the_middle_of_its_life_is_signed_anew(
    hierarchy: Hierarchy, ahead: SigningAhead, clock: ManualClock
) -> None:
    """Where the worker is away, answers grow old and are not given; the responder goes on by itself."""
    leaf = issue(hierarchy)
    sign_all_ahead(ahead, hierarchy)
    clock.advance(ANSWER_LIFETIME / 2)
    assert ask(started_anew(hierarchy), asked_after(hierarchy, leaf), clock).this_update_utc == clock.now()


@given(
    st.lists(
        st.builds(
            SignedAhead, st.integers(1, 2**160 - 1), st.integers(0, 2**32 - 1), st.binary(min_size=1, max_size=72)
        ),
        max_size=30,
        unique_by=lambda answer: answer.serial,
    ),
    st.integers(0, 2**161),
)
def test_a_page_gives_back_what_was_put_on_it_and_nothing_else(answers: list[SignedAhead], other: int) -> None:
    page = AnswerPage(pack(answers))
    assert list(page) == sorted(answers)
    assert [page.find(answer.serial) for answer in answers] == answers
    if other not in {answer.serial for answer in answers}:
        assert page.find(other) is None


def test_every_serial_number_has_its_page_and_no_other() -> None:
    """The pages' ranges follow each other without a gap."""
    assert [after(prefix) for prefix in PREFIXES] == [*PREFIXES[1:], "g"]


def test_old_answers_come_first_and_what_was_just_read_or_is_in_hand_waits() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    hour = timedelta(hours=1)

    def page(*, signer: str = "s", read: timedelta = hour, oldest: timedelta = hour, claimed: timedelta | None = None):  # type: ignore[no-untyped-def]
        return Known(signer, now - read, now - oldest, 10, None if claimed is None else now + claimed)

    pages = {("a", prefix): page() for prefix in PREFIXES} | {
        ("a", "00"): page(oldest=6 * hour),
        ("a", "01"): page(oldest=7 * hour),
        ("a", "02"): page(oldest=7 * hour, claimed=timedelta(seconds=1)),
        ("a", "03"): page(oldest=7 * hour, claimed=-timedelta(seconds=1)),
        ("a", "04"): page(read=timedelta(seconds=1)),
        ("a", "05"): page(),
        ("a", "06"): page(signer="older"),
        ("a", "07"): page(),
    }
    found = due_places(
        {"a": "s", "b": "t"},
        pages,
        news={("a", "04"), ("a", "05")},
        unfinished={("a", "07")},
        renew_before=now - 5 * hour,
        now=now,
    )
    assert found[:6] == [("a", "01"), ("a", "03"), ("a", "00"), ("a", "05"), ("a", "06"), ("a", "07")]
    assert found[6:] == [("b", prefix) for prefix in PREFIXES[: due.MOST_AT_ONCE - 6]]


def test_on_an_event_loop_memory_answers_and_what_has_to_be_read_asks_for_a_thread(
    hierarchy: Hierarchy, ahead: SigningAhead, clock: ManualClock
) -> None:
    """Nobody waits on the loop for a page, or for a look that another thread is at."""
    leaf = issue(hierarchy)
    sign_all_ahead(ahead, hierarchy)
    responder = started_anew(hierarchy)
    responder.watch.look_every = WITHOUT_END
    request = asked_after(hierarchy, leaf)

    def ask_on_loop() -> bytes:
        return on_a_loop(run_on_loop(partial(responder.answer, request, now=clock.now()))).der

    with pytest.raises(NeedsThreadError):
        ask_on_loop()
    answer = responder.answer(request, now=clock.now()).der
    assert ask_on_loop() == answer
    responder.watch.look_every = 0.0
    with responder.watch._lock:
        responder.watch._looked_at = float("-inf")
        with pytest.raises(NeedsThreadError):
            ask_on_loop()
