"""EST over HTTP: the authority mounted, a hierarchy, two institutions, and clients of theirs."""

from __future__ import annotations

import base64
from dataclasses import replace
from ipaddress import ip_network
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ca.ceremony.hierarchy import Hierarchy
from ca.enrolment.credential import Credential, Protocol, create_credential
from ca.services import CaServices
from ca.web import mount
from tests.ca.csr import make_csr
from tests.ca.ground import RUC, hierarchy, institutions, now, services
from web.application import create_app

__all__ = ["hierarchy", "institutions", "now", "services"]

MTLS = "https://mtls.sau.test"


class EstClient:
    """A machine of an institution."""

    def __init__(self, services: CaServices, app: Flask) -> None:
        self.services = services
        self.http: FlaskClient = app.test_client()

    def credential(self, **overrides: Any) -> tuple[Credential, str]:
        """A credential and its secret."""
        arguments: dict[str, Any] = {"profile": "tls-client", "institution_ruc": RUC, "actor": "command:root"}
        with self.services.database.transaction() as session:
            made, secret = create_credential(
                session,
                services=self.services,
                protocol=Protocol.EST,
                now=self.services.clock.now(),
                **(arguments | overrides),
            )
        return made, secret.reveal()

    def post(
        self,
        operation: str,
        csr: str | bytes,
        *,
        basic: tuple[str, str] | None = None,
        certificate: x509.Certificate | None = None,
    ) -> TestResponse:
        """Send a request as RFC 8951 wants it."""
        body = csr if isinstance(csr, bytes) else body_of(csr)
        headers = {"Content-Type": "application/pkcs10"}
        if basic:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(basic).encode()).decode()
        base_url = None
        if certificate is not None:
            headers["SSL-Client-Cert"] = quote(certificate.public_bytes(Encoding.PEM).decode())
            base_url = MTLS
        return self.http.post(f"/.well-known/est/{operation}", data=body, headers=headers, base_url=base_url)


def body_of(csr: str) -> bytes:
    """The base64 between the lines of a PEM request."""
    return "\n".join(csr.strip().splitlines()[1:-1]).encode()


def certificates_of(answer: TestResponse) -> list[x509.Certificate]:
    """The certificates in an answer."""
    assert answer.status_code == 200, answer.text
    return pkcs7.load_der_pkcs7_certificates(base64.b64decode(answer.data))


def application_csr(name: str = "Portal de trámites", **more: Any) -> str:
    """A request for a certificate of an application."""
    return make_csr(more.pop("key", None), common_name=name, dns=(), **more)


@pytest.fixture
def est(services: CaServices, hierarchy: Hierarchy) -> EstClient:
    """A client without anything yet, of an authority behind a proxy with a mutual-TLS host."""
    proxies = (ip_network("127.0.0.1/32"),)
    settings = services.settings.model_copy(update={"mtls_origin": MTLS, "trusted_proxies": proxies})
    services = replace(services, settings=settings)
    app = create_app(settings=services.settings, clock=services.clock, secret_key=b"k" * 32)
    mount(app, services)
    return EstClient(services, app)


@pytest.fixture(autouse=True)
def own_lints_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the outside linter says of each profile's certificate is tested where lints are; here it costs seconds."""
    monkeypatch.setattr("ca.lints.gate.outside_lint", lambda: lambda *_arguments, **_keywords: ())
