"""Submitting and deciding: the profile decides, two people agree on exact bytes, every refusal is on record."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from sqlalchemy import func, select

from audit.model import AuditEvent
from ca.issuance.assembly import read_unsigned
from ca.issuance.issue import issue_approved
from ca.issuance.model import Certificate
from ca.profiles.registry import ProfileRegistry
from ca.requests.decide import approve_request, expire_stale, refuse_request
from ca.requests.difference import Change
from ca.requests.model import Approval
from ca.requests.prepare import preview_request
from ca.requests.submit import rebuild_request, submit_request
from ca.requests.view import RequestView, Status, find_request, list_requests
from ca.services import CaServices
from kernel.errors import Conflict, Denied, NotFound, Rejected, ServiceError
from tests.ca.csr import SERVER, ec_key, key_usage, make_csr
from tests.ca.ground import OTHER_RUC, RUC
from tests.ca.issued import INPUTS

pytestmark = pytest.mark.usefixtures("hierarchy")


def submit(services: CaServices, now: datetime, **overrides: Any) -> RequestView:
    """A TLS server request by ana."""
    arguments = {"profile": "tls-server", "csr": make_csr(), "institution_ruc": RUC, "requested_by": "ana"} | overrides
    with services.database.transaction() as session:
        return submit_request(session, services=services, now=now, **arguments)


def approve(services: CaServices, request: RequestView, approver: str, now: datetime, **overrides: Any) -> RequestView:
    """An approval of what the approver saw."""
    arguments = {"request_id": request.id, "tbs_sha256": request.tbs_sha256} | overrides
    with services.database.transaction() as session:
        return approve_request(session, services=services, approver=approver, now=now, **arguments)


def last_event(services: CaServices) -> AuditEvent:
    """The newest event."""
    with services.database.reading() as session:
        event = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()
        session.expunge(event)
        return event


def refusal(services: CaServices, now: datetime, **overrides: Any) -> str:
    """The code by which a request is refused, and that the refusal is on record."""
    with pytest.raises(ServiceError) as caught:
        submit(services, now, **overrides)
    event = last_event(services)
    assert (event.type, event.outcome, event.reason) == ("ca:request:submitted", "refused", caught.value.code)
    return caught.value.code


# What a request may not ask for: certificate authority 8 "the CSR proposes".


def test_a_request_to_be_an_authority_is_refused(services: CaServices, now: datetime) -> None:
    """CA:TRUE, and the bits that go with it."""
    ca_true = x509.BasicConstraints(ca=True, path_length=None)
    assert refusal(services, now, csr=make_csr(extensions=[(ca_true, True)])) == "authority_refused"
    signing = key_usage(digital_signature=True, key_cert_sign=True)
    assert refusal(services, now, csr=make_csr(extensions=[(signing, True)])) == "authority_refused"


def test_usages_beyond_the_profile_are_refused(services: CaServices, now: datetime) -> None:
    """A key usage or purpose that the profile does not know is a misunderstanding to be cleared, not to be trimmed."""
    usage = key_usage(digital_signature=True, content_commitment=True)
    assert refusal(services, now, csr=make_csr(extensions=[(usage, True)])) == "usage_refused"
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CODE_SIGNING])
    assert refusal(services, now, csr=make_csr(extensions=[(purpose, False)])) == "purpose_refused"


def test_extra_names_are_refused(services: CaServices, now: datetime) -> None:
    """One foreign name among good ones stops the request; so does a kind of name that the profile does not grant."""
    assert refusal(services, now, csr=make_csr(dns=(SERVER, "www.rentas.gob.ec"))) == "name_not_registered"
    assert refusal(services, now, csr=make_csr(dns=(SERVER, "vu-interno"))) == "name_not_qualified"
    assert refusal(services, now, csr=make_csr(other_names=[x509.RFC822Name("a@b.ec")])) == "name_kind_refused"
    assert refusal(services, now, csr=make_csr(addresses=["10.0.0.1"])) == "address_reserved"
    assert refusal(services, now, profile="institution-seal") == "name_kind_refused"


def test_common_name_outside_the_alternative_names_is_refused(services: CaServices, now: datetime) -> None:
    """BR §7.1.4.3: commonName is one of the alternative names."""
    assert refusal(services, now, csr=make_csr(common_name="otro.pruebas.gob.ec")) == "common_name_not_listed"


def test_what_else_is_refused_is_refused_with_its_reason(services: CaServices, now: datetime) -> None:
    """Unknown profile or institution, the service's own profile, a weak key, no name at all."""
    assert refusal(services, now, profile="nada") == "unknown_profile"
    assert refusal(services, now, profile="ocsp-responder") == "profile_not_requestable"
    assert refusal(services, now, institution_ruc="0990000000001") == "unknown_institution"
    assert refusal(services, now, institution_ruc=None) == "institution_missing"
    assert refusal(services, now, csr=make_csr(rsa.generate_private_key(65537, 1024))) == "rsa_too_short"
    assert refusal(services, now, csr=make_csr(common_name=None, dns=())) == "no_names"
    assert refusal(services, now, inputs={"color": "azul"}) == "unknown_input"


def test_a_key_in_another_institutions_open_request_is_refused(services: CaServices, now: datetime) -> None:
    """Whoever has the key first, has it; the same institution may ask twice."""
    key = ec_key()
    submit(services, now, csr=make_csr(key))
    submit(services, now, csr=make_csr(key))
    other = make_csr(key, common_name="www.rentas.gob.ec", dns=["www.rentas.gob.ec"])
    assert refusal(services, now, csr=other, institution_ruc=OTHER_RUC) == "key_of_another_subject"


# What is granted.


def test_nothing_of_the_csr_is_copied_but_key_and_checked_names(services: CaServices, now: datetime) -> None:
    """Unknown extensions and attributes stay behind; the organization is the register's."""
    foreign = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    request = submit(services, now, csr=make_csr(organization="Otra Cosa S.A.", extensions=[(foreign, True)]))
    certificate = read_unsigned(request.tbs_der)
    assert "1.2.3.4" not in {extension.oid.dotted_string for extension in certificate.extensions}
    organization = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert [item.value for item in organization] == ["Ministerio de Pruebas"]
    changes = {row.field: (row.change, row.requested, row.granted) for row in request.differences}
    assert changes["Organización"] == (Change.REPLACED, ("Otra Cosa S.A.",), ("Ministerio de Pruebas",))
    assert changes["Otras extensiones"] == (Change.REMOVED, ("1.2.3.4",), ())
    assert changes["Nombre común"][0] is Change.SAME


def test_habitual_key_encipherment_is_dropped_and_shown(services: CaServices, now: datetime) -> None:
    """The profile names the bits that it drops; the row says so and why."""
    usage = key_usage(digital_signature=True, key_encipherment=True)
    request = submit(services, now, csr=make_csr(extensions=[(usage, True)]))
    row = next(row for row in request.differences if row.field == "Uso de la clave")
    assert (row.change, row.granted) == (Change.REDUCED, ("Firma digital",)) and row.reason


def test_a_request_without_alternative_name_gets_its_common_name_there(services: CaServices, now: datetime) -> None:
    """BR §7.1.2.7.12: the alternative name is what browsers look at."""
    assert submit(services, now, csr=make_csr(dns=())).names == (SERVER,)


def test_preview_stores_nothing(services: CaServices, now: datetime) -> None:
    """What would be signed can be looked at before anyone asks for it."""
    with services.database.reading() as session:
        preview = preview_request(
            session, services=services, profile="tls-server", csr=make_csr(), institution_ruc=RUC, now=now
        )
        assert preview.differences and not any(finding.severity.blocks for finding in preview.findings)
        assert list_requests(session, services=services) == []


# Two people.


def test_a_second_person_approves_and_the_request_is_approved(services: CaServices, now: datetime) -> None:
    """tls-server: two people in all, the requester and one more."""
    request = submit(services, now)
    approved = approve(services, request, "luis", now)
    assert approved.status is Status.APPROVED
    assert [item.approver for item in approved.approvals] == ["luis"]
    assert last_event(services).actor == "luis"


def test_nobody_approves_his_own_request(services: CaServices, now: datetime) -> None:
    """Requester ≠ approver; the attempt is on record."""
    request = submit(services, now)
    with pytest.raises(Denied) as caught:
        approve(services, request, "ana", now)
    assert caught.value.code == "own_request"
    event = last_event(services)
    assert (event.type, event.outcome, event.reason) == ("ca:request:approved", "refused", "own_request")
    assert find(services, request).status is Status.SUBMITTED


def test_the_same_person_does_not_make_a_quorum_of_two(services: CaServices, now: datetime) -> None:
    """Three people in all: the same approver twice is one approval."""
    services = with_people(services, 3)
    request = submit(services, now)
    assert approve(services, request, "luis", now).status is Status.SUBMITTED
    with pytest.raises(Conflict) as caught:
        approve(services, request, "luis", now)
    assert caught.value.code == "already_approved"
    assert approve(services, request, "eva", now).status is Status.APPROVED


def test_a_profile_of_one_person_lets_the_requester_approve(services: CaServices, now: datetime) -> None:
    """tls-client: one person in all."""
    request = submit(services, now, profile="tls-client", csr=make_csr(common_name="App", dns=()))
    assert request.may_be_approved_by("ana")
    assert approve(services, request, "ana", now).status is Status.APPROVED


def test_an_approval_is_bound_to_the_bytes_that_were_seen(services: CaServices, now: datetime) -> None:
    """Another hash than the stored bytes' approves nothing."""
    request = submit(services, now)
    with pytest.raises(Conflict) as caught:
        approve(services, request, "luis", now, tbs_sha256="0" * 64)
    assert caught.value.code == "bytes_changed"


def test_many_approvals_at_once_make_one_certificate(services: CaServices, now: datetime) -> None:
    """Quorum inside the transaction, one winner; the rest hear that it is decided."""
    request = submit(services, now)

    def try_to(person: str) -> str:
        try:
            approve(services, request, person, now)
        except Conflict as error:
            return error.code
        issue_approved(services, request.id, now=now)
        return "won"

    with ThreadPoolExecutor(5) as pool:
        results = sorted(pool.map(try_to, ["luis", "eva", "rosa", "juan", "luis"]))
    assert results == ["request_not_open"] * 4 + ["won"]
    with services.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Approval)) == 1
        query = select(func.count()).select_from(Certificate).where(Certificate.request_id == request.id)
        assert session.scalar(query) == 1


def test_one_person_twice_at_once_counts_once(services: CaServices, now: datetime) -> None:
    """Double submit of the same approval, where three people are needed in all."""
    services = with_people(services, 3)
    request = submit(services, now)

    def try_to(_: int) -> str:
        try:
            return approve(services, request, "luis", now).status.value
        except Conflict as error:
            return error.code

    with ThreadPoolExecutor(3) as pool:
        results = sorted(pool.map(try_to, range(3)))
    assert results == ["already_approved", "already_approved", "submitted"]


def test_a_lint_that_blocks_stops_the_approval(services: CaServices, now: datetime) -> None:
    """Two people can agree and still be wrong: a profile of 300 days breaks BR §6.3.2, and nobody signs it."""
    profile = replace(services.profiles.get("tls-server"), lifetime_days=300, schedule="none")
    services = replace(services, profiles=ProfileRegistry([profile]))
    request = submit(services, now)
    assert request.is_blocked and not request.may_be_approved_by("luis")
    assert any("validity" in finding.code for finding in request.findings if finding.severity.blocks)
    with pytest.raises(Rejected) as caught:
        approve(services, request, "luis", now)
    assert caught.value.code == "lint_blocked"


def test_a_profile_that_changed_needs_a_new_request(services: CaServices, now: datetime) -> None:
    """What was shown was another version's."""
    request = submit(services, now)
    profile = services.profiles.get("tls-server")
    newer = replace(
        services,
        profiles=ProfileRegistry(
            [
                replace(
                    profile,
                    version=profile.version + 1,
                    changes={**profile.changes, profile.version + 1: "A trial change."},
                )
            ]
        ),
    )
    with pytest.raises(Conflict) as caught:
        approve(newer, request, "luis", now)
    assert caught.value.code == "profile_changed"


# Refusing and expiring.


def test_refusing_is_final_and_says_why(services: CaServices, now: datetime) -> None:
    """Every refusal has a reason; nobody approves after it."""
    request = submit(services, now)
    with services.database.transaction() as session:
        refused = refuse_request(
            session, services=services, request_id=request.id, actor="luis", reason="Falta el oficio 12", now=now
        )
    assert (refused.status, refused.refusal_reason, refused.decided_by) == ("refused", "Falta el oficio 12", "luis")
    assert last_event(services).type == "ca:request:refused"
    with pytest.raises(Conflict):
        approve(services, request, "eva", now)
    with services.database.transaction() as session, pytest.raises(Rejected):
        refuse_request(session, services=services, request_id=request.id, actor="luis", reason="  ", now=now)


def test_an_expired_request_takes_no_approval(services: CaServices, now: datetime) -> None:
    """24 hours after it was built it expires, at the approval or by the worker, with its event."""
    request = submit(services, now)
    with pytest.raises(Conflict) as caught:
        approve(services, request, "luis", now + timedelta(hours=24))
    assert caught.value.code == "request_expired"
    assert find(services, request).status is Status.EXPIRED
    second = submit(services, now)
    with services.database.transaction() as session:
        assert expire_stale(session, services=services, now=now + timedelta(hours=25)) == 1
    assert find(services, second).status is Status.EXPIRED
    assert last_event(services).type == "ca:request:expired"


def test_bytes_built_anew_need_new_approvals_by_others(services: CaServices, now: datetime) -> None:
    """New serial, new dates; earlier approvals do not count, and who had them built may not approve."""
    services = with_people(services, 3)
    request = submit(services, now)
    approve(services, request, "luis", now)
    later = now + timedelta(hours=30)
    with services.database.transaction() as session:
        expire_stale(session, services=services, now=later)
    with services.database.transaction() as session:
        anew = rebuild_request(session, services=services, request_id=request.id, actor="eva", now=later)
    assert anew.serial != request.serial and anew.tbs_sha256 != request.tbs_sha256 and anew.approvals == ()
    for person in ("ana", "eva"):
        with pytest.raises(Denied):
            approve(services, anew, person, later)
    with pytest.raises(Conflict):
        approve(services, request, "luis", later)  # what he saw the first time
    assert approve(services, anew, "luis", later).status is Status.SUBMITTED
    assert approve(services, anew, "rosa", later).status is Status.APPROVED


def test_unknown_requests_are_not_found(services: CaServices, now: datetime) -> None:
    """An id that nobody gave out."""
    request = replace(submit(services, now), id="nada")
    with pytest.raises(NotFound):
        approve(services, request, "luis", now)


# Personal certificates.

SERVANT = {
    "cedula": "1710034065",
    "given_names": "María José",
    "first_surname": "Ñaupari",
    "second_surname": "Güiza",
    "position": "Directora de Trámites",
}


def test_a_servants_certificate_names_the_person_and_the_evidence_does_not(services: CaServices, now: datetime) -> None:
    """ETSI EN 319 412-1 §5.1.3 ``IDCEC-``; personal data stands in leaves only sealed."""
    csr = make_csr(ec.generate_private_key(ec.SECP384R1()), common_name=None, dns=())
    request = submit(services, now, profile="public-servant-signature", csr=csr, inputs=SERVANT)
    subject = read_unsigned(request.tbs_der).subject
    assert subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)[0].value == "IDCEC-1710034065"
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "María José Ñaupari Güiza"
    approve(services, request, "luis", now)
    issue_approved(services, request.id, now=now)
    with services.database.reading() as session:
        leaves = b"".join(session.scalars(select(AuditEvent.leaf)))
    for secret in (b"1710034065", b"aupari", b"Mar\\u00eda"):
        assert secret not in leaves


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"cedula": "1710034066"}, "bad_cedula"),
        ({"cedula": ""}, "input_missing"),
        ({"phone": "llámame"}, "bad_phone"),
        ({"given_names": "Mаría"}, "name_mixed_script"),
        ({"position": "x" * 65}, "name_too_long"),
    ],
)
def test_wrong_fields_are_refused(services: CaServices, now: datetime, change: dict[str, str], code: str) -> None:
    """Each field by its kind: the cédula by its digit, names by the rules of text."""
    csr = make_csr(common_name=None, dns=())
    assert refusal(services, now, profile="public-servant-signature", csr=csr, inputs=SERVANT | change) == code


def find(services: CaServices, request: RequestView) -> RequestView:
    """The request as it stands."""
    with services.database.reading() as session:
        return find_request(session, services=services, request_id=request.id)


def with_people(services: CaServices, people: int) -> CaServices:
    """The same service with a TLS server profile that wants so many people."""
    profile = replace(services.profiles.get("tls-server"), people=people)
    return replace(services, profiles=ProfileRegistry([profile]))


@pytest.mark.parametrize(("asking", "approving"), [("ana", "command:ana"), ("command:ana", "luis")])
def test_console_and_command_line_do_not_make_two_people(
    services: CaServices, now: datetime, asking: str, approving: str
) -> None:
    """Console 13: a person and a login of the machine may be one and the same; only like names tell people apart."""
    request = submit(services, now, requested_by=asking)
    with pytest.raises(Denied, match="other_channel"):
        approve(services, request, approving, now)
    assert last_event(services).reason == "other_channel"


def test_the_difference_names_everything_that_the_certificate_says(services: CaServices, now: datetime) -> None:
    """Certificate authority, line 8: every field and extension of the bytes that will be signed is told, in words."""
    with services.database.reading() as session:
        preview = preview_request(
            session,
            services=services,
            profile="public-servant-signature",
            csr=make_csr(common_name="directora maria", dns=()),
            institution_ruc=RUC,
            inputs=INPUTS["public-servant-signature"],
            now=now,
        )
    rows = {row.field: row for row in preview.differences}
    assert "Cédula o pasaporte: 1710034065" in rows["Campos nacionales"].granted
    assert rows["Políticas"].granted == ("1.3.6.1.4.1.32473.1.2.3",)
    assert "domicilio legal" in rows["Aviso"].granted[0]
    assert any(text.startswith("OCSP: http://") for text in rows["Estado y emisor"].granted)
    assert rows["Nombre común"].change is Change.REPLACED
    told = " ".join(" ".join(row.granted) for row in preview.differences)
    for attribute in preview.certificate.subject:
        assert str(attribute.value) in told
    assert f"{preview.certificate.serial_number:040x}" in told
    # Names, usages, purposes, policies, list, status, both key identifiers, national fields: nothing is left out.
    silent = {"2.5.29.15", "2.5.29.37"} | {f"1.3.6.1.4.1.32473.1.3.{number}" for number in range(1, 13)}
    rest = {item.oid.dotted_string for item in preview.certificate.extensions} - silent
    named = {"2.5.29.35": "Clave emisora", "2.5.29.14": "Identificador de la clave", "2.5.29.32": "Políticas",
             "2.5.29.31": "Lista de revocación", "1.3.6.1.5.5.7.1.1": "Estado y emisor"}  # fmt: skip
    assert {named[oid] for oid in rest} <= set(rows)


def test_a_name_in_other_letters_is_another_name(services: CaServices, now: datetime) -> None:
    """Of a server the case says nothing; of an institution it is how it is written."""
    request = submit(services, now, csr=make_csr(common_name=SERVER.upper(), organization="MINISTERIO DE PRUEBAS"))
    changes = {row.field: row.change for row in request.differences}
    assert changes["Organización"] is Change.REPLACED
    assert changes["Otros nombres"] is Change.SAME
