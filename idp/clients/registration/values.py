"""Reading single members of registered metadata: each is of its kind, or the registration is refused with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from idp.clients.registration.uris import require_https_uri, require_registrable_redirect_uri
from kernel.errors import Rejected

TEXT_LIMIT = 255
TEXTS_LIMIT = 50
URIS_LIMIT = 20


def refusal(detail: str) -> Rejected:
    """Return the error for metadata that cannot be registered; ``detail`` names the member and what it must be."""
    return Rejected(detail, code="bad_client_metadata")


def text(metadata: Mapping[str, Any], name: str, *, limit: int = TEXT_LIMIT) -> str | None:
    """Return a text that people may read, if there is one. :raises Rejected: empty, too long, or with a control."""
    value = metadata.get(name)
    if value is not None and not (isinstance(value, str) and 0 < len(value) <= limit and value.isprintable()):
        raise refusal(f"{name}: a text of 1 to {limit} characters")
    return value


def texts(metadata: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return a list of texts without repetition; empty if there is none. :raises Rejected: it is no such list."""
    value = metadata.get(name) or ()
    if (
        not isinstance(value, Sequence)
        or isinstance(value, str)
        or len(value) > TEXTS_LIMIT
        or not all(isinstance(item, str) for item in value)
    ):
        raise refusal(f"{name}: a list of texts, {TEXTS_LIMIT} at most")
    return tuple(dict.fromkeys(value))


def flag(metadata: Mapping[str, Any], name: str) -> bool:
    """Return a boolean, false if there is none. :raises Rejected: it is something else."""
    value = metadata.get(name, False)
    if not isinstance(value, bool):
        raise refusal(f"{name}: true or false")
    return value


def seconds(metadata: Mapping[str, Any], name: str) -> int | None:
    """Return a number of seconds, if there is one. :raises Rejected: it is none, or negative."""
    value = metadata.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise refusal(f"{name}: a number of seconds")
    return value


def number(metadata: Mapping[str, Any], name: str, *, least: int, most: int) -> int | None:
    """Return a whole number within bounds, if there is one. :raises Rejected: it is none, or beyond them."""
    value = metadata.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise refusal(f"{name}: a number from {least} to {most}")
    return value


def one_of(metadata: Mapping[str, Any], name: str, allowed: Sequence[str], *, default: str) -> str:
    """Return a value out of ``allowed``. :raises Rejected: it is another."""
    value = metadata.get(name)
    if value is None:
        return default
    if not isinstance(value, str) or value not in allowed:
        raise refusal(f"{name}: one of {', '.join(allowed)}")
    return value


def maybe_one_of(metadata: Mapping[str, Any], name: str, allowed: Sequence[str]) -> str | None:
    """Return a value out of ``allowed``, if there is one. :raises Rejected: it is another."""
    return None if metadata.get(name) is None else one_of(metadata, name, allowed, default="")


def https_uri(metadata: Mapping[str, Any], name: str) -> str | None:
    """Return an address that people or this service will open, if there is one. :raises Rejected: not https."""
    value = metadata.get(name)
    return None if value is None else require_https_uri(value, name)


def redirect_uris(metadata: Mapping[str, Any], name: str, *, native: bool) -> tuple[str, ...]:
    """Return addresses that browsers are sent to. :raises Rejected: (``bad_redirect_uri`` or too many)."""
    uris = texts(metadata, name)
    if len(uris) > URIS_LIMIT:
        raise refusal(f"{name}: {URIS_LIMIT} at most")
    for uri in uris:
        require_registrable_redirect_uri(uri, native=native)
    return uris


def encryption(
    metadata: Mapping[str, Any], prefix: str, *, algorithms: Sequence[str], encodings: Sequence[str]
) -> dict[str, str | None]:
    """Return ``…_encrypted_response_alg`` and ``_enc`` (or ``…_encryption_alg`` and ``_enc``).

    :param prefix: the names without their ending. :param encodings: the first is what ``alg`` alone gives.
    :raises Rejected: not served, or an ``enc`` without ``alg`` (Dynamic Client Registration §2).
    """
    algorithm = maybe_one_of(metadata, f"{prefix}_alg", algorithms)
    encoding = maybe_one_of(metadata, f"{prefix}_enc", encodings)
    if encoding is not None and algorithm is None:
        raise refusal(f"{prefix}_enc: goes with {prefix}_alg")
    return {f"{prefix}_alg": algorithm, f"{prefix}_enc": encoding or (encodings[0] if algorithm else None)}
