"""Addresses that an application may register."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from kernel.errors import Rejected

URI_LIMIT = 1000

# RFC 3986 §2: reserved, unreserved and percent; no space, quote, backslash, angle bracket or non-ASCII character.
_ALLOWED = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
# RFC 3986 §3.2.2 lets a name have marks too; none of DNS has, and in a security policy they would be words of ours.
_AUTHORITY = re.compile(r"(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
# RFC 8252 §7.1: a scheme of one's own is a domain name in reverse, so it has a dot.
_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")


def require_registrable_redirect_uri(uri: str, *, native: bool) -> None:
    """Check an address to which answers will be sent, as it was typed; it is later compared character by character.

    ``https`` anywhere; ``http`` on loopback only (RFC 8252 §7.3, RFC 9700 §2.6); for a native application also a
    private-use scheme with a dot in it (RFC 8252 §7.1).

    :raises Rejected: (``bad_redirect_uri``), saying what to correct.
    """
    if not 0 < len(uri) <= URI_LIMIT or not _ALLOWED.fullmatch(uri):
        raise _bad(uri, "has a character that is not allowed, or is too long")
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError as error:
        raise _bad(uri, "is not an address") from error
    if "#" in uri:
        raise _bad(uri, "has a fragment")  # RFC 6749 §3.1.2
    if "*" in uri:
        raise _bad(uri, "has a wildcard")
    if "@" in parts.netloc:
        raise _bad(uri, "has a user name")
    if any(segment in (".", "..") for segment in parts.path.lower().replace("%2e", ".").split("/")):
        raise _bad(uri, "has a dot segment")
    if parts.scheme in ("https", "http"):
        if not uri.startswith(f"{parts.scheme}://") or not parts.hostname:
            raise _bad(uri, "has no host")
        if parts.netloc != parts.netloc.lower():
            raise _bad(uri, "has a host with capital letters, which browsers would change")
        if not _AUTHORITY.fullmatch(parts.netloc):
            raise _bad(uri, "has a host that is no name")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK_HOSTS:
            raise _bad(uri, "must begin with https://")
        return
    if not (native and _PRIVATE_SCHEME.fullmatch(parts.scheme) and uri.startswith(f"{parts.scheme}:/")):
        raise _bad(uri, "must begin with https://")


def require_https_uri(uri: object, name: str) -> str:
    """Check an address that people or this service will open, and return it: ``https``, a host, no user, no fragment.

    :param name: the metadata member, for the message.
    :raises Rejected: (``bad_client_metadata``).
    """
    bad = Rejected(f"{name}: an https:// address without fragment", code="bad_client_metadata")
    if not isinstance(uri, str) or not 0 < len(uri) <= URI_LIMIT or not _ALLOWED.fullmatch(uri):
        raise bad
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError as error:
        raise bad from error
    if parts.scheme != "https" or not _AUTHORITY.fullmatch(parts.netloc.lower()) or "#" in uri:
        raise bad
    return uri


def require_resource_identifier(uri: str) -> None:
    """Check the identifier of an API (RFC 8707 §2): an absolute https URI without fragment or query.

    :raises Rejected: (``bad_resource``).
    """
    parts = urlsplit(uri) if _ALLOWED.fullmatch(uri) and len(uri) <= 255 else None
    if parts is None or parts.scheme not in ("https", "urn") or parts.fragment or parts.query or "@" in parts.netloc:
        raise Rejected("An API is named by an https:// or urn: identifier without query.", code="bad_resource")


def origin_of(uri: str) -> str:
    """Return scheme, host and port of an http or https address (RFC 6454 §6.2); empty for any other scheme.

    As browsers write it: without the port that the scheme has anyway.
    """
    parts = urlsplit(uri)
    usual_port = {"https": ":443", "http": ":80"}.get(parts.scheme)
    return "" if usual_port is None else f"{parts.scheme}://{parts.netloc.removesuffix(usual_port)}"


def _bad(uri: str, why: str) -> Rejected:
    return Rejected(f"The address {uri[:200]!r} {why}.", code="bad_redirect_uri")
