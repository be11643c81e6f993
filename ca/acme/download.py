"""Downloading a certificate with its chain (RFC 8555 §7.4.2)."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.acme.model import Account, Order
from ca.acme.problem import AcmeProblem, Kind
from ca.issuance.authority import authority_chain, cross_certificates
from ca.issuance.model import Certificate
from ca.transparency.promise import require_logged
from kernel.errors import Unavailable


def chains_of(session: Session, *, account: Account, serial: str) -> list[str]:
    """Return the chains (PEM) of a certificate that the account ordered, the first one preferred.

    Each leads one way, the root itself left out: where other roots certify ours, to each of them, the oldest first,
    which most verifiers have; and always to our own.

    :raises AcmeProblem: ``malformed`` (not found), another account's likewise.
    :raises Unavailable: if its place in the certificate log is still to come.
    """
    ordered = select(Order.id).where(Order.serial == serial, Order.account_id == account.id)
    row = session.get(Certificate, serial) if session.scalar(ordered) is not None else None
    if row is None:
        raise AcmeProblem(Kind.NOT_FOUND, "This account has no such certificate.")
    if row.certificate_der is None:
        raise Unavailable("The certificate is recorded and waits for its signature.", code="not_signed_yet")
    require_logged(session, serial)
    authorities = authority_chain(session, row.authority_id)
    path = [row.certificate_der, *(each.certificate_der for each in authorities if not each.is_root)]
    crossed = [found.certificate_der for found in cross_certificates(session, authorities[-1])]
    return [_pem([*path, cross]) for cross in crossed] + [_pem(path)]


def _pem(certificates: list[bytes]) -> str:
    parsed = [x509.load_der_x509_certificate(der) for der in certificates]
    return "".join(certificate.public_bytes(Encoding.PEM).decode("ascii") for certificate in parsed)
