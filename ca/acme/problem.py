"""What goes wrong, in the words of RFC 8555 §6.7."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from kernel.errors import ServiceError

NAMESPACE = "urn:ietf:params:acme:error:"


class Kind(StrEnum):
    """The error types that this server uses. What stands behind a colon tells apart what shares a type."""

    ACCOUNT_DOES_NOT_EXIST = "accountDoesNotExist"
    ALREADY_REPLACED = "alreadyReplaced"  # RFC 9773 §7.4
    ALREADY_REVOKED = "alreadyRevoked"
    BAD_CSR = "badCSR"
    BAD_NONCE = "badNonce"
    BAD_PUBLIC_KEY = "badPublicKey"
    BAD_REVOCATION_REASON = "badRevocationReason"
    BAD_SIGNATURE_ALGORITHM = "badSignatureAlgorithm"
    CAA = "caa"
    COMPOUND = "compound"
    CONNECTION = "connection"
    DNS = "dns"
    EXTERNAL_ACCOUNT_REQUIRED = "externalAccountRequired"
    INCORRECT_RESPONSE = "incorrectResponse"
    INVALID_CONTACT = "invalidContact"
    INVALID_PROFILE = "invalidProfile"
    MALFORMED = "malformed"
    NOT_FOUND = "malformed:not_found"
    WRONG_MEDIA_TYPE = "malformed:media_type"
    KEY_IN_USE = "malformed:key_in_use"
    ORDER_NOT_READY = "orderNotReady"
    RATE_LIMITED = "rateLimited"
    REJECTED_IDENTIFIER = "rejectedIdentifier"
    SERVER_INTERNAL = "serverInternal"
    UNAVAILABLE = "serverInternal:unavailable"
    TLS = "tls"
    UNAUTHORIZED = "unauthorized"
    ACCOUNT_CLOSED = "unauthorized:account_closed"
    UNSUPPORTED_CONTACT = "unsupportedContact"
    UNSUPPORTED_IDENTIFIER = "unsupportedIdentifier"

    @property
    def urn(self) -> str:
        """The type as it stands in a problem document."""
        return NAMESPACE + self.value.partition(":")[0]


@dataclass(frozen=True)
class Subproblem:
    """What is wrong with one name (§6.7.1)."""

    kind: Kind
    detail: str
    name: str

    def to_json(self) -> dict[str, Any]:
        """Return the member of ``subproblems``."""
        identifier = {"type": "dns", "value": self.name}
        return {"type": self.kind.urn, "detail": self.detail, "identifier": identifier}


class AcmeProblem(ServiceError):
    """A refusal. Its detail is written for the administrator who reads his client's log, and repeats nothing fetched.

    :ivar kind: the error type.
    :ivar members: further members of the problem document.
    :ivar location: where what stands in the way is found (a conflict of keys).
    :ivar retry_after: how long to wait.
    """

    default_code = "acme_refused"

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        code: str | None = None,
        subproblems: Sequence[Subproblem] = (),
        members: Mapping[str, Any] | None = None,
        location: str | None = None,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(detail, code=code or f"acme_{_snake(kind.value)}")
        self.kind = kind
        self.members = dict(members or {})
        if subproblems:
            self.members["subproblems"] = [item.to_json() for item in subproblems]
        self.location = location
        self.retry_after = retry_after

    def to_json(self) -> dict[str, Any]:
        """Return the problem document (RFC 7807), its status left to the web."""
        return {"type": self.kind.urn, "detail": self.public_detail, **self.members}


def malformed(detail: str) -> AcmeProblem:
    """Return the refusal of a message that is not what it should be."""
    return AcmeProblem(Kind.MALFORMED, detail)


def _snake(name: str) -> str:
    parts = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name.replace("CSR", "Csr"))
    return parts.replace(":", "_")
