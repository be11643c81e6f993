"""OpenSSL and GnuTLS against the served addresses: certificate authority 25. Their text is read."""

from __future__ import annotations

import base64
import subprocess
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from ca.revocation.ahead.make import SigningAhead
from kernel.clock import ManualClock
from kernel.settings import Settings
from tests.ca.hierarchy import Hierarchy
from tests.ca.revocation.steps import issue, publish, revoke
from tests.ca.revocation.test_signing_ahead import sign_all_ahead
from tests.servers.process import find_program

pytestmark = pytest.mark.server


@pytest.fixture
def clock() -> ManualClock:
    """The machine's own time: others' programs know no other."""
    return ManualClock(datetime.now(UTC))


@pytest.fixture
def settings(settings: Settings, port: int) -> Settings:
    """The service's address is where it is served, so that addresses in certificates lead here."""
    return settings.model_copy(update={"issuer": f"http://localhost:{port}"})


class Bench:
    """Files of one good and one revoked certificate, and the programs that look at them."""

    def __init__(self, folder: Path, hierarchy: Hierarchy, served: str) -> None:
        self.folder, self.served = folder, served
        self.good, self.bad = issue(hierarchy), issue(hierarchy, name="revocado.ejemplo.gob.ec")
        revoke(hierarchy, self.bad, "keyCompromise")
        publish(hierarchy)
        publish(hierarchy, root=True)
        # So that they are shown answers of both kinds: signed ahead, and when they ask (with a nonce, or SHA-256).
        assert sign_all_ahead(SigningAhead(hierarchy.services), hierarchy) > 0
        self._write("good", self.good)
        self._write("bad", self.bad)
        self._write("root", hierarchy.root_certificate)
        self._write("issuing", hierarchy.issuing_certificate)

    def run(self, program: str, *arguments: str, package: str) -> str:
        done = subprocess.run(
            [find_program(program, package=package), *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.stdout + done.stderr

    def openssl(self, *arguments: str) -> str:
        return self.run("openssl", *arguments, package="openssl")

    def fetch(self, url: str, file: str) -> None:
        with urllib.request.urlopen(url, timeout=60) as response:
            (self.folder / file).write_bytes(response.read())

    def _write(self, name: str, certificate: x509.Certificate) -> None:
        (self.folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))


@pytest.fixture
def bench(tmp_path: Path, hierarchy: Hierarchy, served: str) -> Bench:
    folder = tmp_path / "bench"
    folder.mkdir()
    return Bench(folder, hierarchy, served)


def ocsp_address(certificate: x509.Certificate) -> str:
    access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    [address] = [a.access_location.value for a in access if a.access_method == AuthorityInformationAccessOID.OCSP]
    return str(address)


@pytest.mark.parametrize("digest", ["-sha1", "-sha256"])
@pytest.mark.parametrize("nonce", ["-nonce", "-no_nonce"])
def test_openssl_asks_by_post(bench: Bench, digest: str, nonce: str) -> None:
    """``openssl ocsp``, both hashes, with and without a nonce; it verifies signature, signer and times."""

    def ask(name: str, certificate: x509.Certificate) -> str:
        return bench.openssl(
            *("ocsp", digest, "-issuer", "issuing.pem", "-cert", f"{name}.pem", nonce),
            *("-url", ocsp_address(certificate), "-CAfile", "root.pem", "-verify_other", "issuing.pem"),
        )

    good, bad = ask("good", bench.good), ask("bad", bench.bad)
    assert "Response verify OK" in good
    assert "good.pem: good" in good
    assert "WARNING" not in good
    assert "Response verify OK" in bad
    assert "bad.pem: revoked" in bad
    assert "Reason: keyCompromise" in bad


def test_openssl_reads_an_answer_by_get(bench: Bench) -> None:
    """RFC 6960 §A.1: the request that OpenSSL wrote, in base64 behind the address."""
    bench.openssl("ocsp", "-issuer", "issuing.pem", "-cert", "bad.pem", "-no_nonce", "-reqout", "request.der")
    request = base64.b64encode((bench.folder / "request.der").read_bytes()).decode()
    bench.fetch(f"{ocsp_address(bench.bad)}/{quote(request, safe='')}", "answer.der")
    read = bench.openssl(
        *("ocsp", "-respin", "answer.der", "-issuer", "issuing.pem", "-cert", "bad.pem", "-no_nonce"),
        *("-CAfile", "root.pem", "-verify_other", "issuing.pem"),
    )
    assert "Response verify OK" in read
    assert "bad.pem: revoked" in read


def test_openssl_is_told_unauthorized_and_malformed(bench: Bench) -> None:
    """RFC 5019 §2.2.3 for the root's certificates; RFC 5019 §2.1.1 for two questions in one request."""
    url = ocsp_address(bench.good)
    foreign = bench.openssl("ocsp", "-issuer", "root.pem", "-cert", "issuing.pem", "-url", url)
    assert "unauthorized (6)" in foreign
    double = bench.openssl("ocsp", "-issuer", "issuing.pem", "-cert", "good.pem", "-cert", "bad.pem", "-url", url)
    assert "malformedrequest (1)" in double


def test_openssl_verifies_the_path_with_what_it_downloads(bench: Bench) -> None:
    """``-crl_download -crl_check_all -x509_strict``: the CDPs lead to lists that cover their certificates."""
    (bench.folder / "empty.pem").write_text("")
    options = ("-x509_strict", "-crl_check", "-crl_download", "-CAfile", "root.pem", "-untrusted", "issuing.pem")
    assert "good.pem: OK" in bench.openssl("verify", *options, "good.pem")
    assert "certificate revoked" in bench.openssl("verify", *options, "bad.pem")
    bench.fetch(f"{bench.served}/pki/crl/root-0.crl", "root.crl")
    bench.fetch(f"{bench.served}/pki/crl/issuing-1-0.crl", "issuing.crl")
    for name in ("root", "issuing"):
        bench.openssl("crl", "-inform", "DER", "-in", f"{name}.crl", "-out", f"{name}.crl.pem")
    lists = ("-CRLfile", "root.crl.pem", "-CRLfile", "issuing.crl.pem")
    whole_path = ("-x509_strict", "-crl_check_all", "-CAfile", "root.pem", "-untrusted", "issuing.pem")
    assert "good.pem: OK" in bench.openssl("verify", *whole_path, *lists, "good.pem")
    assert "certificate revoked" in bench.openssl("verify", *whole_path, *lists, "bad.pem")


def test_gnutls_asks_and_verifies(bench: Bench) -> None:
    """``ocsptool --ask`` with its nonce."""

    def ask(name: str) -> str:
        return bench.run(
            "ocsptool",
            *(f"--ask={bench.served}/pki/ocsp", "--load-cert", f"{name}.pem", "--load-issuer", "issuing.pem"),
            *("--load-trust", "issuing.pem"),
            package="gnutls-bin",
        )

    good, bad = ask("good"), ask("bad")
    assert "Certificate Status: good" in good
    assert "Verifying OCSP Response: Success" in good
    assert "Certificate Status: revoked" in bad
    assert "Verifying OCSP Response: Success" in bad


def test_gnutls_verifies_the_downloaded_list(bench: Bench) -> None:
    """``certtool --verify-crl``."""
    bench.fetch(f"{bench.served}/pki/crl/issuing-1-0.crl", "issuing.crl")
    bench.openssl("crl", "-inform", "DER", "-in", "issuing.crl", "-out", "issuing.crl.pem")
    read = bench.run(
        "certtool",
        *("--verify-crl", "--infile", "issuing.crl.pem", "--load-ca-certificate", "issuing.pem"),
        package="gnutls-bin",
    )
    assert "Verification output: Verified" in read
