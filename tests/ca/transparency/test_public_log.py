"""The log as the public reads it: by a monitor that shares no code with the service (Certificate authority, 26)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete

from ca.ceremony.hierarchy import Hierarchy
from ca.serial import serial_text
from ca.services import CaServices
from ca.transparency.model import CertificateLogEntry
from ca.transparency.promise import ensure_logged
from ca.transparency.record import log_certificates
from ca.web import mount
from tests.ca.issued import issue
from tests.ca.transparency import monitor
from tests.ca.transparency.made import make_logged
from web.application import create_app


@pytest.fixture
def app(services: CaServices, hierarchy: Hierarchy) -> Flask:
    """An application with the authority mounted."""
    app = create_app(settings=services.settings, clock=services.clock, secret_key=b"k" * 32)
    mount(app, services)
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A stranger."""
    return app.test_client()


def fetcher(client: FlaskClient) -> Callable[[str], bytes]:
    def fetch(path: str) -> bytes:
        answer = client.get(f"/pki/log/{path}")
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.data

    return fetch


def fill(services: CaServices, count: int, now: datetime) -> list[str]:
    made = [make_logged(f"n{number}.pruebas.gob.ec", now=now) for number in range(count)]
    with services.database.transaction() as session:
        log_certificates(session, made, now=now)
    ensure_logged(services.certificate_log, [each.serial for each in made], now=now)
    return [each.serial for each in made]


def test_a_stranger_rebuilds_the_tree_from_the_entries(
    services: CaServices, client: FlaskClient, now: datetime
) -> None:
    """C2SP tlog-tiles: entries hash to the tiles of level 0, those to the root that is signed; old heads stay true."""
    fetch = fetcher(client)
    issue(services, "tls-server", now)
    key = fetch("key").decode()
    earlier = monitor.read_checkpoint(fetch("checkpoint").decode(), key)
    fill(services, 600, now)
    origin, size, root = monitor.read_checkpoint(fetch("checkpoint").decode(), key)
    assert origin == "localhost:8000/pki/log"
    entries = monitor.read_entries(fetch, size)
    hashes = [monitor.leaf_hash(entry) for entry in entries]
    assert len(entries) == size > 600
    assert hashes == monitor.read_leaf_hashes(fetch, size)
    assert monitor.root_of(hashes) == root
    assert monitor.root_of(hashes[: earlier[1]]) == earlier[2]
    assert fetch("tile/1/000.p/2") == b"".join(monitor.root_of(hashes[at : at + 256]) for at in (0, 256))
    documents = [json.loads(entry) for entry in entries]
    assert all(x509.load_der_x509_certificate(base64.b64decode(each["certificate"])) for each in documents)


@pytest.mark.parametrize("form", ["serial", "colons", "fingerprint", "commitment"])
def test_the_proof_of_an_institution_s_certificate_is_found_by_any_of_its_names(
    services: CaServices, client: FlaskClient, now: datetime, form: str
) -> None:
    """RFC 6962 \u00a72.1.1: leaf, path and signed root, checked by code that is not ours."""
    certificate = issue(services, "tls-server", now)
    fill(services, 5, now)
    der, serial = certificate.public_bytes(Encoding.DER), serial_text(certificate.serial_number)
    name = {
        "serial": serial,
        "colons": ":".join(serial[at : at + 2] for at in range(0, len(serial), 2)).upper(),
        "fingerprint": hashlib.sha256(der).hexdigest(),
        "commitment": hashlib.sha256(b"certificate log: commitment\n" + der).hexdigest(),
    }[form]
    document = client.get(f"/pki/log/proof/{name}").get_json()
    leaf = document["leaf"].encode()
    assert base64.b64decode(json.loads(leaf)["certificate"]) == der
    _, size, root = monitor.read_checkpoint(document["checkpoint"], document["log_key"])
    path = [base64.b64decode(each) for each in document["hashes"]]
    assert monitor.root_by_path(monitor.leaf_hash(leaf), document["index"], size, path) == root


def test_a_person_proves_his_own_certificate_and_nobody_finds_it_by_number(
    services: CaServices, client: FlaskClient, now: datetime
) -> None:
    """Only whoever has the certificate can compute what the entry is found by."""
    certificate = issue(services, "person-authentication", now)
    der, serial = certificate.public_bytes(Encoding.DER), serial_text(certificate.serial_number)
    assert client.get(f"/pki/log/proof/{serial}").status_code == 404
    assert client.get(f"/pki/log/proof/{hashlib.sha256(der).hexdigest()}").status_code == 404
    committed = hashlib.sha256(b"certificate log: commitment\n" + der).hexdigest()
    document = client.get(f"/pki/log/proof/{committed}").get_json()
    assert json.loads(document["leaf"])["commitment"] == committed


@pytest.mark.parametrize(
    "path",
    [
        "tile/entries/000.p/200",
        "tile/entries/001",
        "tile/0/001",
        "tile/entries/x999/x999/x999/999",
        "proof/zz",
    ],
)
def test_what_the_log_has_not_is_not_found(services: CaServices, client: FlaskClient, now: datetime, path: str) -> None:
    """A tile that is not full yet has no address of a full one."""
    fill(services, 3, now)
    assert client.get(f"/pki/log/{path}").status_code == 404


def test_tiles_never_change_and_heads_may(services: CaServices, client: FlaskClient, now: datetime) -> None:
    """C2SP tlog-tiles: caches keep tiles for good."""
    fill(services, 3, now)
    for path in ("tile/entries/000.p/3", "tile/0/000.p/3"):
        assert "immutable" in client.get(f"/pki/log/{path}").headers["Cache-Control"]
    assert client.get("/pki/log/checkpoint").headers["Cache-Control"] == "public, max-age=1"


def test_metrics_ring_when_a_certificate_is_not_in_the_log(
    services: CaServices, client: FlaskClient, now: datetime
) -> None:
    """The alarm of monitoring: a row that came past the log."""
    certificate = issue(services, "tls-server", now)
    assert "sau_certificates_unlogged 0.0" in client.get("/metrics").text
    with services.database.transaction() as session:
        session.execute(
            delete(CertificateLogEntry).where(CertificateLogEntry.id == serial_text(certificate.serial_number))
        )
    assert "sau_certificates_unlogged 1.0" in client.get("/metrics").text
