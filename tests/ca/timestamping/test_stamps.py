"""Time-stamps (RFC 3161, RFC 5816), verified by OpenSSL: certificate authority, line 24."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from asn1crypto import core, tsp
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from flask.testing import FlaskClient
from sqlalchemy import select, update

from audit.model import AuditEvent
from ca.ceremony.hierarchy import Hierarchy
from ca.issuance.model import Certificate
from ca.services import CaServices
from ca.units.model import UnitSigner
from ca.units.signer import STAMPS, renew_unit_signer
from ca.web import mount
from kernel.clock import ManualClock
from tests.ca.ground import hierarchy, institutions, now, services
from web.application import create_app

__all__ = ["hierarchy", "institutions", "now", "services"]

POLICY = "1.3.6.1.4.1.32473.1.2.6"


@pytest.fixture
def client(services: CaServices, hierarchy: Hierarchy) -> FlaskClient:
    """A program that asks for stamps; the unit is there."""
    assert renew_unit_signer(services, STAMPS, now=services.clock.now(), first=True)
    app = create_app(settings=services.settings, clock=services.clock, secret_key=b"k" * 32)
    mount(app, services)
    return app.test_client()


def query(digest: bytes = sha256(b"acta").digest(), hash_name: str = "sha256", **more: object) -> bytes:
    """A request for a stamp."""
    imprint = {"hash_algorithm": {"algorithm": hash_name}, "hashed_message": digest}
    return tsp.TimeStampReq({"version": "v1", "message_imprint": imprint, **more}).dump()


def ask(client: FlaskClient, body: bytes) -> bytes:
    """The answer to a request."""
    answer = client.post("/tsa", data=body, content_type="application/timestamp-query")
    assert (answer.status_code, answer.mimetype) == (200, "application/timestamp-reply")
    assert "Set-Cookie" not in answer.headers
    return answer.data


def failure(answer: bytes) -> str:
    """Why there is no stamp."""
    status = tsp.PKIStatusInfo.load(core.Sequence.load(answer)[0].dump())
    assert status["status"].native == "rejection"
    (name,) = status["fail_info"].native
    return str(name)


def info_of(answer: bytes) -> tsp.TSTInfo:
    """What was stamped."""
    return tsp.TimeStampResp.load(answer)["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed


@pytest.mark.parametrize(
    ("digest", "certificate"),
    [("sha256", True), ("sha384", False), ("sha512", True)],
    ids=["certificate enclosed", "certificate at hand", "sha512"],
)
def test_openssl_asks_and_verifies(
    client: FlaskClient, services: CaServices, hierarchy: Hierarchy, tmp_path: Path, digest: str, certificate: bool
) -> None:
    """``openssl ts``: query, answer, verification down to the root; a changed document does not verify."""
    (tmp_path / "acta.txt").write_text("Acta de la sesión")
    (tmp_path / "root.pem").write_bytes(hierarchy.root.public_bytes(Encoding.PEM))
    with services.database.reading() as session:
        unit = session.scalars(select(UnitSigner.certificate_der)).one()
    pem = x509.load_der_x509_certificate(unit or b"").public_bytes(Encoding.PEM)
    (tmp_path / "rest.pem").write_bytes(pem + hierarchy.issuing.public_bytes(Encoding.PEM))
    ask_for = ["-cert"] if certificate else []
    run(tmp_path, "-query", "-data", "acta.txt", f"-{digest}", "-tspolicy", POLICY, *ask_for, "-out", "q.tsq")
    (tmp_path / "a.tsr").write_bytes(ask(client, (tmp_path / "q.tsq").read_bytes()))
    moment = str(int(services.clock.now().timestamp()))
    verify = ["-verify", "-in", "a.tsr", "-CAfile", "root.pem", "-untrusted", "rest.pem", "-attime", moment]
    assert "OK" in run(tmp_path, *verify, "-queryfile", "q.tsq")
    assert "OK" in run(tmp_path, *verify, "-data", "acta.txt")
    (tmp_path / "acta.txt").write_text("Acta de otra sesión")
    assert "FAILED" in run(tmp_path, *verify, "-data", "acta.txt", check=False)


def run(folder: Path, *arguments: str, check: bool = True) -> str:
    """Run ``openssl ts`` and return what it wrote."""
    done = subprocess.run(["openssl", "ts", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 or not check, done.stderr
    return done.stdout + done.stderr


def test_a_stamp_says_what_the_request_said(client: FlaskClient, services: CaServices) -> None:
    """RFC 3161 §2.4.2: imprint and nonce come back, the time is now, every serial number is another."""
    first, second = (info_of(ask(client, query(nonce=2**64 + 1))) for _ in range(2))
    assert first["message_imprint"]["hashed_message"].native == sha256(b"acta").digest()
    assert (first["nonce"].native, first["policy"].native) == (2**64 + 1, POLICY)
    assert first["gen_time"].native == services.clock.now().replace(microsecond=0)
    assert first["accuracy"]["seconds"].native == 1
    assert first["serial_number"].native != second["serial_number"].native
    assert info_of(ask(client, query()))["nonce"].native is None


def test_the_signature_names_its_certificate(client: FlaskClient, services: CaServices) -> None:
    """RFC 5816 §2.2.1: ESSCertIDv2 over the unit's certificate, whose purpose is time-stamping alone, critical."""
    token = tsp.TimeStampResp.load(ask(client, query(cert_req=True)))["time_stamp_token"]["content"]
    enclosed = list(token["certificates"])  # a SET: in the order of their octets
    (unit,) = [item for item in enclosed if item.chosen.ca is not True]
    (issuer,) = [item for item in enclosed if item.chosen.ca is True]
    attributes = {item["type"].native: item["values"][0] for item in token["signer_infos"][0]["signed_attrs"]}
    named = attributes["signing_certificate_v2"]["certs"][0]["cert_hash"].native
    assert named == sha256(unit.chosen.dump()).digest()
    assert unit.chosen.issuer == issuer.chosen.subject
    parsed = x509.load_der_x509_certificate(unit.chosen.dump())
    purpose = parsed.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert (purpose.critical, [item.dotted_string for item in purpose.value]) == (True, ["1.3.6.1.5.5.7.3.8"])
    without = tsp.TimeStampResp.load(ask(client, query()))["time_stamp_token"]["content"]
    assert not without["certificates"]


def test_every_stamp_is_on_record_before_it_leaves(client: FlaskClient, services: CaServices) -> None:
    """Certificate authority, line 26: the record says which digest, when, and by which key."""
    info = info_of(ask(client, query()))
    with services.database.reading() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.type == "ca:time_stamp:issued")).one()
    assert event.object_id == f"{info['serial_number'].native:x}"
    assert sha256(info.dump()).hexdigest().encode() in event.leaf


_NOT_STAMPED = [
    (b"", "bad_data_format"),
    (b"hola", "bad_data_format"),
    (query() + b"\x00", "bad_data_format"),
    (query(b"\x00" * 5000), "bad_data_format"),
    (query(b"\x00" * 20), "bad_data_format"),
    (query(b"\x00" * 20, "sha1"), "bad_alg"),
    (query(b"\x00" * 16, "md5"), "bad_alg"),
    (query(version="v2"), "bad_request"),
    (query(nonce=-1), "bad_request"),
    (query(nonce=2**300), "bad_request"),
    (query(req_policy="1.2.3"), "unaccepted_policy"),
    (query(extensions=[{"extn_id": "1.2.3", "extn_value": b"\x05\x00"}]), "unaccepted_extensions"),
]


def test_what_is_not_stamped_gets_a_reason(client: FlaskClient) -> None:
    """RFC 3161 §2.4.2: a rejection with its failInfo, and no token; no SHA-1, no MD5."""
    for body, reason in _NOT_STAMPED:
        assert failure(ask(client, body)) == reason


def test_another_media_type_is_not_read(client: FlaskClient) -> None:
    """RFC 3161 §3.4."""
    assert client.post("/tsa", data=query(), content_type="application/octet-stream").status_code == 415


def test_a_clock_that_went_back_stamps_nothing(client: FlaskClient, services: CaServices, clock: ManualClock) -> None:
    """A stamp never says an earlier time than one that was made before it: in this process, and after a restart."""
    clock.advance(timedelta(hours=2))
    ask(client, query())
    clock.advance(-timedelta(hours=1))
    assert failure(ask(client, query())) == "time_not_available"
    app = create_app(settings=services.settings, clock=services.clock, secret_key=b"k" * 32)
    mount(app, services)
    assert failure(ask(app.test_client(), query())) == "time_not_available"
    clock.advance(timedelta(hours=1))
    assert info_of(ask(client, query()))


def test_the_key_is_renewed_in_time_and_an_old_stamp_stays_good(
    client: FlaskClient, services: CaServices, clock: ManualClock
) -> None:
    """A key signs for a year; its certificate outlives it. The next key is there a month before."""
    assert renew_unit_signer(services, STAMPS, now=clock.now(), first=True) is None
    clock.advance(timedelta(days=340))
    fresh = renew_unit_signer(services, STAMPS, now=clock.now())
    assert fresh is not None
    assert renew_unit_signer(services, STAMPS, now=clock.now()) is None
    token = tsp.TimeStampResp.load(ask(client, query()))["time_stamp_token"]["content"]
    assert f"{token['signer_infos'][0]['sid'].chosen['serial_number'].native:x}" == fresh.lstrip("0")
    with services.database.reading() as session:
        assert {row.not_after > clock.now() for row in session.scalars(select(Certificate))} == {True}


def test_without_a_signer_there_is_no_stamp(services: CaServices, client: FlaskClient) -> None:
    """A revoked or missing key: systemFailure, and the upkeep makes the next one."""
    with services.database.transaction() as session:
        session.execute(
            update(Certificate).where(Certificate.profile == "time-stamping").values(revoked_at=services.clock.now())
        )
    assert failure(ask(client, query())) == "system_failure"
    assert renew_unit_signer(services, STAMPS, now=services.clock.now())
    assert info_of(ask(client, query()))


def test_nothing_is_made_where_nobody_wants_stamps(services: CaServices, hierarchy: Hierarchy) -> None:
    """The upkeep renews what an operator began with ``sau tsa init``."""
    assert renew_unit_signer(services, STAMPS, now=services.clock.now()) is None
