"""``openssl cmp`` against the server (RFC 4210, RFC 9483): certificate authority, line 24."""

from __future__ import annotations

import pytest
from cryptography.x509.oid import NameOID
from sqlalchemy import func, select

from audit.model import AuditEvent
from ca.cmp.model import CmpTransaction
from ca.issuance.model import Certificate
from ca.serial import serial_text
from tests.ca.cmp.conftest import CmpClient
from tests.ca.csr import SERVER, make_csr


def states(cmp: CmpClient) -> list[str]:
    """Where the transactions stand."""
    with cmp.services.database.reading() as session:
        return list(session.scalars(select(CmpTransaction.state)))


def refusals(cmp: CmpClient) -> set[str | None]:
    """The reasons on record for which somebody was not let in."""
    with cmp.services.database.reading() as session:
        return set(session.scalars(select(AuditEvent.reason).where(AuditEvent.type == "ca:enrolment:refused")))


@pytest.mark.parametrize("command", ["ir", "cr"])
def test_a_first_certificate_by_a_secret(cmp: CmpClient, command: str) -> None:
    """RFC 9483 §4.1.1, §4.1.5: MAC, proof of possession, certificate confirmed; the register decides the subject."""
    cmp.enrol(command=command)
    certificate = cmp.certificate("c.pem")
    assert certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "Ministerio de Pruebas"
    root = cmp.certificate("root.pem")
    assert root.subject == root.issuer
    assert states(cmp) == ["done"]


@pytest.mark.parametrize("mac", ["hmac-sha1", "hmacWithSHA256", "hmacWithSHA512"])
def test_confirmation_may_be_implicit(cmp: CmpClient, mac: str) -> None:
    """RFC 4210 §5.1.1.1, RFC 9481 §6.1.1: granted where it is asked for; SHA-1 within HMAC is what OpenSSL sends."""
    cmp.enrol("-implicit_confirm", "-mac", mac)
    assert states(cmp) == ["done"]


def test_a_request_in_pkcs_10(cmp: CmpClient) -> None:
    """RFC 9483 §4.1.4: p10cr."""
    (cmp.folder / "csr.pem").write_text(make_csr(common_name="Portal", dns=()))
    cmp.run("-cmd", "p10cr", *cmp.credential(), "-csr", "csr.pem", "-certout", "c.pem")
    assert cmp.certificate("c.pem").subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "Portal"


@pytest.mark.parametrize("same_key", [False, True], ids=["new key", "same key"])
def test_a_certificate_updates_itself(cmp: CmpClient, same_key: bool) -> None:
    """RFC 9483 §4.1.3: kur signed by the certificate; our answer is signed, its signer found under the root."""
    signed = cmp.enrol()
    before = cmp.certificate("c.pem")
    key = "k.pem" if same_key else cmp.key("k2.pem")
    cmp.run("-cmd", "kur", *signed, "-newkey", key, "-certout", "c2.pem", "-chainout", "chain.pem")
    after = cmp.certificate("c2.pem")
    assert after.subject == before.subject
    assert after.serial_number != before.serial_number
    assert (after.public_key() == before.public_key()) is same_key


def test_a_signer_asks_for_its_own_names_only(cmp: CmpClient) -> None:
    """A certificate is no permission to enrol: it renews itself."""
    signed = cmp.enrol()
    said = cmp.run(
        "-cmd", "cr", *signed, "-newkey", cmp.key("k2.pem"), "-subject", "/CN=Otro", "-certout", "x.pem", check=False
    )
    assert "notAuthorized" in said
    assert "subject_changed" in refusals(cmp)


def test_a_certificate_revokes_itself_and_no_other(cmp: CmpClient) -> None:
    """RFC 9483 §4.2: rr; after it the certificate opens nothing."""
    signed = cmp.enrol()
    mine = serial_text(cmp.certificate("c.pem").serial_number)
    (cmp.folder / "mine.pem").write_bytes((cmp.folder / "c.pem").read_bytes())
    (cmp.folder / "mine.key").write_bytes((cmp.folder / "k.pem").read_bytes())
    other = cmp.enrol()
    said = cmp.run("-cmd", "rr", *other, "-oldcert", "mine.pem", "-revreason", "4", check=False)
    assert "notAuthorized" in said
    signed = ("-cert", "mine.pem", "-key", "mine.key", "-trusted", "root.pem")
    cmp.run("-cmd", "rr", *signed, "-oldcert", "mine.pem", "-revreason", "4")
    with cmp.services.database.reading() as session:
        row = session.get_one(Certificate, mine)
        assert (row.revocation_reason, row.revoked_at) == ("superseded", cmp.services.clock.now())
    said = cmp.run(
        "-cmd", "kur", *signed, "-newkey", cmp.key("k3.pem"), "-certout", "x", "-unprotected_errors", check=False
    )
    assert "certRevoked" in said
    assert {"not_yours", "certificate_revoked"} <= refusals(cmp)


def test_a_credential_revokes_what_it_brought(cmp: CmpClient) -> None:
    """The machine lost its key; whoever has the credential can still say so."""
    credential = cmp.credential()
    cmp.run("-cmd", "ir", *credential, "-newkey", cmp.key("k.pem"), "-subject", "/CN=Portal", "-certout", "c.pem")
    assert "notAuthorized" in cmp.run("-cmd", "rr", *cmp.credential(), "-oldcert", "c.pem", check=False)
    cmp.run("-cmd", "rr", *credential, "-oldcert", "c.pem", "-revreason", "1")
    with cmp.services.database.reading() as session:
        row = session.get_one(Certificate, serial_text(cmp.certificate("c.pem").serial_number))
        assert row.revocation_reason == "keyCompromise"


def test_a_wrong_secret_gets_an_error_that_nobody_signed(cmp: CmpClient) -> None:
    """RFC 4210 §5.2.3: badMessageCheck; nothing is issued, and it is on record."""
    reference = cmp.credential()[1]
    arguments = ("-cmd", "ir", "-ref", reference, "-newkey", cmp.key("k.pem"), "-subject", "/CN=X", "-certout", "x.pem")
    said = cmp.run(*arguments, "-secret", "pass:wrong", "-unprotected_errors", check=False)
    assert "badMessageCheck" in said
    said = cmp.run(*arguments[:3], "nobody", *arguments[4:], "-secret", "pass:x", "-unprotected_errors", check=False)
    assert "badMessageCheck" in said
    assert refusals(cmp) == {"bad_message_check", "bad_credential"}
    with cmp.services.database.reading() as session:
        assert session.scalar(select(func.count()).where(Certificate.profile == "tls-client")) == 0


def test_two_people_are_waited_for(cmp: CmpClient) -> None:
    """RFC 9483 §4.4: waiting, pollReq, pollRep; the rest of it is among the messages."""
    arguments = (
        "-cmd", "ir", *cmp.credential(profile="tls-server"), "-newkey", cmp.key("k.pem"), "-subject", f"/CN={SERVER}",
        "-sans", SERVER, "-certout", "c.pem",
    )  # fmt: skip
    said = cmp.run(*arguments, "-total_timeout", "2", check=False)
    assert "polling" in said.lower() or "timeout" in said.lower()
    assert states(cmp) == ["waiting"]


def test_a_label_names_the_kind_of_certificate(cmp: CmpClient) -> None:
    """RFC 9811 §3.4: /.well-known/cmp/p/…; another kind than the credential's is refused."""
    arguments = ("-cmd", "ir", *cmp.credential(), "-newkey", cmp.key("k.pem"), "-subject", "/CN=X", "-certout", "c.pem")
    cmp.run(*arguments, path=".well-known/cmp/p/tls-client")
    assert "notAuthorized" in cmp.run(*arguments, path=".well-known/cmp/p/tls-server", check=False)


def test_what_is_asked_in_general_gets_a_general_answer(cmp: CmpClient) -> None:
    """RFC 4210 §5.3.19: genm, genp."""
    said = cmp.run("-cmd", "genm", *cmp.credential(), "-infotype", "signKeyPairTypes")
    assert "genp" in said.lower() or "genm" in said.lower()


def test_an_unwanted_certificate_is_revoked(cmp: CmpClient) -> None:
    """RFC 4210 §5.3.18: the client refuses what it got (here: it trusts another root), and it does not stay good."""
    cmp.enrol()
    (cmp.folder / "other.pem").write_bytes((cmp.folder / "c.pem").read_bytes())
    said = cmp.run(
        "-cmd", "ir", *cmp.credential(), "-newkey", cmp.key("k2.pem"), "-subject", "/CN=Dos", "-certout", "x.pem",
        "-out_trusted", "other.pem", check=False,
    )  # fmt: skip
    assert said
    with cmp.services.database.reading() as session:
        reasons = session.scalars(select(Certificate.revocation_reason).where(Certificate.profile == "tls-client"))
        assert set(reasons) == {None, "cessationOfOperation"}
