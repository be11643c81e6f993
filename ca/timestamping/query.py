"""Reading a time-stamp request (RFC 3161 §2.4.1): bounded, and only what is answered here."""

from __future__ import annotations

from dataclasses import dataclass

from asn1crypto import core, tsp

MAX_REQUEST_SIZE = 4 * 1024
_LENGTHS = {"sha256": 32, "sha384": 48, "sha512": 64}
_MAX_NONCE_BITS = 256


class QueryError(Exception):
    """The request is refused. :ivar failure: a name of PKIFailureInfo (RFC 3161 §2.4.2)."""

    def __init__(self, failure: str, said: str) -> None:
        super().__init__(said)
        self.failure = failure
        self.said = said


@dataclass(frozen=True)
class Query:
    """What is to be stamped.

    :ivar hash_name: ``sha256``, ``sha384`` or ``sha512``. :ivar imprint_der: MessageImprint as it came.
    :ivar wants_certificate: whether the answer carries the unit's certificate.
    """

    hash_name: str
    imprint: bytes
    imprint_der: bytes
    nonce: int | None
    wants_certificate: bool


def parse_query(body: bytes, *, policy: str) -> Query:
    """Return the request. :param policy: the one that is stamped under.

    :raises QueryError: ``bad_data_format``, ``bad_request``, ``bad_alg``, ``unaccepted_policy``,
        ``unaccepted_extensions``.
    """
    if not body or len(body) > MAX_REQUEST_SIZE:
        raise QueryError("bad_data_format", "The request is empty or larger than 4 KiB.")
    try:
        parsed = tsp.TimeStampReq.load(body, strict=True)
        version, imprint = parsed["version"].native, parsed["message_imprint"]
        hash_name, octets = imprint["hash_algorithm"]["algorithm"].native, imprint["hashed_message"].native
        parameters = imprint["hash_algorithm"]["parameters"]
        asked, nonce, wants = parsed["req_policy"].native, parsed["nonce"].native, parsed["cert_req"].native
        extensions = parsed["extensions"]
        has_extensions = not isinstance(extensions, core.Void)
        plain = isinstance(parameters, core.Void | core.Null)
        imprint_der = imprint.dump(force=True)
    except (ValueError, TypeError, KeyError) as error:
        raise QueryError("bad_data_format", "This is not a time-stamp request (RFC 3161).") from error
    if version != "v1":
        raise QueryError("bad_request", "Version 1 is answered here.")
    if hash_name not in _LENGTHS or not plain:
        raise QueryError("bad_alg", "Digests are made by SHA-256, SHA-384 or SHA-512.")
    if len(octets) != _LENGTHS[hash_name]:
        raise QueryError("bad_data_format", "The digest has not the length of its algorithm.")
    if nonce is not None and (nonce < 0 or nonce.bit_length() > _MAX_NONCE_BITS):
        raise QueryError("bad_request", f"A nonce has {_MAX_NONCE_BITS} bits at most.")
    if asked is not None and asked != policy:
        raise QueryError("unaccepted_policy", f"Stamps are made under {policy}.")
    if has_extensions:
        raise QueryError("unaccepted_extensions", "No extension is known here.")
    return Query(hash_name, octets, imprint_der, nonce, bool(wants))
