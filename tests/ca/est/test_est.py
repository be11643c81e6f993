"""EST over HTTP (RFC 7030, RFC 8951): certificate authority, line 24."""

from __future__ import annotations

import base64
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from sqlalchemy import func, select

from audit.model import AuditEvent
from ca.enrolment.credential import revoke_credential
from ca.enrolment.model import EnrolmentCredential
from ca.issuance.model import Certificate
from ca.requests.decide import approve_request, refuse_request
from ca.requests.view import Status, list_requests
from ca.revocation.revoke import revoke_certificate
from ca.serial import serial_text
from kernel.clock import ManualClock
from tests.ca.csr import SERVER, ec_key, make_csr
from tests.ca.est.conftest import EstClient, application_csr, body_of, certificates_of
from tests.ca.ground import OTHER_RUC, RUC


def refused(est: EstClient, reason: str) -> bool:
    """Whether the newest refusal on record has this reason."""
    with est.services.database.reading() as session:
        newest = select(AuditEvent).where(AuditEvent.outcome == "refused").order_by(AuditEvent.id.desc()).limit(1)
        event = session.scalars(newest).one()
    return event.reason == reason


def test_anyone_gets_the_authorities_certificates(est: EstClient) -> None:
    """RFC 7030 §4.1.3: certs-only, the root among them, base64; RFC 8951 §3: no Content-Transfer-Encoding."""
    for path in ("cacerts", "tls-client/cacerts", "issuing-1/cacerts"):
        answer = est.http.get(f"/.well-known/est/{path}")
        assert answer.headers["Content-Type"] == "application/pkcs7-mime"
        assert "Content-Transfer-Encoding" not in answer.headers
        assert "Set-Cookie" not in answer.headers
        names = {item.subject == item.issuer for item in certificates_of(answer)}
        assert names == {True, False}
    assert est.http.get("/.well-known/est/nada/cacerts").status_code == 404
    assert est.http.get("/.well-known/est/root/cacerts").status_code == 404


def test_what_a_request_should_hold_is_told_by_the_profile(est: EstClient) -> None:
    """RFC 7030 §4.5.2: keys, their signatures, the usages; no challengePassword (tls-unique ended with TLS 1.2)."""
    answer = est.http.get("/.well-known/est/tls-client/csrattrs")
    assert answer.headers["Content-Type"] == "application/csrattrs"
    der = base64.b64decode(answer.data)
    text = core.SequenceOf.load(der, spec=core.Any)
    oids = [item.parse().native if item.parse().tag == 6 else item.parse()[0].native for item in text]
    assert oids[0] == "1.2.840.10045.2.1"
    assert {"1.2.840.113549.1.1.1", "1.3.101.112", "1.2.840.10045.4.3.2", "1.2.840.113549.1.9.14"} <= set(oids)
    assert "1.2.840.113549.1.9.7" not in oids
    assert b"\x06\x08+\x06\x01\x05\x05\x07\x03\x02" in der  # clientAuth
    assert base64.b64decode(est.http.get("/.well-known/est/csrattrs").data) == b"0\x00"  # nothing in particular


def test_a_credential_brings_the_certificate_and_nothing_else(est: EstClient) -> None:
    """RFC 7030 §4.2.3: only the certificate that was issued; names come from the register, not from the request."""
    credential, secret = est.credential()
    answer = est.post("simpleenroll", application_csr(), basic=(credential.id, secret))
    assert answer.headers["Content-Type"] == "application/pkcs7-mime; smime-type=certs-only"
    (leaf,) = certificates_of(answer)
    assert leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "Ministerio de Pruebas"
    with est.services.database.reading() as session:
        row = session.get_one(Certificate, serial_text(leaf.serial_number))
        assert (row.institution_ruc, row.profile) == (RUC, "tls-client")
        assert session.get_one(EnrolmentCredential, credential.id).uses_left == 0
        delivered = session.scalars(select(AuditEvent).where(AuditEvent.type == "ca:certificate:delivered")).one()
    assert delivered.actor == f"est:{credential.id}"


def test_the_same_request_again_is_the_same_certificate_and_takes_no_use(est: EstClient) -> None:
    """An answer may be lost: whoever asks again is not punished, and the second certificate never was."""
    credential, secret = est.credential()
    csr = application_csr()
    first = est.post("simpleenroll", csr, basic=(credential.id, secret))
    again = est.post("simpleenroll", csr, basic=(credential.id, secret))
    assert certificates_of(first) == certificates_of(again)


def test_a_secret_is_stored_as_a_digest_and_stands_in_no_event(est: EstClient) -> None:
    """Certificate authority, line 13; nothing that opens anything is readable in the database."""
    credential, secret = est.credential()
    est.post("simpleenroll", application_csr(), basic=(credential.id, secret))
    with est.services.database.reading() as session:
        row = session.get_one(EnrolmentCredential, credential.id)
        assert (row.secret_sealed, secret in row.secret_sha256) == (None, False)
        assert all(secret.encode() not in leaf for leaf in session.scalars(select(AuditEvent.leaf)))
    assert secret not in repr(credential)


@pytest.mark.parametrize("case", ["wrong secret", "unknown", "expired", "revoked", "nothing", "cmp"])
def test_whoever_may_not_enter_learns_no_more_than_that(est: EstClient, clock: ManualClock, case: str) -> None:
    """RFC 7030 §3.2.3: 401 with a challenge, one answer for every cause, each on record."""
    credential, secret = est.credential()
    user, given = credential.id, secret
    now = est.services.clock.now()
    if case == "wrong secret":
        given = "x" * 43
    elif case == "unknown":
        user = "nobody"
    elif case == "expired":
        clock.advance(timedelta(days=31))
    elif case == "revoked":
        with est.services.database.transaction() as session:
            revoke_credential(session, services=est.services, credential_id=user, actor="command:root", now=now)
    elif case == "cmp":
        with est.services.database.transaction() as session:
            session.get_one(EnrolmentCredential, user).protocol = "cmp"
    answer = est.post("simpleenroll", application_csr(), basic=None if case == "nothing" else (user, given))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert answer.mimetype == "text/plain"
    if case == "nothing":
        assert answer.text.startswith("credential_needed")
    else:
        assert answer.text == "bad_credential: This credential is not accepted.\n"
        assert refused(est, "bad_credential")


def test_a_credential_opens_its_own_kind_of_certificate(est: EstClient) -> None:
    """RFC 7030 §3.2.2: the label says which kind; another one is refused."""
    credential, secret = est.credential()
    answer = est.post("tls-server/simpleenroll", make_csr(), basic=(credential.id, secret))
    assert (answer.status_code, answer.text.partition(":")[0]) == (403, "other_profile")
    assert refused(est, "other_profile")
    assert est.post("tls-client/simpleenroll", application_csr(), basic=(credential.id, secret)).status_code == 200


def test_a_used_up_credential_brings_nothing_new(est: EstClient) -> None:
    """An operator says how many certificates; what was asked for before is still answered."""
    credential, secret = est.credential()
    csr, entry = application_csr(), (credential.id, secret)
    first = certificates_of(est.post("simpleenroll", csr, basic=entry))
    answer = est.post("simpleenroll", application_csr(), basic=entry)
    assert (answer.status_code, answer.text.partition(":")[0]) == (403, "credential_used_up")
    assert refused(est, "credential_used_up")
    assert certificates_of(est.post("simpleenroll", csr, basic=entry)) == first


def test_a_credential_may_be_for_some_names_only(est: EstClient) -> None:
    """An operator gives one machine no more than its own name."""
    credential, secret = est.credential(profile="tls-client", names=["uno.pruebas.gob.ec"])
    entry = (credential.id, secret)
    other = est.post("simpleenroll", make_csr(common_name="Uno", dns=[SERVER]), basic=entry)
    assert (other.status_code, other.text.partition(":")[0]) == (403, "name_not_allowed")
    assert refused(est, "name_not_allowed")
    (leaf,) = certificates_of(
        est.post("simpleenroll", make_csr(common_name="Uno", dns=["uno.pruebas.gob.ec"]), basic=entry)
    )
    assert leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)


_BAD_BODIES = [
    (b"", "csr_empty"),
    (b"%%%", "bad_base64"),
    (b"AAAA", "csr_bad_pem"),
    (base64.b64encode(b"0" * 70_000), "csr_too_large"),
    (b"A" * 140_000, "csr_too_large"),
]


def test_a_bad_body_is_refused_with_its_reason_and_takes_no_use(est: EstClient) -> None:
    """RFC 7030 §4.2.3: 400 and a text; RFC 8951 §3: base64 whatever the headers say."""
    for body, code in _BAD_BODIES:
        credential, secret = est.credential()
        answer = est.post("simpleenroll", body, basic=(credential.id, secret))
        assert (answer.status_code, answer.text.partition(":")[0]) == (400, code)
        with est.services.database.reading() as session:
            assert session.get_one(EnrolmentCredential, credential.id).uses_left == 1


def test_base64_comes_in_lines_or_without(est: EstClient) -> None:
    """RFC 8951 §3.1: white space is passed over."""
    credential, secret = est.credential(uses=2)
    for change in (lambda body: body.replace(b"\n", b""), lambda body: body.replace(b"\n", b"\r\n") + b"\r\n"):
        answer = est.post("simpleenroll", change(body_of(application_csr())), basic=(credential.id, secret))
        assert answer.status_code == 200


def test_keys_are_not_made_here(est: EstClient) -> None:
    """RFC 7030 §4.4 is optional: refused in words, whoever asks."""
    answer = est.post("serverkeygen", application_csr())
    assert (answer.status_code, answer.mimetype) == (501, "text/plain")
    assert "simpleenroll" in answer.text


def first_certificate(est: EstClient) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A certificate of an application and its key."""
    credential, secret = est.credential()
    key = ec_key()
    (leaf,) = certificates_of(est.post("simpleenroll", application_csr(key=key), basic=(credential.id, secret)))
    return leaf, key


def renewal(leaf: x509.Certificate, key: ec.EllipticCurvePrivateKey | None = None, *, name: str | None = None) -> str:
    """A request with the certificate's subject, as RFC 7030 §4.2.2 wants it."""
    subject = leaf.subject if name is None else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return builder.sign(key or ec_key(), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize("same_key", [True, False], ids=["same key", "new key"])
def test_a_certificate_renews_itself(est: EstClient, same_key: bool) -> None:
    """RFC 7030 §4.2.2: renew and rekey; the subject stays, the serial number does not."""
    leaf, key = first_certificate(est)
    csr = renewal(leaf, key if same_key else None)
    (fresh,) = certificates_of(est.post("simplereenroll", csr, certificate=leaf))
    assert fresh.subject == leaf.subject
    assert fresh.serial_number != leaf.serial_number
    assert (fresh.public_key() == leaf.public_key()) is same_key
    (third,) = certificates_of(est.post("tls-client/simplereenroll", renewal(fresh), certificate=fresh))
    assert third.subject == leaf.subject


def test_a_renewal_changes_no_name(est: EstClient) -> None:
    """RFC 7030 §4.2.2: subject and SubjectAltName are identical."""
    leaf, _ = first_certificate(est)
    for csr in (renewal(leaf, name="Otra cosa"), make_csr(common_name="Portal de trámites", dns=[SERVER])):
        answer = est.post("simplereenroll", csr, certificate=leaf)
        assert (answer.status_code, answer.text.partition(":")[0]) == (403, "subject_changed")
    assert refused(est, "subject_changed")


def test_a_renewal_needs_a_certificate_that_counts(est: EstClient, clock: ManualClock) -> None:
    """RFC 7030 §3.3.2: ours, in force, not revoked; without one, nothing."""
    assert est.post("simplereenroll", application_csr()).text.startswith("certificate_needed")
    leaf, _ = first_certificate(est)
    stranger = est.post("simplereenroll", renewal(leaf), certificate=_self_signed())
    assert (stranger.status_code, stranger.text.partition(":")[0]) == (403, "certificate_unknown")
    with est.services.database.transaction() as session:
        revoke_certificate(
            session,
            services=est.services,
            serial=serial_text(leaf.serial_number),
            reason="superseded",
            actor="command:root",
            now=est.services.clock.now(),
        )
    assert est.post("simplereenroll", renewal(leaf), certificate=leaf).text.startswith("certificate_revoked")
    assert refused(est, "certificate_revoked")
    other, _ = first_certificate(est)
    clock.advance(timedelta(days=400))
    assert est.post("simplereenroll", renewal(other), certificate=other).text.startswith("certificate_expired")


def test_a_certificate_is_believed_on_the_mutual_tls_host_only(est: EstClient) -> None:
    """Everywhere else a header that claims one ends the request."""
    leaf, _ = first_certificate(est)
    pem = leaf.public_bytes(Encoding.PEM).decode().replace("\n", "%0A").replace("+", "%2B").replace(" ", "%20")
    answer = est.http.post("/.well-known/est/simplereenroll", data=b"AAAA", headers={"SSL-Client-Cert": pem})
    assert answer.status_code == 403
    with est.services.database.reading() as session:
        assert session.scalar(select(func.count()).where(Certificate.profile == "tls-client")) == 1


def test_what_two_people_decide_waits_and_comes_with_the_same_request(est: EstClient) -> None:
    """RFC 7030 §4.2.3: 202 with Retry-After; the machine asks again with the same request."""
    credential, secret = est.credential(profile="tls-server")
    csr, entry = make_csr(), (credential.id, secret)
    for _ in range(2):
        waiting = est.post("simpleenroll", csr, basic=entry)
        assert (waiting.status_code, waiting.headers["Retry-After"]) == (202, "60")
    now = est.services.clock.now()
    with est.services.database.transaction() as session:
        (request,) = list_requests(session, services=est.services, status=Status.SUBMITTED)
        assert not request.may_be_approved_by("command:root")  # who made the credential
        approve_request(
            session,
            services=est.services,
            request_id=request.id,
            approver="command:luis",
            tbs_sha256=request.tbs_sha256,
            now=now,
        )
    (leaf,) = certificates_of(est.post("simpleenroll", csr, basic=entry))
    assert leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
        x509.DNSName
    ) == [SERVER]


def test_what_people_refuse_is_refused(est: EstClient) -> None:
    """The machine learns that it need not ask again."""
    credential, secret = est.credential(profile="tls-server", uses=2)
    csr, entry = make_csr(), (credential.id, secret)
    assert est.post("simpleenroll", csr, basic=entry).status_code == 202
    with est.services.database.transaction() as session:
        (request,) = list_requests(session, services=est.services)
        refuse_request(
            session,
            services=est.services,
            request_id=request.id,
            actor="luis",
            reason="No.",
            now=est.services.clock.now(),
        )
    answer = est.post("simpleenroll", csr, basic=entry)
    assert (answer.status_code, answer.text.partition(":")[0]) == (403, "request_refused")


def test_an_institution_gets_no_name_of_another(est: EstClient) -> None:
    """Certificate authority, line 15: the credential's institution, whatever the request says."""
    credential, secret = est.credential(profile="tls-server", institution_ruc=OTHER_RUC)
    answer = est.post("simpleenroll", make_csr(), basic=(credential.id, secret))
    assert (answer.status_code, answer.text.partition(":")[0]) == (400, "name_not_registered")


def test_openssl_reads_what_comes(est: EstClient, tmp_path: Path) -> None:
    """``openssl pkcs7`` prints the chain of cacerts, and ``verify`` builds on it."""
    leaf, _ = first_certificate(est)
    (tmp_path / "leaf.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    (tmp_path / "ca.b64").write_bytes(est.http.get("/.well-known/est/cacerts").data)
    script = (
        "openssl base64 -d -in ca.b64 -out ca.p7 && openssl pkcs7 -inform DER -in ca.p7 -print_certs -out ca.pem"
        f" && openssl verify -attime {int(est.services.clock.now().timestamp())} -x509_strict -CAfile ca.pem leaf.pem"
    )
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip().endswith("OK"), done.stderr


def _self_signed() -> x509.Certificate:
    key = ec_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ajeno")])
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(5)
        .not_valid_before(moment)
        .not_valid_after(moment + timedelta(days=9000))
        .sign(key, hashes.SHA256())
    )


def test_a_name_that_no_table_takes_is_nobodys(est: EstClient) -> None:
    """A user with U+0000, from anybody: refused like any other that is not known."""
    assert est.post("simpleenroll", application_csr(), basic=("a\0b", "x")).status_code == 401
