"""The keys of the public logs are certified by the authority, and OpenSSL agrees: from the root to a signed head."""

from __future__ import annotations

import base64
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from flask import Flask
from flask.testing import FlaskClient

from audit.export import export_log
from audit.public_log import mount
from audit.sequencer import Sequencer
from ca.ceremony.hierarchy import Hierarchy
from ca.jobs import periodic_jobs
from ca.services import CaServices
from ca.units.signer import LOG_UNITS, renew_unit_signer
from composition import Composition
from kernel.clock import ManualClock
from kernel.errors import NotFound
from tests.ca.ground import hierarchy, institutions, now, services

__all__ = ["hierarchy", "institutions", "now", "services"]
VERIFIER = Path(__file__).parents[3] / "examples" / "verify_log.py"


@pytest.fixture
def client(composition: Composition, services: CaServices, hierarchy: Hierarchy, now: datetime) -> FlaskClient:
    """The public log; its key is certified, and the certificate of it is in the log."""
    for unit in LOG_UNITS:
        assert renew_unit_signer(services, unit, now=now, first=True)
        assert renew_unit_signer(services, unit, now=now, first=True) is None
    Sequencer(composition.audit).run()
    app = Flask("log")
    app.testing = True
    mount(app, composition.audit, limited=lambda view: view)
    return app.test_client()


def openssl(*arguments: str | Path) -> str:
    outcome = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    return outcome.stdout + outcome.stderr


def test_openssl_goes_from_the_root_to_the_signed_head(
    client: FlaskClient, hierarchy: Hierarchy, tmp_path: Path
) -> None:
    """X.509 path, then the Ed25519 signature over the checkpoint's text, without a line of ours."""
    pem = client.get("/audit/log/key.pem").text
    chain = x509.load_pem_x509_certificates(pem.encode())
    assert [each.public_bytes(Encoding.DER) for each in chain[1:]] == [
        hierarchy.issuing.public_bytes(Encoding.DER),
        hierarchy.root.public_bytes(Encoding.DER),
    ]
    (tmp_path / "chain.pem").write_text(pem)
    (tmp_path / "root.pem").write_bytes(hierarchy.root.public_bytes(Encoding.PEM))
    moment = ("-attime", str(int(chain[0].not_valid_before_utc.timestamp()) + 60))
    chain_file, root = tmp_path / "chain.pem", tmp_path / "root.pem"
    told = openssl("verify", "-x509_strict", *moment, "-CAfile", root, "-untrusted", chain_file, chain_file)
    assert told.strip().endswith(": OK")
    (tmp_path / "public.pem").write_text(openssl("x509", "-in", chain_file, "-pubkey", "-noout"))
    text, _, lines = client.get("/audit/log/checkpoint").text.rpartition("\n\n")
    (tmp_path / "text").write_text(text + "\n")
    (tmp_path / "signature").write_bytes(base64.b64decode(lines.split()[2])[4:])
    told = openssl(
        "pkeyutl", "-verify", "-pubin", "-inkey", tmp_path / "public.pem", "-rawin", "-in", tmp_path / "text",
        "-sigfile", tmp_path / "signature",
    )  # fmt: skip
    assert "Verified Successfully" in told


def test_the_bundle_carries_the_certificates_and_the_independent_verifier_checks_them(
    client: FlaskClient, composition: Composition, hierarchy: Hierarchy, tmp_path: Path
) -> None:
    """With the root got elsewhere; another root is refused."""
    log = composition.audit
    with log.database.reading() as session:
        export_log(session, tmp_path / "log.zip", log=log)
    (tmp_path / "root.pem").write_bytes(hierarchy.root.public_bytes(Encoding.PEM))
    (tmp_path / "other.pem").write_bytes(hierarchy.issuing.public_bytes(Encoding.PEM))
    for root, status, word in (("root.pem", 0, "Registro de auditor"), ("other.pem", 1, "do not lead to that root")):
        command = [sys.executable, "-I", str(VERIFIER), str(tmp_path / "log.zip"), "--root", str(tmp_path / root)]
        outcome = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert outcome.returncode == status, outcome.stderr
        assert word in outcome.stdout + outcome.stderr


def test_the_upkeep_renews_the_certificate_and_not_the_key(
    client: FlaskClient, composition: Composition, services: CaServices, clock: ManualClock
) -> None:
    """Witnesses and verifiers hold the key; what it is certified by ends."""
    before = x509.load_pem_x509_certificates(client.get("/audit/log/key.pem").data)[0]
    clock.advance(before.not_valid_after_utc - clock.now() - timedelta(days=20))
    next(job for job in periodic_jobs(services) if "unit" in job.name).run()
    after = x509.load_pem_x509_certificates(client.get("/audit/log/key.pem").data)[0]
    assert after.serial_number != before.serial_number
    assert after.public_key() == before.public_key()


def test_without_a_certificate_there_is_none_to_show(composition: Composition) -> None:
    """An installation whose authorities come by a ceremony later."""
    app = Flask("log")
    app.testing = True
    mount(app, composition.audit, limited=lambda view: view)
    with pytest.raises(NotFound):
        app.test_client().get("/audit/log/key.pem")
