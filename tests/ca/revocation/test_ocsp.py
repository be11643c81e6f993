"""The OCSP responder: certificate authority 20, RFC 6960, 5019, 9654."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from asn1crypto import ocsp as asn1_ocsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from sqlalchemy import select, update

from audit.model import AuditEvent
from audit.vocabulary import EventType
from ca.issuance.model import Certificate
from ca.revocation.model import OcspSigner
from ca.revocation.ocsp import OcspResponder
from ca.revocation.ocsp_answer import ANSWER_LIFETIME
from ca.revocation.ocsp_signer import RENEW_BEFORE, find_ocsp_signer, renew_ocsp_signers
from ca.services import CaServices
from ca.transparency.promise import require_logged
from kernel.clock import ManualClock
from kernel.errors import NotFound, Unavailable
from tests.ca.hierarchy import Hierarchy, serial_of
from tests.ca.revocation.steps import issue, revoke

Status = ocsp.OCSPResponseStatus
CertStatus = ocsp.OCSPCertStatus


@pytest.fixture
def responder(hierarchy: Hierarchy, clock: ManualClock) -> OcspResponder:
    renew_ocsp_signers(hierarchy.services, now=clock.now())
    return OcspResponder(hierarchy.services, look_every=0.0)


def question(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    algorithm: hashes.HashAlgorithm | None = None,
    nonce: bytes | None = None,
    extension: x509.ExtensionType | None = None,
) -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, algorithm or hashes.SHA256())
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def ask(responder: OcspResponder, request: bytes, clock: ManualClock) -> ocsp.OCSPResponse:
    return ocsp.load_der_ocsp_response(responder.answer(request, now=clock.now()).der)


def ask_serial(responder: OcspResponder, hierarchy: Hierarchy, serial: int, clock: ManualClock) -> ocsp.OCSPResponse:
    leaf = hierarchy.leaves[0] if hierarchy.leaves else issue(hierarchy)
    parsed = asn1_ocsp.OCSPRequest.load(question(leaf, hierarchy.issuing_certificate))
    parsed["tbs_request"]["request_list"][0]["req_cert"]["serial_number"] = serial
    return ask(responder, parsed.dump(force=True), clock)


@pytest.mark.parametrize("algorithm", [hashes.SHA1(), hashes.SHA256()], ids=["sha1", "sha256"])
def test_answers_good_for_both_hashes(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock, algorithm: hashes.HashAlgorithm
) -> None:
    """RFC 6960 §4.1.1 (CertID by SHA-1), RFC 5019 update (SHA-256); the answer repeats the question's CertID."""
    leaf = issue(hierarchy)
    response = ask(responder, question(leaf, hierarchy.issuing_certificate, algorithm), clock)
    assert (response.response_status, response.certificate_status) == (Status.SUCCESSFUL, CertStatus.GOOD)
    assert response.hash_algorithm.name == algorithm.name
    assert response.serial_number == leaf.serial_number
    assert response.this_update_utc == clock.now()
    assert response.next_update_utc == clock.now() + ANSWER_LIFETIME


def test_the_signer_is_a_delegated_responder_of_the_same_issuer(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock
) -> None:
    """RFC 6960 §4.2.2.2: issued by the CA itself, only OCSPSigning, nocheck; responder by key hash; P-256."""
    response = ask(responder, question(issue(hierarchy), hierarchy.issuing_certificate), clock)
    [signer] = response.certificates
    signer.verify_directly_issued_by(hierarchy.issuing_certificate)
    extensions = signer.extensions
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.OCSP_SIGNING]
    assert not extensions.get_extension_for_class(x509.OCSPNoCheck).critical
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert not (usage.value.key_cert_sign or usage.value.crl_sign or usage.value.content_commitment)
    assert response.responder_name is None
    ski = extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert response.responder_key_hash == ski
    public_key = signer.public_key()
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    assert public_key.curve.name == "secp256r1"
    public_key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(hashes.SHA256()))
    assert signer.not_valid_after_utc - signer.not_valid_before_utc <= timedelta(days=30)


def test_a_revocation_shows_with_the_next_question(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock
) -> None:
    """Certificate authority 20: within seconds, although a good answer is kept."""
    leaf = issue(hierarchy)
    request = question(leaf, hierarchy.issuing_certificate)
    assert ask(responder, request, clock).certificate_status is CertStatus.GOOD
    revoked_at = clock.now()
    revoke(hierarchy, leaf, "superseded")
    clock.advance(timedelta(seconds=1))
    response = ask(responder, request, clock)
    assert response.certificate_status is CertStatus.REVOKED
    assert response.revocation_time_utc == revoked_at
    assert response.revocation_reason is x509.ReasonFlags.superseded
    revoke(hierarchy, leaf, "keyCompromise")
    assert ask(responder, request, clock).revocation_reason is x509.ReasonFlags.key_compromise


def test_an_unspecified_reason_is_left_out(hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock) -> None:
    """RFC 5280 §5.3.1 for lists, and so here."""
    leaf = issue(hierarchy)
    revoke(hierarchy, leaf, "unspecified")
    response = ask(responder, question(leaf, hierarchy.issuing_certificate), clock)
    assert response.certificate_status is CertStatus.REVOKED
    assert response.revocation_reason is None


def test_an_unassigned_serial_is_unknown_and_not_kept(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock
) -> None:
    """RFC 6960 §2.2: never good. Its answer is short-lived: the number may be assigned in a moment."""
    response = ask_serial(responder, hierarchy, 0x1234, clock)
    assert (response.response_status, response.certificate_status) == (Status.SUCCESSFUL, CertStatus.UNKNOWN)
    assert response.next_update_utc is not None
    assert response.next_update_utc - response.this_update_utc <= timedelta(minutes=5)


def test_an_assigned_serial_is_unknown_until_it_is_signed_and_revocable_before(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock
) -> None:
    """Certificate authority 17: known and revocable although the signature was lost; nobody holds it, so never good."""
    leaf = issue(hierarchy)
    with hierarchy.services.database.transaction() as session:
        session.execute(
            update(Certificate)
            .where(Certificate.serial == serial_of(leaf))
            .values(certificate_der=None, certificate_sha256=None)
        )
    request = question(leaf, hierarchy.issuing_certificate)
    assert ask(responder, request, clock).certificate_status is CertStatus.UNKNOWN
    revoke(hierarchy, leaf)
    assert ask(responder, request, clock).certificate_status is CertStatus.REVOKED


def test_another_issuer_is_unauthorized(hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock) -> None:
    """RFC 5019 §2.2.3. The root's certificates too: the root has a list and no responder."""
    request = question(hierarchy.issuing_certificate, hierarchy.root_certificate)
    assert ask(responder, request, clock).response_status is Status.UNAUTHORIZED
    with_other_hash = question(issue(hierarchy), hierarchy.issuing_certificate, hashes.SHA384())
    assert ask(responder, with_other_hash, clock).response_status is Status.UNAUTHORIZED


def test_half_an_issuer_is_unauthorized(hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock) -> None:
    """RFC 6960 §4.1.1: name *and* key name the issuer."""
    parsed = asn1_ocsp.OCSPRequest.load(question(issue(hierarchy), hierarchy.issuing_certificate))
    parsed["tbs_request"]["request_list"][0]["req_cert"]["issuer_key_hash"] = b"\0" * 32
    assert ask(responder, parsed.dump(force=True), clock).response_status is Status.UNAUTHORIZED


@pytest.mark.parametrize(
    "garbage", [b"", b"\0", b"GET / HTTP/1.0", b"\x30\x80", b"\x30\x03\x02\x01\x05", b"\x30" * 5000]
)
def test_garbage_is_malformed(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock, garbage: bytes
) -> None:
    """RFC 6960 §4.2.1: malformedRequest, unsigned, kept by nobody."""
    answer = responder.answer(garbage, now=clock.now())
    assert ocsp.load_der_ocsp_response(answer.der).response_status is Status.MALFORMED_REQUEST
    assert not answer.reusable


def test_a_request_cut_anywhere_or_with_a_tail_is_malformed(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock
) -> None:
    """Every prefix of a good request, and a good one with more behind it."""
    request = question(issue(hierarchy), hierarchy.issuing_certificate, nonce=b"0123456789abcdef")
    for broken in [request + b"\0", *(request[:end] for end in range(len(request)))]:
        assert ask(responder, broken, clock).response_status is Status.MALFORMED_REQUEST


@pytest.mark.parametrize("serial", [0, -5, 2**160, 2**400])
def test_impossible_serials_are_malformed(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock, serial: int
) -> None:
    """RFC 5280 §4.1.2.2: positive, 20 octets at most."""
    assert ask_serial(responder, hierarchy, serial, clock).response_status is Status.MALFORMED_REQUEST


def test_two_questions_in_one_are_malformed(hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock) -> None:
    """RFC 5019 §2.1.1: one request; an answer for many could not be made ahead."""
    parsed = asn1_ocsp.OCSPRequest.load(question(issue(hierarchy), hierarchy.issuing_certificate))
    requests = parsed["tbs_request"]["request_list"]
    requests.append(requests[0].copy())
    assert ask(responder, parsed.dump(force=True), clock).response_status is Status.MALFORMED_REQUEST


@pytest.mark.parametrize("length", [1, 16, 32, 128])
def test_a_nonce_of_1_to_128_octets_comes_back(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock, length: int
) -> None:
    """RFC 9654 §2.1."""
    nonce = bytes(range(length))
    request = question(issue(hierarchy), hierarchy.issuing_certificate, nonce=nonce)
    assert ask(responder, request, clock).extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == nonce
    assert not responder.answer(request, now=clock.now()).reusable


@pytest.mark.parametrize("length", [0, 129, 1000])
def test_other_nonces_are_malformed(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock, length: int
) -> None:
    """RFC 9654 §2.1: a responder refuses them."""
    request = question(issue(hierarchy), hierarchy.issuing_certificate, nonce=b"n" * length)
    assert ask(responder, request, clock).response_status is Status.MALFORMED_REQUEST


def test_an_unknown_critical_extension_is_malformed(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock
) -> None:
    """RFC 6960 §4.4: what is critical and not understood is not passed over."""
    leaf = issue(hierarchy)
    for critical, expected in ((True, Status.MALFORMED_REQUEST), (False, Status.SUCCESSFUL)):
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
        request = (
            ocsp.OCSPRequestBuilder()
            .add_certificate(leaf, hierarchy.issuing_certificate, hashes.SHA1())
            .add_extension(extension, critical=critical)
            .build()
            .public_bytes(Encoding.DER)
        )
        assert ask(responder, request, clock).response_status is expected


def test_an_answer_is_kept_for_the_first_half_of_its_life(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock
) -> None:
    """Certificate authority 20: pre-signed answers are refreshed before half-life."""
    request = question(issue(hierarchy), hierarchy.issuing_certificate)
    first = responder.answer(request, now=clock.now())
    clock.advance(ANSWER_LIFETIME / 2 - timedelta(seconds=1))
    assert responder.answer(request, now=clock.now()) is first
    clock.advance(timedelta(seconds=1))
    second = responder.answer(request, now=clock.now())
    assert second.der != first.der
    assert second.this_update == clock.now()


def test_without_a_signer_it_says_try_later(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """RFC 6960 §4.2.1: tryLater, when the responder cannot answer for a while."""
    request = question(issue(hierarchy), hierarchy.issuing_certificate)
    assert ask(OcspResponder(hierarchy.services), request, clock).response_status is Status.TRY_LATER


def signers(ca: CaServices) -> list[tuple[int, datetime]]:
    with ca.database.reading() as session:
        rows = session.execute(select(OcspSigner.generation, OcspSigner.not_after).order_by(OcspSigner.generation))
        return [(row.generation, row.not_after) for row in rows]


def test_the_signer_is_renewed_before_its_end_with_an_event(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock
) -> None:
    """Certificate authority 20: short life, renewed by a job; answers change over without a gap."""
    ca = hierarchy.services
    request = question(issue(hierarchy), hierarchy.issuing_certificate)
    [(_, first_ends)] = signers(ca)
    assert renew_ocsp_signers(ca, now=clock.now()) == []
    clock.advance(first_ends - RENEW_BEFORE - clock.now())
    [serial] = renew_ocsp_signers(ca, now=clock.now())
    assert [generation for generation, _ in signers(ca)] == [1, 2]
    [signer] = ask(responder, request, clock).certificates
    assert serial_of(signer) == serial
    with ca.database.reading() as session:
        events = session.scalars(
            select(AuditEvent.object_id)
            .where(AuditEvent.type == EventType.OCSP_SIGNER_RENEWED.value)
            .order_by(AuditEvent.id)
        ).all()
    assert events[-1] == serial
    assert len(events) == 2


def test_the_signer_is_in_the_public_log_before_it_signs(
    hierarchy: Hierarchy, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Certificate authority 24: no certificate of ours is in use that is not in the log; its key waits until it is."""
    ca = hierarchy.services

    def away(*_: object, **__: object) -> None:
        raise Unavailable("The log is away.", code="not_logged")

    with monkeypatch.context() as patched:
        patched.setattr("ca.revocation.ocsp_signer.ensure_logged", away)
        with pytest.raises(Unavailable):
            renew_ocsp_signers(ca, now=clock.now())
    with ca.database.reading() as session, pytest.raises(NotFound):
        find_ocsp_signer(session, authority_id=hierarchy.issuing.id, now=clock.now())
    [serial] = renew_ocsp_signers(ca, now=clock.now())
    with ca.database.reading() as session:
        require_logged(session, serial)


def test_an_answer_never_outlives_its_signer(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock
) -> None:
    """RFC 6960 §4.2.2.2: the signer must be valid as long as the answer is."""
    [(_, ends)] = signers(hierarchy.services)
    clock.advance(ends - clock.now() - timedelta(hours=1))
    response = ask(responder, question(issue(hierarchy), hierarchy.issuing_certificate), clock)
    assert response.next_update_utc == ends


def test_a_revoked_signer_signs_no_more_and_is_replaced(
    hierarchy: Hierarchy, responder: OcspResponder, clock: ManualClock
) -> None:
    """RFC 6960 §2.6: nocheck leaves it to us to stop using a compromised responder key."""
    request = question(issue(hierarchy), hierarchy.issuing_certificate)
    [signer] = ask(responder, request, clock).certificates
    revoke(hierarchy, signer, "keyCompromise")
    assert ask(responder, request, clock).response_status is Status.TRY_LATER
    renew_ocsp_signers(hierarchy.services, now=clock.now())
    [fresh] = ask(responder, request, clock).certificates
    assert fresh.public_key() != signer.public_key()


def test_eight_workers_make_one_signer(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """The claim of a generation has one winner."""
    ca = hierarchy.services
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: renew_ocsp_signers(ca, now=clock.now()), range(8)))
    assert [generation for generation, _ in signers(ca)] == [1]
    with ca.database.reading() as session:
        assert find_ocsp_signer(session, authority_id=hierarchy.issuing.id, now=clock.now()).certificate_der


def test_a_renewal_that_stopped_half_way_is_finished(
    hierarchy: Hierarchy, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Certificate authority 17: after a crash between row and signature the next run completes the same certificate."""
    ca = hierarchy.services

    def crash(*_: object, **__: object) -> bytes:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr("ca.revocation.ocsp_signer.complete_certificate", crash)
        with pytest.raises(RuntimeError):
            renew_ocsp_signers(ca, now=clock.now())
    with ca.database.reading() as session, pytest.raises(NotFound):
        find_ocsp_signer(session, authority_id=hierarchy.issuing.id, now=clock.now())
    [serial] = renew_ocsp_signers(ca, now=clock.now())
    with ca.database.reading() as session:
        assert find_ocsp_signer(session, authority_id=hierarchy.issuing.id, now=clock.now()).serial == serial
    assert [generation for generation, _ in signers(ca)] == [1]
