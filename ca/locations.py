"""Where relying software finds status and issuers: the addresses that stand in certificates and lists, and are served.

One place for both sides: a certificate's CRL distribution point must equal the list's issuing distribution point,
octet for octet (RFC 5280 §6.3.3 (b)(2)(i)).
"""

from __future__ import annotations

from urllib.parse import urlsplit

PKI_PREFIX = "/pki"
OCSP_PATH = f"{PKI_PREFIX}/ocsp"

FIRST_SHARD = 0  # the only list of a root, and of an authority that was never told to have more
FULL_LIST = -1  # the list of all shards together, beside them


def status_origin(issuer: str) -> str:
    """Return the ``http`` origin of status addresses for the service's own origin ``issuer``.

    Plain http by design: lists and answers are signed, and https would need a status check to fetch a status
    (RFC 5280 §8). A port is kept only where the issuer itself is http; behind TLS the service answers on port 80 too.
    """
    parts = urlsplit(issuer)
    return issuer if parts.scheme == "http" else f"http://{parts.hostname}"


def crl_file(authority_name: str, shard: int) -> str:
    """Return the file name of an authority's list: ``issuing-1-0.crl``, of all together ``issuing-1-full.crl``."""
    return f"{authority_name}-{'full' if shard == FULL_LIST else shard}.crl"


def crl_url(issuer: str, authority_name: str, shard: int) -> str:
    """Return the address of one list: the certificate's CDP and the list's IDP."""
    return f"{status_origin(issuer)}{PKI_PREFIX}/crl/{crl_file(authority_name, shard)}"


def delta_url(issuer: str, authority_name: str, shard: int) -> str:
    """Return the address of the delta beside a list (``freshestCRL``, RFC 5280 §5.2.6)."""
    return f"{status_origin(issuer)}{PKI_PREFIX}/crl/{authority_name}-{shard}-delta.crl"


def shard_named_by(crl_address: str) -> int:
    """Return which of its authority's lists a distribution point names; the inverse of :func:`crl_url`."""
    return int(crl_address.removesuffix(".crl").rpartition("-")[2])


def ocsp_url(issuer: str) -> str:
    """Return the address of the OCSP responder (AIA, ``id-ad-ocsp``)."""
    return f"{status_origin(issuer)}{OCSP_PATH}"


def authority_certificate_url(issuer: str, authority_name: str) -> str:
    """Return the address of an authority's certificate in DER (AIA, ``id-ad-caIssuers``)."""
    return f"{status_origin(issuer)}{PKI_PREFIX}/ca/{authority_name}.cer"


def cps_url(issuer: str) -> str:
    """Return the address of the certification practice statement (policy qualifier ``id-qt-cps``)."""
    return f"{status_origin(issuer)}{PKI_PREFIX}/cps"
