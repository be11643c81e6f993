"""Messages of CMP one by one: what no polite client sends, and the whole of a transaction that waits for people."""

from __future__ import annotations

import secrets
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pyasn1.codec.der import decoder, encoder
from pyasn1_alt_modules import rfc9480
from sqlalchemy import select

from audit.model import AuditEvent
from ca.cmp.overdue import CONFIRM_WAIT, revoke_unconfirmed
from ca.cmp.protection import MacProtector, Protector, _mac
from ca.issuance.model import Certificate
from ca.requests.crmf import children, sequence, tagged
from ca.requests.decide import approve_request, refuse_request
from ca.requests.view import list_requests
from kernel.identifiers import sha256_hex
from kernel.secret_text import SecretText
from tests.ca.cmp.conftest import CmpClient
from tests.ca.csr import SERVER, ec_key

IR, P10CR, CERT_CONF, POLL_REQ, KUR, NESTED = 0, 4, 24, 25, 7, 20
CONFIRM = sequence(core.ObjectIdentifier("1.3.6.1.5.5.7.4.13").dump(), core.Null().dump())


def request_content(name: str = "Portal") -> bytes:
    """CertReqMessages with one request, its proof made by the key."""
    key = ec_key()
    attribute = sequence(core.ObjectIdentifier("2.5.4.3").dump(), core.UTF8String(name).dump())
    subject = sequence(b"\x31" + bytes([len(attribute)]) + attribute)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    template = sequence(tagged(5, subject), tagged(6, b"".join(children(public))))
    request = sequence(core.Integer(0).dump(), template)
    signature = core.OctetBitString(key.sign(request, ec.ECDSA(hashes.SHA256()))).dump()
    algorithm = sequence(core.ObjectIdentifier("1.2.840.10045.4.3.2").dump())
    return sequence(sequence(request, tagged(1, algorithm + signature)))


class Pbmac1:
    """Protection by PBMAC1 (RFC 8018 §7.1), as another client makes it."""

    certificates: tuple[bytes, ...] = ()

    def __init__(self, secret: str, reference: bytes, *, iterations: int = 2000) -> None:
        self.key_id = reference
        salt, hmac_sha256 = secrets.token_bytes(16), sequence(core.ObjectIdentifier("1.2.840.113549.2.9").dump())
        parameters = sequence(core.OctetString(salt).dump(), core.Integer(iterations).dump(), hmac_sha256)
        derivation = sequence(core.ObjectIdentifier("1.2.840.113549.1.5.12").dump(), parameters)
        oid = core.ObjectIdentifier("1.2.840.113549.1.5.14").dump()
        self.algorithm = sequence(oid, sequence(derivation, hmac_sha256))
        self._key = PBKDF2HMAC(hashes.SHA256(), 32, salt, iterations).derive(secret.encode())

    def protect(self, protected_part: bytes) -> bytes:
        """See :class:`ca.cmp.protection.Protector`."""
        return _mac(self._key, hashes.SHA256(), protected_part)


@dataclass
class Conversation:
    """One transaction, message by message."""

    cmp: CmpClient
    protector: Protector
    transaction_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    nonce: bytes = b""  # the server's last

    def message(self, kind: int, content: bytes, *, info: bytes = b"", version: int = 2, age: int = 0) -> bytes:
        """The octets of a message."""
        moment = self.cmp.services.clock.now() - timedelta(seconds=age)
        parts = [core.Integer(version).dump(), tagged(4, sequence()), tagged(4, sequence())]
        parts += [tagged(0, core.GeneralizedTime(moment).dump())]
        parts += [tagged(1, self.protector.algorithm), tagged(2, core.OctetString(self.protector.key_id).dump())]
        for number, octets in ((4, self.transaction_id), (5, secrets.token_bytes(16)), (6, self.nonce)):
            if octets:
                parts.append(tagged(number, core.OctetString(octets).dump()))
        if info:
            parts.append(tagged(8, sequence(info)))
        header, body = sequence(*parts), tagged(kind, content)
        protection = core.OctetBitString(self.protector.protect(sequence(header, body))).dump()
        return sequence(header, body, tagged(0, protection))

    def send(self, kind: int, content: bytes, **more: Any) -> Any:
        """Send a message; return the answer's body as others' software reads it."""
        return self.post(self.message(kind, content, **more))

    def post(self, octets: bytes) -> Any:
        """Send octets."""
        sent = urllib.request.Request(
            f"http://127.0.0.1:{self.cmp.port}/cmp", data=octets, headers={"Content-Type": "application/pkixcmp"}
        )
        with urllib.request.urlopen(sent, timeout=60) as answer:
            assert answer.headers["Content-Type"] == "application/pkixcmp"
            message, rest = decoder.decode(answer.read(), asn1Spec=rfc9480.PKIMessage())
        assert not rest
        self.nonce = bytes(message["header"]["senderNonce"])
        return message["body"]


def failure(body: Any) -> str:
    """The failInfo of an error."""
    assert body.getName() == "error", body.prettyPrint()
    bits = body["error"]["pKIStatusInfo"]["failInfo"]
    names = {number: name for name, number in bits.namedValues.items()}
    return names[list(bits).index(1)]


@pytest.fixture
def talk(cmp: CmpClient) -> Conversation:
    """A transaction of a fresh credential for applications."""
    return conversation(cmp)


def conversation(cmp: CmpClient, **overrides: Any) -> Conversation:
    """A transaction of a fresh credential."""
    _, reference, _, secret = cmp.credential(**overrides)
    protector = MacProtector(SecretText(secret.removeprefix("pass:")), reference.encode())
    return Conversation(cmp, protector)


def certificate_of(body: Any) -> bytes:
    """The certificate (DER) in an answer."""
    response = body[body.getName()]["response"][0]
    assert int(response["status"]["status"]) == 0
    return bytes(encoder.encode(response["certifiedKeyPair"]["certOrEncCert"]["certificate"]))[4:]


def raw_certificate(talk: Conversation) -> bytes:
    """What the database has."""
    with talk.cmp.services.database.reading() as session:
        return (
            session.scalars(select(Certificate.certificate_der).where(Certificate.request_id.is_not(None))).one() or b""
        )


def confirmation(certificate: bytes, *, status: int | None = None) -> bytes:
    """CertConfirmContent."""
    chosen = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    digest = hashes.Hash(chosen or hashes.SHA256())
    digest.update(certificate)
    said = [sequence(core.Integer(status).dump())] if status is not None else []
    return sequence(sequence(core.OctetString(digest.finalize()).dump(), core.Integer(0).dump(), *said))


def test_a_replayed_request_is_refused(talk: Conversation) -> None:
    """RFC 4210 §5.1.1: a transactionID of one sender is taken once; nothing is issued again."""
    octets = talk.message(IR, request_content(), info=CONFIRM)
    assert talk.post(octets).getName() == "ip"
    assert failure(talk.post(octets)) == "transactionIdInUse"
    assert raw_certificate(talk)


def test_a_confirmation_answers_our_nonce_and_is_taken_once(talk: Conversation) -> None:
    """RFC 4210 §5.1.1: recipNonce; RFC 4210 §5.3.18: the certificate's hash."""
    assert talk.send(IR, request_content()).getName() == "ip"
    nonce, certificate = talk.nonce, raw_certificate(talk)
    talk.nonce = b"\x01" * 16
    assert failure(talk.send(CERT_CONF, confirmation(certificate))) == "badRecipientNonce"
    talk.nonce = nonce
    octets = talk.message(CERT_CONF, confirmation(certificate))
    assert talk.post(octets).getName() == "pkiconf"
    assert failure(talk.post(octets)) == "badRequest"


def test_a_confirmation_of_another_certificate_is_refused(talk: Conversation) -> None:
    """The hash is that of what was sent."""
    talk.send(IR, request_content())
    wrong = sequence(sequence(core.OctetString(sha256(b"x").digest()).dump(), core.Integer(0).dump()))
    assert failure(talk.send(CERT_CONF, wrong)) == "badCertId"


def test_a_rejected_certificate_is_revoked(talk: Conversation) -> None:
    """RFC 4210 §5.3.18: what the client does not want does not stay good."""
    talk.send(IR, request_content())
    assert talk.send(CERT_CONF, confirmation(raw_certificate(talk), status=2)).getName() == "pkiconf"
    with talk.cmp.services.database.reading() as session:
        row = session.scalars(select(Certificate).where(Certificate.request_id.is_not(None))).one()
        assert row.revocation_reason == "cessationOfOperation"


def test_what_is_never_confirmed_is_revoked(cmp: CmpClient, talk: Conversation) -> None:
    """RFC 4210 §5.3.18: ten minutes after it was sent, once; a confirmation after that comes too late."""
    talk.send(IR, request_content())
    certificate = raw_certificate(talk)
    services, clock = cmp.services, cmp.services.clock
    assert revoke_unconfirmed(services, now=clock.now()) == 0
    late = clock.now() + CONFIRM_WAIT
    assert [revoke_unconfirmed(services, now=late) for _ in range(2)] == [1, 0]
    digest = sha256_hex(certificate)
    with services.database.reading() as session:
        row = session.scalars(select(Certificate).where(Certificate.certificate_sha256 == digest)).one()
    assert (row.revocation_reason, row.revoked_at) == ("cessationOfOperation", late)
    assert failure(talk.send(CERT_CONF, confirmation(certificate))) == "badRequest"


def test_another_sender_does_not_take_up_a_transaction(cmp: CmpClient) -> None:
    """A transactionID is its sender's own."""
    first = conversation(cmp)
    first.send(IR, request_content())
    other = conversation(cmp)
    other.transaction_id, other.nonce = first.transaction_id, first.nonce
    assert failure(other.send(CERT_CONF, confirmation(raw_certificate(first)))) == "badRequest"


@pytest.mark.parametrize("decision", ["approved", "refused"])
def test_two_people_decide_while_the_client_polls(cmp: CmpClient, decision: str) -> None:
    """RFC 9483 §4.4: waiting, pollRep, then the certificate, or the word that there is none."""
    talk = conversation(cmp, profile="tls-server")
    waiting = talk.send(IR, request_content(SERVER))
    assert int(waiting["ip"]["response"][0]["status"]["status"]) == 3
    poll = sequence(sequence(core.Integer(0).dump()))
    again = talk.send(POLL_REQ, poll)
    assert (again.getName(), int(again["pollRep"][0]["checkAfter"])) == ("pollRep", 60)
    services, now = cmp.services, cmp.services.clock.now()
    with services.database.transaction() as session:
        (request,) = list_requests(session, services=services)
        known = {"services": services, "request_id": request.id, "now": now}
        if decision == "approved":
            approve_request(session, approver="command:luis", tbs_sha256=request.tbs_sha256, **known)  # type: ignore[arg-type]
        else:
            refuse_request(session, actor="command:luis", reason="No.", **known)  # type: ignore[arg-type]
    body = talk.send(POLL_REQ, poll)
    if decision == "refused":
        assert failure(body) == "notAuthorized"
        return
    assert body.getName() == "ip"
    assert raw_certificate(talk).endswith(certificate_of(body)[-64:])
    assert talk.send(CERT_CONF, confirmation(raw_certificate(talk))).getName() == "pkiconf"


def test_pbmac1_is_taken(cmp: CmpClient) -> None:
    """RFC 9481 §6.1.2: PBKDF2 and HMAC; too many rounds would keep a server busy."""
    _, reference, _, secret = cmp.credential()
    talk = Conversation(cmp, Pbmac1(secret.removeprefix("pass:"), reference.encode()))
    assert talk.send(IR, request_content(), info=CONFIRM).getName() == "ip"
    busy = Conversation(cmp, Pbmac1(secret.removeprefix("pass:"), reference.encode(), iterations=100_001))
    assert failure(busy.send(IR, request_content())) == "badAlg"


def test_a_changed_message_is_refused(talk: Conversation) -> None:
    """RFC 4210 §5.1.3: one bit of the body; one of the protection."""
    for place in (-200, -1):
        octets = bytearray(talk.message(IR, request_content()))
        octets[place] ^= 1
        assert failure(talk.post(bytes(octets))) in ("badMessageCheck", "badDataFormat")
    with talk.cmp.services.database.reading() as session:
        assert "bad_message_check" in set(session.scalars(select(AuditEvent.reason)))


def test_whoever_has_not_the_key_gets_no_certificate(talk: Conversation) -> None:
    """Certificate authority, line 11: the proof of possession is verified here, too (RFC 4211 §4.1)."""
    content = bytearray(request_content())
    content[-1] ^= 1
    assert failure(talk.send(IR, bytes(content))) == "badPOP"
    stripped = sequence(sequence(children(children(request_content())[0])[0]))
    talk.transaction_id = secrets.token_bytes(16)
    assert failure(talk.send(IR, stripped)) == "badPOP"


_NO_MESSAGES = [
    (b"", "badDataFormat"),
    (b"hola", "badDataFormat"),
    (b"\x30\x80\x00\x00", "badDataFormat"),
    (b"\x30" * 60_000, "badDataFormat"),
    (b"\x30\x82\xff\xff" + b"\x00" * 200_000, "badDataFormat"),
]


def test_what_is_no_message_is_refused(talk: Conversation) -> None:
    """Bounded, whole, and never a crash."""
    for octets, reason in _NO_MESSAGES:
        assert failure(talk.post(octets)) == reason


def test_what_is_not_answered_gets_its_reason(talk: Conversation) -> None:
    """RFC 4210 §5.2.3: version, time, a body that is not for us, an update without its certificate."""
    assert failure(talk.send(IR, request_content(), version=1)) == "unsupportedVersion"
    assert failure(talk.send(IR, request_content(), age=900)) == "badTime"
    assert failure(talk.send(KUR, request_content())) == "notAuthorized"
    assert failure(talk.send(NESTED, sequence())) in ("badRequest", "badDataFormat")
    talk.transaction_id = b""
    assert failure(talk.send(IR, request_content())) == "badRequest"


def test_another_media_type_is_not_read(cmp: CmpClient) -> None:
    """RFC 9811 §3.1."""
    sent = urllib.request.Request(f"http://127.0.0.1:{cmp.port}/cmp", data=b"x", headers={"Content-Type": "text/plain"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(sent, timeout=60)
    assert caught.value.code == 415
