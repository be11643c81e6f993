"""Challenges (RFC 8555 §8): what must be shown where, for each type."""

from __future__ import annotations

from kernel.identifiers import b64url, sha256

HTTP_01, DNS_01, TLS_ALPN_01 = "http-01", "dns-01", "tls-alpn-01"
TYPES = (HTTP_01, DNS_01, TLS_ALPN_01)
HTTP_PATH = "/.well-known/acme-challenge/"


def offered_types(*, wildcard: bool) -> tuple[str, ...]:
    """Return the types by which control can be proved: of all names under one, only its zone speaks (BR §3.2.2.4)."""
    return (DNS_01,) if wildcard else TYPES


def key_authorization(token: str, thumbprint: str) -> str:
    """Return what proves that the account's holder was there (§8.1)."""
    return f"{token}.{thumbprint}"


def dns_value(token: str, thumbprint: str) -> str:
    """Return the value of the TXT record (§8.4)."""
    return b64url(alpn_digest(token, thumbprint))


def alpn_digest(token: str, thumbprint: str) -> bytes:
    """Return what the certificate's acmeIdentifier holds (RFC 8737 §3): 32 octets."""
    return sha256(key_authorization(token, thumbprint))
