"""The whole service as relying applications meet it: TLS by nginx, under a certificate of its own authority."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ca.issuance.issue import issue_approved
from ca.requests.decide import approve_request
from ca.requests.submit import submit_request
from ca.services import CaServices
from tests.outgoing.host import TestAuthority
from tests.servers.names import DOMAIN, HOST, MTLS_HOST
from tests.servers.nginx import run_nginx
from tests.servers.process import free_port
from tests.servers.service import LiveService, run_service

RUC = "1760013210001"


@dataclass(frozen=True)
class TrustedService:
    """A service behind nginx.

    :ivar issuer: ``https://sau.pruebas.gob.ec:PORT``; see :mod:`tests.servers.names`.
    :ivar mtls_origin: where client certificates are asked for.
    :ivar trust: PEM file with the root of the service's authority: all that a relying application needs to trust.
    :ivar receivers: certifies the hosts on which applications of the tests hear from the service.
    """

    service: LiveService
    issuer: str
    mtls_origin: str
    trust: Path
    receivers: TestAuthority


@contextmanager
def run_trusted_service(folder: Path, *, database_url: str = "") -> Iterator[TrustedService]:
    """Initialise a service, let its authority issue the certificate of its own addresses, and serve it by nginx."""
    port = free_port()
    issuer, mtls_origin = f"https://{HOST}:{port}", f"https://{MTLS_HOST}:{port}"
    receivers = TestAuthority(folder)
    more = {
        "SAU_OUTGOING_CA_FILE": str(receivers.ca_file),
        "SAU_ISSUER": issuer,
        "SAU_MTLS_ORIGIN": mtls_origin,
        "SAU_TRUSTED_PROXIES": "127.0.0.1/32",
        "SAU_RATE_LIMITS": "on",
        "SAU_OUTGOING_NETWORKS": "127.0.0.0/8",
    }
    trust = folder / "root.pem"
    with run_service(folder, demo=False, more=more, database_url=database_url) as service:
        trust.write_text(service.command("ca", "chain"))
        chain, key = _certify(service, folder)
        with run_nginx(
            folder, upstream=service.port, certificate=chain, key=key, port=port, host=HOST, mtls_host=MTLS_HOST
        ):
            yield TrustedService(service, issuer, mtls_origin, trust, receivers)


def _certify(service: LiveService, folder: Path) -> tuple[Path, Path]:
    """Return the certificate with its chain, and the key, of the service's two names."""
    service.command("institution", "add", "--ruc", RUC, "--name", "Ministerio de Pruebas", "--domain", DOMAIN)
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName(HOST), x509.DNSName(MTLS_HOST)]
    csr = (
        x509.CertificateSigningRequestBuilder(subject_name=x509.Name([]))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    with service.composition() as composed:
        certificate = _issue(composed.ca, csr.public_bytes(serialization.Encoding.PEM).decode())
    paths = folder / "tls.pem", folder / "tls.key"
    paths[0].write_text(certificate + service.command("ca", "chain"))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


def _issue(services: CaServices, csr: str) -> str:
    """Go the whole way, with two people: request, approval, signature. Return PEM."""
    now = services.clock.now()
    with services.database.transaction() as session:
        request = submit_request(
            session,
            services=services,
            profile="tls-server",
            csr=csr,
            institution_ruc=RUC,
            requested_by="ana",
            inputs={},
            now=now,
        )
    with services.database.transaction() as session:
        approve_request(
            session,
            services=services,
            request_id=request.id,
            approver="luis",
            tbs_sha256=request.tbs_sha256,
            now=now,
        )
    der = issue_approved(services, request.id, now=now).certificate_der
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM).decode()
