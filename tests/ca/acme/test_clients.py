"""Others' clients, with challenges that are really answered: certbot, lego, acme-client (certificate authority, 24)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.servers.dns import NameServerOfTests, run_name_server
from tests.servers.node import install_node_program
from tests.servers.postgresql import PostgreSqlServer
from tests.servers.process import find_program, free_ports
from tests.servers.service import LiveService, run_service

pytestmark = pytest.mark.server

RUC, DOMAIN = "1768152560001", "pruebas.gob.ec"
NODE_PROGRAM = Path(__file__).parent / "acme_client"


class Ground:
    """A service whose proofs are looked at on ports of this machine."""

    def __init__(self, service: LiveService, names: NameServerOfTests, http_port: int, tls_port: int) -> None:
        self.service, self.names, self.http_port, self.tls_port = service, names, http_port, tls_port
        self.directory = f"{service.url}/acme/directory"

    def credential(self) -> dict[str, Any]:
        """A fresh credential."""
        made: dict[str, Any] = self.service.json("acme", "credential", "add", "--institution", RUC)
        return made

    def status_of(self, pem: str) -> str | None:
        """Why the certificate is revoked; None if it stands."""
        serial = f"{x509.load_pem_x509_certificate(pem.encode()).serial_number:x}"
        with self.service.composition() as composed, composed.database.reading() as session:
            from ca.issuance.model import Certificate

            return session.get_one(Certificate, serial).revocation_reason


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSqlServer) -> Iterator[Ground]:
    """A service with an institution, its resolver a name server of the test: two web workers on PostgreSQL, so that a
    nonce of one comes back to the other, and a key that one has met is changed at the other."""
    folder, ports = tmp_path_factory.mktemp("acme"), free_ports(2)
    with run_name_server(folder) as names:
        more = {
            "SAU_ACME_RESOLVERS": f"127.0.0.1:{names.port}",
            "SAU_ACME_HTTP_PORT": str(ports),
            "SAU_ACME_TLS_PORT": str(ports + 1),
            "SAU_WORKERS": "2",
        }
        url = postgresql.url(postgresql.create_database(with_schema=False))
        with run_service(folder, database_url=url, demo=False, more=more) as service:
            service.command("institution", "add", "--ruc", RUC, "--name", "Ministerio de Pruebas", "--domain", DOMAIN)
            yield Ground(service, names, ports, ports + 1)


def run(*command: str | Path, more: dict[str, str] | None = None) -> str:
    """Run a program and return what it prints."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SAU_")} | (more or {})
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environ, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def names_in(pem: str) -> list[str]:
    """The names of the first certificate of a chain, whose second one has signed it."""
    leaf, issuer = x509.load_pem_x509_certificates(pem.encode())
    leaf.verify_directly_issued_by(issuer)
    return leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)


def test_certbot_by_http_and_by_dns_for_a_wildcard(ground: Ground, tmp_path: Path) -> None:
    """certbot of Debian: external account binding, http-01, dns-01, renewal, revocation."""
    program, credential = find_program("certbot", package="certbot"), ground.credential()
    folders = [f"--{kind}-dir={tmp_path / kind}" for kind in ("config", "work", "logs")]
    common = ["--server", ground.directory, "-n", "--agree-tos", *folders]
    name = f"certbot.{DOMAIN}"
    http = ["--standalone", "--http-01-port", str(ground.http_port), "--http-01-address", "127.0.0.1"]
    eab = ["--eab-kid", credential["key_id"], "--eab-hmac-key", credential["hmac_key"], "-m", "red@pruebas.gob.ec"]
    run(program, "certonly", *common, *eab, *http, "--key-type", "ecdsa", "-d", name)
    first = (tmp_path / "config" / "live" / name / "fullchain.pem").read_text()
    assert names_in(first) == [name]
    run(program, "renew", "--force-renewal", "--no-random-sleep-on-renew", *folders)
    second = (tmp_path / "config" / "live" / name / "fullchain.pem").read_text()
    assert first != second
    run(program, "revoke", *common, "--cert-name", name, "--reason", "superseded", "--no-delete-after-revoke")
    assert ground.status_of(second) == "superseded"
    assert ground.status_of(first) is None

    hook = tmp_path / "hook"
    hook.write_text(
        f'#!/bin/sh\necho "_acme-challenge.$CERTBOT_DOMAIN TXT $CERTBOT_VALIDATION" >> {ground.names.zone}\n'
    )
    hook.chmod(0o755)
    dns = ["--manual", "--preferred-challenges", "dns", "--manual-auth-hook", str(hook)]
    run(program, "certonly", *common, *dns, "--key-type", "rsa", "-d", f"*.{name}", "-d", name, "--cert-name", "wild")
    wild = (tmp_path / "config" / "live" / "wild" / "fullchain.pem").read_text()
    assert sorted(names_in(wild)) == [f"*.{name}", name]


def test_lego_by_tls_and_renewal_information(ground: Ground, tmp_path: Path) -> None:
    """lego of Debian: external account binding, tls-alpn-01 (RFC 8737), revocation."""
    program, credential = find_program("lego", package="lego"), ground.credential()
    name = f"lego.{DOMAIN}"
    common = [
        *("--server", ground.directory, "--accept-tos", "--email", "red@pruebas.gob.ec", "--path", tmp_path),
        *("--domains", name, "--tls", "--tls.port", f"127.0.0.1:{ground.tls_port}", "--key-type", "ec256"),
        *("--eab", "--kid", credential["key_id"], "--hmac", credential["hmac_key"]),
    ]
    run(program, *common, "run")
    pem = (tmp_path / "certificates" / f"{name}.crt").read_text()
    assert names_in(pem) == [name]
    run(program, *common, "revoke")
    assert ground.status_of(pem) == "unspecified"


def test_acme_client_of_node(ground: Ground, tmp_path: Path) -> None:
    """acme-client (npm): external account binding, http-01, key change, account deactivation."""
    folder, credential = install_node_program(NODE_PROGRAM), ground.credential()
    name = f"node.{DOMAIN}"
    asked = {"directory": ground.directory, "name": name, "port": ground.http_port, **credential}
    told = json.loads(run(find_program("node", package="nodejs"), folder / "issue.mjs", json.dumps(asked)))
    assert names_in(told["chain"]) == [name]
    assert told["accountStatus"] == "deactivated"
    assert told["changed"] is True
