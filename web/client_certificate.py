"""The client certificate that the TLS proxy saw: believed from the proxy only, and only on the mutual-TLS host.

The proxy has verified that the client holds the private key (TLS handshake); nothing else about the certificate has
been verified by anyone. It arrives in one of two headers:

``Client-Cert``
    RFC 9440 §2.2: the DER certificate as a structured byte sequence, base64 between colons.
``SSL-Client-Cert``
    nginx's ``$ssl_client_escaped_cert``: the PEM certificate, percent-encoded.

Wherever a certificate is not believed, the request that carries one is refused: ignoring it would hide a proxy that
does not empty the header, which is a proxy through which anyone may claim any certificate.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from cryptography import x509
from flask import request

from kernel.errors import Denied, Rejected
from kernel.settings import Settings
from web.client_address import is_in

#: The two headers, as WSGI names them.
RFC_9440_HEADER = "HTTP_CLIENT_CERT"
NGINX_HEADER = "HTTP_SSL_CLIENT_CERT"
#: No certificate in use comes near this; a header of this size in percent-encoded PEM still fits nginx's buffers.
MAX_CERTIFICATE_OCTETS = 8 * 1024

_STATE = "sau.client_certificate"
_BYTE_SEQUENCE = re.compile(r":([A-Za-z0-9+/]+={0,2}):\Z")  # RFC 8941 §3.3.5
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=\n]+)\n-----END CERTIFICATE-----\n?\Z")
_ESCAPED = re.compile(r"(?:[A-Za-z0-9+/=\-._~\n]|%[0-9A-Fa-f]{2})+\Z")


class BadClientCertificateError(Rejected):
    """The proxy passed on something that is not one certificate."""

    default_code = "bad_client_certificate"


class ClientCertificateNotBelievedError(Denied):
    """A certificate came from somebody who may not speak for one, or on a host where none is asked for."""

    default_code = "client_certificate_not_believed"


def presented_certificate() -> bytes | None:
    """Return the certificate (DER) whose private key the client of this request holds, ``None`` when it has none.

    Its issuer, its dates and its revocation have not been looked at.

    :raises BadClientCertificateError: see :func:`read_client_certificate`.
    :raises ClientCertificateNotBelievedError: likewise.
    """
    if _STATE not in request.environ:
        settings: Settings = request.environ["sau.settings"]
        request.environ[_STATE] = read_client_certificate(request.environ, settings)
    certificate: bytes | None = request.environ[_STATE]
    return certificate


def on_mtls_host(environ: Mapping[str, Any], settings: Settings) -> bool:
    """Tell whether this request came to the host on which the proxy asks for certificates."""
    host = str(environ.get("HTTP_HOST", "")).lower()
    return bool(settings.mtls_origin) and host == urlsplit(settings.mtls_origin).netloc.lower()


def read_client_certificate(environ: Mapping[str, Any], settings: Settings) -> bytes | None:
    """Return the presented certificate (DER) of one WSGI request, ``None`` when there is none.

    :param environ: ``REMOTE_ADDR`` is the immediate peer; the two headers as named above.
    :raises ClientCertificateNotBelievedError: if a certificate came from a peer that is not a trusted proxy, or on
        another host than that of ``SAU_MTLS_ORIGIN``.
    :raises BadClientCertificateError: if both headers are there, or what is there is not exactly one certificate of at
        most 8 KiB.
    """
    rfc_9440, nginx = str(environ.get(RFC_9440_HEADER, "")), str(environ.get(NGINX_HEADER, ""))
    if not rfc_9440 and not nginx:
        return None
    if not _is_trusted(str(environ.get("REMOTE_ADDR", "")), settings):
        raise ClientCertificateNotBelievedError("Only a trusted proxy may pass on a client certificate.")
    if not on_mtls_host(environ, settings):
        raise ClientCertificateNotBelievedError("Client certificates are taken on the mutual-TLS host only.")
    if rfc_9440 and nginx:
        raise BadClientCertificateError("The client certificate came in two headers.")
    if len(rfc_9440) + len(nginx) > 3 * MAX_CERTIFICATE_OCTETS:
        raise BadClientCertificateError("The client certificate is too large.")
    return _checked(_from_rfc_9440(rfc_9440) if rfc_9440 else _from_nginx(nginx))


def _is_trusted(peer: str, settings: Settings) -> bool:
    try:
        address = ip_address(peer)
    except ValueError:  # a Unix socket has no address, and no proxy is named by one
        return False
    return is_in(getattr(address, "ipv4_mapped", None) or address, settings.trusted_proxies)


def _from_rfc_9440(value: str) -> bytes:
    matched = _BYTE_SEQUENCE.match(value)
    if matched is None:
        raise BadClientCertificateError("Client-Cert is not one byte sequence (RFC 9440 §2.2).")
    return _base64(matched[1])


def _from_nginx(value: str) -> bytes:
    matched = _PEM.match(unquote_to_bytes(value)) if _ESCAPED.match(value) else None
    if matched is None:
        raise BadClientCertificateError("SSL-Client-Cert is not one percent-encoded PEM certificate.")
    return _base64(matched[1].replace(b"\n", b""))


def _base64(value: str | bytes) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise BadClientCertificateError("The client certificate is not base64.") from error


def _checked(certificate_der: bytes) -> bytes:
    if len(certificate_der) > MAX_CERTIFICATE_OCTETS:
        raise BadClientCertificateError("The client certificate is too large.")
    try:
        x509.load_der_x509_certificate(certificate_der)
    except ValueError as error:
        raise BadClientCertificateError("The client certificate is not an X.509 certificate.") from error
    return certificate_der
