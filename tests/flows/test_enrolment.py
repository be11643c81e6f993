"""Machines enrol through the nginx configuration that we ship: curl by EST, OpenSSL by CMP; stamps over TLS."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from operations.demo import _INSTITUTIONS
from tests.servers.nginx import run_nginx
from tests.servers.process import free_port
from tests.servers.service import LiveService, run_service
from tests.servers.tls import write_localhost_certificate

pytestmark = pytest.mark.server
RUC = _INSTITUTIONS[0][0]


@dataclass(frozen=True)
class Site:
    """A service behind nginx. :ivar port: of the main host; ``mtls_port``: where certificates are asked for."""

    service: LiveService
    folder: Path
    port: int
    mtls_port: int

    def sh(self, script: str) -> str:
        """Run a shell script in the folder."""
        done = subprocess.run(["sh", "-ec", script], cwd=self.folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One service for the tests of this module."""
    folder, port, mtls_port = tmp_path_factory.mktemp("enrolment"), free_port(), free_port()
    more = {
        "SAU_ISSUER": f"https://localhost:{port}",
        "SAU_MTLS_ORIGIN": f"https://localhost:{mtls_port}",
        "SAU_TRUSTED_PROXIES": "127.0.0.1/32",
    }
    certificate, key = write_localhost_certificate(folder)
    with (
        run_service(folder, more=more) as service,
        run_nginx(folder, upstream=service.port, certificate=certificate, key=key, port=port, mtls_port=mtls_port),
    ):
        yield Site(service, folder, port, mtls_port)


def test_curl_enrols_and_renews_by_est(site: Site) -> None:
    """RFC 7030 §4.2: the credential for the first certificate, mutual TLS by nginx for the second one."""
    made = site.service.json("est", "credential", "add", "--institution", RUC, "--profile", "tls-client")
    entry = f"https://localhost:{site.port}/.well-known/est"
    curl = "curl --silent --show-error --fail --cacert localhost.pem -H 'Content-Type: application/pkcs10'"
    unpack = "openssl base64 -d | openssl pkcs7 -inform DER -print_certs"
    site.sh(
        "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout one.key -subj /CN=Equipo"
        " -outform DER 2>/dev/null | openssl base64 > one.b64\n"
        f"{curl} --user '{made['id']}:{made['secret']}' --data-binary @one.b64 {entry}/simpleenroll"
        f" | {unpack} > one.pem\n"
        f"{curl} {entry}/cacerts | {unpack} > authorities.pem\n"
        "openssl verify -x509_strict -CAfile authorities.pem one.pem"
    )
    subject = site.sh("openssl x509 -in one.pem -noout -subject -nameopt RFC2253,-esc_msb,utf8").strip()
    attributes = subject.removeprefix("subject=").split(",")
    reversed_subject = "/" + "/".join(item.replace("/", "\\/") for item in reversed(attributes))
    renewed = f"https://localhost:{site.mtls_port}/.well-known/est/simplereenroll"
    site.sh(
        "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout two.key -utf8"
        f" -subj '{reversed_subject}' -outform DER 2>/dev/null | openssl base64 > two.b64\n"
        f"{curl} --cert one.pem --key one.key --data-binary @two.b64 {renewed} | {unpack} > two.pem\n"
        "openssl verify -x509_strict -CAfile authorities.pem two.pem"
    )
    assert site.sh("openssl x509 -in two.pem -noout -subject -nameopt RFC2253,-esc_msb,utf8").strip() == subject
    refused = site.sh(
        f"curl --silent --cacert localhost.pem --data-binary @two.b64 {entry}/simplereenroll -o said.txt"
        " -w '%{http_code}'; cat said.txt"
    )
    assert refused.startswith("403certificate_needed")


def test_openssl_enrols_by_cmp_over_tls(site: Site) -> None:
    """RFC 9811 §3: the unit is made by a command, the answer to a signed message is found under our root."""
    site.service.command("cmp", "init")
    made = site.service.json("cmp", "credential", "add", "--institution", RUC, "--profile", "tls-client")
    tls = "-tls_used -tls_trusted localhost.pem -tls_host localhost"
    at = f"openssl cmp -config '' -server localhost:{site.port}/cmp {tls}"
    fresh = "openssl ecparam -name prime256v1 -genkey -noout -out"
    site.sh(
        f"{fresh} k1.pem; {fresh} k2.pem\n"
        f"{at} -cmd ir -ref {made['id']} -secret pass:{made['secret']} -newkey k1.pem -subject /CN=Equipo"
        " -certout c1.pem -cacertsout cmp-root.pem\n"
        f"{at} -cmd kur -cert c1.pem -key k1.pem -trusted cmp-root.pem -newkey k2.pem -certout c2.pem\n"
        f"{at} -cmd rr -cert c2.pem -key k2.pem -trusted cmp-root.pem -oldcert c2.pem -revreason 4"
    )


def test_a_document_is_stamped_and_verified(site: Site) -> None:
    """RFC 3161 §3.4, by ``sau tsa init``, curl and ``openssl ts``."""
    site.service.command("tsa", "init")
    said = site.sh(
        "echo acta > acta.txt; openssl ts -query -data acta.txt -sha256 -cert -out q.tsq 2>/dev/null\n"
        "curl --silent --fail --cacert localhost.pem -H 'Content-Type: application/timestamp-query'"
        f" --data-binary @q.tsq https://localhost:{site.port}/tsa -o acta.tsr\n"
        f"curl --silent --fail --cacert localhost.pem https://localhost:{site.port}/pki/ca/root.pem -o stamp-root.pem\n"
        "openssl ts -verify -queryfile q.tsq -in acta.tsr -CAfile stamp-root.pem 2>&1"
    )
    assert "Verification: OK" in said
    assert site.service.json("tsa", "show")["generation"] == 1
