"""CMP as OpenSSL's client speaks it: the authority served on a port, at today's time."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from werkzeug.serving import make_server

from ca.ceremony.hierarchy import Hierarchy
from ca.enrolment.credential import Protocol, create_credential
from ca.services import CaServices
from ca.units.signer import CMP, renew_unit_signer
from ca.web import mount
from kernel.clock import ManualClock
from tests.ca.csr import ec_key
from tests.ca.est.conftest import own_lints_only
from tests.ca.ground import RUC, hierarchy, institutions, now, services
from tests.servers.process import free_port
from web.application import create_app

__all__ = ["hierarchy", "institutions", "now", "own_lints_only", "services"]


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at today's time: OpenSSL looks at its own."""
    return ManualClock(datetime.now(UTC).replace(microsecond=0))


class CmpClient:
    """``openssl cmp`` in a folder of its own."""

    def __init__(self, services: CaServices, port: int, folder: Path) -> None:
        self.services, self.port, self.folder = services, port, folder

    def credential(self, **overrides: Any) -> tuple[str, ...]:
        """The options by which a fresh credential is used."""
        arguments: dict[str, Any] = {
            "profile": "tls-client",
            "institution_ruc": RUC,
            "actor": "command:root",
        }
        with self.services.database.transaction() as session:
            made, secret = create_credential(
                session,
                services=self.services,
                protocol=Protocol.CMP,
                now=self.services.clock.now(),
                **(arguments | overrides),
            )
        return ("-ref", made.id, "-secret", f"pass:{secret.reveal()}")

    def key(self, name: str) -> str:
        """Write a fresh key and return its file's name."""
        pem = ec_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.folder / name).write_bytes(pem)
        return name

    def run(self, *arguments: str, path: str = "cmp", check: bool = True) -> str:
        """Send a command; return what OpenSSL wrote."""
        command = ["openssl", "cmp", "-config", "", "-server", f"127.0.0.1:{self.port}/{path}", *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=180)
        assert (done.returncode == 0) is check, done.stdout + done.stderr
        return done.stdout + done.stderr

    def certificate(self, name: str) -> x509.Certificate:
        """The first certificate in a file."""
        return x509.load_pem_x509_certificate((self.folder / name).read_bytes())

    def enrol(self, *more: str, subject: str = "/CN=Portal", command: str = "ir") -> tuple[str, ...]:
        """A first certificate; return the options that sign with it."""
        self.run(
            "-cmd", command, *self.credential(), "-newkey", self.key("k.pem"), "-subject", subject,
            "-certout", "c.pem", "-cacertsout", "root.pem", *more,
        )  # fmt: skip
        return ("-cert", "c.pem", "-key", "k.pem", "-trusted", "root.pem")


@pytest.fixture
def cmp(services: CaServices, hierarchy: Hierarchy, tmp_path: Path) -> Iterator[CmpClient]:
    """A client, with the server at its port."""
    renew_unit_signer(services, CMP, now=services.clock.now(), first=True)
    port = free_port()
    app = create_app(settings=services.settings, clock=services.clock, secret_key=b"k" * 32)
    mount(app, services)
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield CmpClient(services, port, tmp_path)
    server.shutdown()
    thread.join()
