"""A client proves by its TLS certificate who it is (RFC 8705 §2). The proxy has seen that it holds the private key."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy.orm import Session

from idp.clients.auth_method import AuthMethod
from idp.clients.client import Client
from idp.clients.jwks import subject_public_key_info
from idp.clients.keys import client_keys, renewed_client_keys
from idp.protocol.certificate_subject import CertificateSubjectError, require_named_subject
from idp.protocol.errors import InvalidClientError
from idp.services import IdpServices
from kernel.errors import Denied


def require_certificate(
    session: Session, services: IdpServices, client: Client, certificate_der: bytes | None, *, now: datetime
) -> None:
    """Check that the certificate is this client's.

    :raises InvalidClientError: with the reason. :raises KeysNotFetchedError: in a transaction.
    """
    if certificate_der is None:
        raise InvalidClientError("no_certificate")
    if client.auth_method is AuthMethod.TLS_CLIENT_AUTH:
        _require_named_subject(session, services, client, certificate_der, now=now)
    else:
        _require_registered_key(services, client, x509.load_der_x509_certificate(certificate_der), now=now)


def _require_named_subject(
    session: Session, services: IdpServices, client: Client, certificate_der: bytes, *, now: datetime
) -> None:
    """RFC 8705 §2.1: our own authority issued it, it stands, and it names the client as the client registered."""
    try:
        identity = services.certificates.identify(session, certificate_der, now=now)
    except Denied as error:
        raise InvalidClientError(error.code) from error
    # A person's certificate is for logging in: an application that has it must not act as itself with it.
    if identity.person_id is not None:
        raise InvalidClientError("certificate_of_a_person")
    # What was issued to one application at its registration serves no other, whatever name that one registered.
    if identity.client_id not in (None, client.client_id):
        raise InvalidClientError("certificate_of_another_client")
    try:
        require_named_subject(
            expected=client.metadata.certificate_names,
            subject_dn=identity.subject_dn,
            dns_names=identity.dns_names,
            uris=identity.uris,
            addresses=identity.addresses,
            emails=identity.emails,
        )
    except CertificateSubjectError as error:
        raise InvalidClientError("certificate_names_another") from error


def _require_registered_key(
    services: IdpServices, client: Client, certificate: x509.Certificate, *, now: datetime
) -> None:
    """RFC 8705 §2.2: its key stands in the client's set; who signed it says nothing. Its own dates hold, though."""
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise InvalidClientError("certificate_expired")
    shown = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if any(subject_public_key_info(key) == shown for key in client_keys(services, client)):
        return
    renewed = renewed_client_keys(services, client)
    if renewed is None or all(subject_public_key_info(key) != shown for key in renewed):
        raise InvalidClientError("unknown_certificate")
