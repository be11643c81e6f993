"""``tls_client_auth``: a client names one thing that must stand in its certificate (RFC 8705 §2.1.2)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from ipaddress import ip_address

from cryptography import x509

VALUE_LIMIT = 500


class CertificateSubjectError(ValueError):
    """The certificate is not that of the client, or what was registered is no such name."""


def normal_subject(member: str, value: object) -> str:
    """Return the value of a registered ``tls_client_auth_…`` member in one spelling: equal names are equal texts.

    :raises CertificateSubjectError: if it is not of the member's kind; the message says what is.
    """
    if not isinstance(value, str) or not 0 < len(value) <= VALUE_LIMIT or not value.isprintable():
        raise CertificateSubjectError(f"a text of 1 to {VALUE_LIMIT} characters")
    return _NORMAL[member](value)


def require_named_subject(
    *,
    expected: Mapping[str, str],
    subject_dn: str,
    dns_names: Collection[str],
    uris: Collection[str],
    addresses: Collection[str],
    emails: Collection[str],
) -> None:
    """Check that the one registered name stands in the certificate.

    :param expected: the registered member, ``tls_client_auth_subject_dn`` or one of ``tls_client_auth_san_…``, and its
        value; exactly one.
    :raises CertificateSubjectError: it does not.
    """
    if len(expected) != 1:
        raise CertificateSubjectError("exactly one name is registered")
    ((member, value),) = expected.items()
    present = {
        "tls_client_auth_subject_dn": (subject_dn,),
        "tls_client_auth_san_dns": dns_names,
        "tls_client_auth_san_uri": uris,
        "tls_client_auth_san_ip": addresses,
        "tls_client_auth_san_email": emails,
    }
    if normal_subject(member, value) not in {normal_subject(member, name) for name in present[member]}:
        raise CertificateSubjectError("another name")


def _distinguished_name(text: str) -> str:
    try:
        name = x509.Name.from_rfc4514_string(text)
    except (ValueError, KeyError) as error:
        raise CertificateSubjectError("a distinguished name as RFC 4514 writes it, e.g. CN=portal,O=Entidad") from error
    return name.rfc4514_string()


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise CertificateSubjectError("an IP address") from error


def _email(text: str) -> str:
    # RFC 5280 §7.5: capital letters matter before the @ only.
    local, separator, host = text.rpartition("@")
    if not (local and separator and host) or " " in text:
        raise CertificateSubjectError("a mail address")
    return f"{local}@{host.lower()}"


_NORMAL: Mapping[str, Callable[[str], str]] = {
    "tls_client_auth_subject_dn": _distinguished_name,
    "tls_client_auth_san_dns": str.lower,
    "tls_client_auth_san_uri": str,
    "tls_client_auth_san_ip": _address,
    "tls_client_auth_san_email": _email,
}
