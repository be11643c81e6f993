"""A certificate through the real pages: asked for, decided, delivered, revoked."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7
from sqlalchemy import select

from admin.permissions import Role
from tests.admin.conftest import Operator, make_csr
from tests.ca.weak_keys import weak_requests

pytestmark = pytest.mark.usefixtures("authority")


def _submit(officer: Operator, institution, csr: str, profile: str = "tls-server", **more: str) -> str:
    """Send a request; return its page's path."""
    answer = officer.post(f"/admin/requests/new/{profile}", {"institution": institution.ruc, "csr": csr, **more})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.location


def _tbs(approver: Operator, page: str) -> str:
    """Ask for the confirmation page and return the hash that it posts."""
    shown = approver.post(page, {"decision": "approve"})
    assert shown.status_code == 200
    found = re.search(r'name="tbs_sha256" value="([0-9a-f]{64})"', shown.get_data(as_text=True))
    assert found
    return found[1]


def _approve(approver: Operator, page: str):
    return approver.post(page, {"decision": "approve", "step": "confirm", "tbs_sha256": _tbs(approver, page)})


def _kinds(events) -> list[str]:
    return [event.type for event in events()]


@pytest.fixture
def officer(make_operator) -> Operator:
    """Asks."""
    return make_operator(Role.PKI_OFFICER, name="Olga")


@pytest.fixture
def approver(make_operator) -> Operator:
    """Decides."""
    return make_operator(Role.PKI_APPROVER, name="Pablo")


def test_the_whole_way_of_a_certificate(officer, approver, institution, events, composition) -> None:
    """Officer uploads, another approves the exact bytes, the chain is taken, the certificate is revoked."""
    csr = make_csr("www.ministerio.gob.ec")
    form = officer.get("/admin/requests/new/tls-server").get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', form)[1]
    sent = officer.browser.post(
        "/admin/requests/new/tls-server",
        data={
            "csrf_token": token,
            "institution": institution.ruc,
            "csr_file": (io.BytesIO(csr.pem.encode()), "servidor.csr"),
        },
        content_type="multipart/form-data",
    )
    assert sent.status_code == 303, sent.get_data(as_text=True)
    page = sent.location
    review = approver.get(page).get_data(as_text=True)
    assert "www.ministerio.gob.ec" in review
    assert "Lleva el nombre también como nombre común" in review, "what the check found, in words"
    assert "Espera su decisión" in approver.get("/admin").get_data(as_text=True)

    done = _approve(approver, page)
    assert done.status_code == 303
    certificate_page = done.location
    shown = approver.get(certificate_page).get_data(as_text=True)
    assert "Vigente" in shown

    chain = x509.load_pem_x509_certificates(officer.get(f"{certificate_page}/files/chain.pem").data)
    leaf = x509.load_der_x509_certificate(officer.get(f"{certificate_page}/files/der").data)
    assert chain[0] == leaf
    assert leaf.public_key() == csr.key.public_key()
    chain[0].verify_directly_issued_by(chain[1])
    assert len(pkcs7.load_der_pkcs7_certificates(officer.get(f"{certificate_page}/files/chain.p7b").data)) == 3

    preview = officer.post(f"{certificate_page}/revoke", {"reason": "superseded"})
    assert preview.status_code == 200
    assert "deja de aceptarse" in preview.get_data(as_text=True)
    revoked = officer.post(f"{certificate_page}/revoke", {"reason": "superseded", "step": "confirm"})
    assert revoked.status_code == 303
    assert "Revocado" in officer.get(certificate_page).get_data(as_text=True)
    kinds = _kinds(events)
    for kind in (
        "ca:request:submitted",
        "ca:request:approved",
        "ca:certificate:issued",
        "ca:certificate:delivered",
        "ca:certificate:revoked",
    ):
        assert kind in kinds


def test_the_requester_does_not_approve_and_is_told_so(make_operator, institution, events) -> None:
    """Console 13: not even with both roles; and forcing the form is refused on record."""
    both = make_operator(Role.PKI_OFFICER, Role.PKI_APPROVER)
    page = _submit(both, institution, make_csr("a.ministerio.gob.ec").pem)
    shown = both.get(page).get_data(as_text=True)
    assert "Usted hizo esta solicitud: tiene que aprobarla otra persona." in shown
    assert 'value="approve"' not in shown
    forced = _approve(both, page)
    assert forced.status_code == 422
    refused = [event for event in events() if event.type == "ca:request:approved"]
    assert [(event.outcome, event.reason) for event in refused] == [("refused", "own_request")]


def test_an_approval_of_other_bytes_is_refused(officer, approver, institution) -> None:
    """Edit after review: the hash posted is that of what was seen."""
    page = _submit(officer, institution, make_csr("b.ministerio.gob.ec").pem)
    forced = approver.post(page, {"decision": "approve", "step": "confirm", "tbs_sha256": "0" * 64})
    assert forced.status_code == 422
    assert "cambió desde que usted lo vio" in forced.get_data(as_text=True)


def test_a_second_approval_comes_too_late(officer, approver, make_operator, institution) -> None:
    """Replay and double submit are harmless."""
    page = _submit(officer, institution, make_csr("c.ministerio.gob.ec").pem)
    digest = _tbs(approver, page)
    late = make_operator(Role.PKI_APPROVER, name="Rosa")
    late_digest = _tbs(late, page)
    assert late_digest == digest
    assert _approve(approver, page).status_code == 303
    again = late.browser.post(page, data={})
    assert again.status_code == 400
    shown = late.get(page).get_data(as_text=True)
    assert 'value="approve"' not in shown


def test_a_refusal_needs_a_reason_and_says_it(officer, approver, institution, events) -> None:
    """What was typed stays; the requester reads why."""
    page = _submit(officer, institution, make_csr("d.ministerio.gob.ec").pem)
    empty = approver.post(page, {"decision": "refuse", "reason": "no"})
    assert empty.status_code == 422
    assert "al menos 10 letras" in empty.get_data(as_text=True)
    reason = "El dominio se entrega a otra institución"
    assert approver.post(page, {"decision": "refuse", "reason": reason}).status_code == 200
    assert approver.post(page, {"decision": "refuse", "reason": reason, "step": "confirm"}).status_code == 303
    assert reason in officer.get(page).get_data(as_text=True)
    assert "ca:request:refused" in _kinds(events)


def test_the_requester_withdraws_his_own_request_and_nobody_elses(officer, make_operator, institution) -> None:
    """With a page that says what follows."""
    page = _submit(officer, institution, make_csr("e.ministerio.gob.ec").pem)
    other = make_operator(Role.PKI_OFFICER, name="Otto")
    assert other.get(f"{page}/withdraw").status_code == 404
    assert officer.post(f"{page}/withdraw").status_code == 303
    assert "Negada" in officer.get(page).get_data(as_text=True)


BAD_REQUESTS = {
    "": "Pegue la solicitud",
    "hola": "solicitud",
    "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----": "solicitud",
    "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----": "clave privada",
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----": "no es una solicitud",
    "x" * 69_000: "solicitud",
    "\x01\x02": "solicitud",
}


@pytest.mark.parametrize("csr", BAD_REQUESTS, ids=range(len(BAD_REQUESTS)))
def test_a_bad_request_gets_a_clear_word_and_keeps_what_was_typed(officer, institution, csr: str) -> None:
    """Bad input at each step: a clear page, nothing lost."""
    answer = officer.post("/admin/requests/new/tls-server", {"institution": institution.ruc, "csr": csr})
    shown = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert BAD_REQUESTS[csr] in shown
    assert f'value="{institution.ruc}" selected' in shown
    assert 'aria-invalid="true"' in shown


def test_a_weak_key_is_refused_in_words_and_on_record(officer, institution, events) -> None:
    """Certificate authority, line 12, through the page: ROCA, close primes, small factors, a small private exponent."""
    for csr, code in weak_requests().values():
        answer = officer.post("/admin/requests/new/tls-server", {"institution": institution.ruc, "csr": csr})
        assert answer.status_code == 422
        assert "clave" in answer.get_data(as_text=True)
        assert events()[-1].reason == code


def test_a_name_of_another_institution_is_refused_in_words_and_on_record(officer, institution, events) -> None:
    """CA rule: names under registered domains only."""
    csr = make_csr("www.agencia.gob.ec").pem
    answer = officer.post("/admin/requests/new/tls-server", {"institution": institution.ruc, "csr": csr})
    assert answer.status_code == 422
    assert "dominios registrados" in answer.get_data(as_text=True)
    assert "BEGIN CERTIFICATE REQUEST" in answer.get_data(as_text=True)
    (event,) = [event for event in events() if event.type == "ca:request:submitted"]
    assert (event.outcome, event.reason) == ("refused", "name_not_registered")


def test_missing_fields_are_named_beside_the_field(officer, institution) -> None:
    """A personal certificate without the person."""
    answer = officer.post(
        "/admin/requests/new/public-servant-signature",
        {"institution": institution.ruc, "csr": make_csr("x.ministerio.gob.ec").pem, "given_names": "Luz"},
    )
    shown = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'href="#cedula"' in shown
    assert 'value="Luz"' in shown


def test_another_institutions_certificates_and_requests_do_not_exist(
    make_operator, officer, approver, institution, other_institution
) -> None:
    """Console 12: 404, in lists too."""
    page = _submit(officer, institution, make_csr("f.ministerio.gob.ec").pem)
    certificate_page = _approve(approver, page).location
    waiting = _submit(officer, institution, make_csr("g.ministerio.gob.ec").pem)
    foreign_officer = make_operator(Role.PKI_OFFICER, name="Fe", institution_ruc=other_institution.ruc)
    foreign_approver = make_operator(Role.PKI_APPROVER, name="Flor", institution_ruc=other_institution.ruc)
    for operator in (foreign_officer, foreign_approver):
        for path in (page, waiting, certificate_page, f"{certificate_page}/files/pem", f"{certificate_page}/revoke"):
            assert operator.get(path).status_code == 404, path
        for path in ("/admin/certificates", "/admin/requests", "/admin"):
            assert "ministerio.gob.ec" not in operator.get(path).get_data(as_text=True), path
    csr = make_csr("h.ministerio.gob.ec").pem
    forced = foreign_officer.post("/admin/requests/new/tls-server", {"institution": institution.ruc, "csr": csr})
    assert forced.status_code == 422
    own = make_operator(Role.PKI_OFFICER, name="Iris", institution_ruc=institution.ruc)
    assert own.get(page).status_code == 200


def test_a_stale_login_is_sent_to_log_in_again_and_gets_its_reason_back(
    officer, approver, institution, clock, composition
) -> None:
    """Step-up: approving and revoking want a login of the last quarter of an hour; typed text is kept."""
    page = _submit(officer, institution, make_csr("i.ministerio.gob.ec").pem)
    clock.advance(timedelta(minutes=16))
    sent = approver.post(page, {"decision": "refuse", "reason": "Falta el memorando de la dirección"})
    assert sent.status_code == 303
    assert "max_age=900" in sent.location
    from admin.model import SignInAttempt

    with composition.database.reading() as session:
        attempt = session.scalars(select(SignInAttempt)).one()
    assert attempt.return_to == page
    shown = approver.get(f"{page}?kept={attempt.id}").get_data(as_text=True)
    assert "Falta el memorando de la dirección" in shown
    assert "Falta el memorando" not in officer.get(f"{page}?kept={attempt.id}").get_data(as_text=True)


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ({}, "Elija el motivo"),
        ({"reason": "removeFromCRL"}, "Elija un motivo"),
        ({"reason": "cACompromise"}, "Clave comprometida"),
        ({"reason": "superseded", "compromised_at": "2026-11-01T10:00"}, "La fecha solo va"),
        ({"reason": "keyCompromise", "compromised_at": "2030-01-01T10:00"}, "futuro"),
        ({"reason": "keyCompromise", "compromised_at": "ayer"}, "Escriba fecha y hora"),
    ],
)
def test_a_revocation_is_checked_before_it_is_confirmed(officer, approver, institution, typed, word: str) -> None:
    """Nothing is revoked by a form that is wrong."""
    page = _submit(officer, institution, make_csr("j.ministerio.gob.ec").pem)
    certificate_page = _approve(approver, page).location
    for step in ({}, {"step": "confirm"}):
        answer = officer.post(f"{certificate_page}/revoke", {**typed, **step})
        assert answer.status_code == 422
        assert word in answer.get_data(as_text=True)
    assert "Vigente" in officer.get(certificate_page).get_data(as_text=True)


def test_certificates_are_found_by_name_serial_and_fingerprint(officer, approver, institution) -> None:
    """The register's search."""
    page = _submit(officer, institution, make_csr("buscado.ministerio.gob.ec").pem)
    certificate_page = _approve(approver, page).location
    serial = certificate_page.rsplit("/", 1)[1]
    der = officer.get(f"{certificate_page}/files/der").data
    import hashlib

    fingerprint = hashlib.sha256(der).hexdigest()
    spaced = ":".join(serial[place : place + 2] for place in range(0, len(serial), 2)).upper()
    for text in ("buscado", "BUSCADO.ministerio", serial, spaced, fingerprint):
        assert serial in officer.get("/admin/certificates", query_string={"q": text}).get_data(as_text=True), text
    for text in ("otro", "%", "' or 1=1 --"):
        assert serial not in officer.get("/admin/certificates", query_string={"q": text}).get_data(as_text=True), text
