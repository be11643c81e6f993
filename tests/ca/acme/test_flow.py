"""From an account to a certificate and its end (RFC 8555; certificate authority, line 24)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select

from audit.model import AuditEvent
from ca.issuance.model import Certificate
from ca.services import CaServices
from kernel.identifiers import b64url
from tests.ca.acme.client import AcmeClient, problem
from tests.ca.acme.conftest import NAME


def test_from_an_account_to_a_certificate(
    acme: AcmeClient, ready_order: Callable[..., Any], services: CaServices
) -> None:
    """RFC 8555 §7.1.6: pending, ready, valid; the chain leads to the root, and each step is on record."""
    order = ready_order(acme, NAME, f"*.{NAME}")
    assert order.json["status"] == "ready"
    done = acme.finalize(order, [NAME, f"*.{NAME}"])
    assert (done.status_code, done.json["status"]) == (200, "valid"), done.text
    assert done.headers["Location"] == order.headers["Location"]
    chain = x509.load_pem_x509_certificates(acme.download(done).encode())
    assert len(chain) == 2
    chain[0].verify_directly_issued_by(chain[1])
    names = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [NAME, f"*.{NAME}"]
    with services.database.reading() as session:
        kinds = set(session.scalars(select(AuditEvent.type)))
        row = session.scalars(select(Certificate).where(Certificate.profile == "tls-server-acme")).one()
    assert row.institution_ruc == "1768152560001"
    assert {
        "ca:acme_credential:issued",
        "ca:acme_account:opened",
        "ca:acme_order:placed",
        "ca:acme_control:proved",
        "ca:acme_order:fulfilled",
        "ca:certificate:issued",
    } <= kinds
    der = b64url(chain[0].public_bytes(Encoding.DER))
    revoked = acme.post(f"{acme.origin}/acme/revoke-cert", {"certificate": der, "reason": 4})
    assert (revoked.status_code, revoked.data) == (200, b"")
    again = acme.post(f"{acme.origin}/acme/revoke-cert", {"certificate": der, "reason": 4})
    assert problem(again) == (400, "alreadyRevoked")
