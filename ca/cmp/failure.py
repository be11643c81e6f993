"""What a CMP message is refused for."""

from __future__ import annotations

from enum import IntEnum

from kernel.errors import Denied, Rejected, ServiceError


class Failure(IntEnum):
    """A bit of PKIFailureInfo (RFC 4210 §5.2.3)."""

    BAD_ALG = 0
    BAD_MESSAGE_CHECK = 1
    BAD_REQUEST = 2
    BAD_TIME = 3
    BAD_CERT_ID = 4
    BAD_DATA_FORMAT = 5
    BAD_POP = 9
    CERT_REVOKED = 10
    CERT_CONFIRMED = 11
    BAD_RECIPIENT_NONCE = 13
    BAD_SENDER_NONCE = 18
    BAD_CERT_TEMPLATE = 19
    SIGNER_NOT_TRUSTED = 20
    TRANSACTION_ID_IN_USE = 21
    UNSUPPORTED_VERSION = 22
    NOT_AUTHORIZED = 23
    SYSTEM_UNAVAILABLE = 24


class CmpError(Exception):
    """A message is refused. :ivar said: for the sender."""

    def __init__(self, failure: Failure, said: str) -> None:
        super().__init__(said)
        self.failure = failure
        self.said = said


_BY_CODE = {
    "csr_bad_signature": Failure.BAD_POP,
    "csr_weak_signature": Failure.BAD_POP,
    "csr_malformed": Failure.BAD_DATA_FORMAT,
    "csr_too_large": Failure.BAD_DATA_FORMAT,
    "bad_credential": Failure.BAD_MESSAGE_CHECK,
    "certificate_unknown": Failure.SIGNER_NOT_TRUSTED,
    "certificate_expired": Failure.SIGNER_NOT_TRUSTED,
    "certificate_not_yet_valid": Failure.SIGNER_NOT_TRUSTED,
    "certificate_revoked": Failure.CERT_REVOKED,
    "certificate_suspended": Failure.CERT_REVOKED,
    "already_revoked": Failure.CERT_REVOKED,
    "unknown_certificate": Failure.BAD_CERT_ID,
    "unknown_label": Failure.BAD_REQUEST,
}


def failure_of(error: ServiceError) -> CmpError:
    """Return an error of ours as CMP says it."""
    if error.code in _BY_CODE:
        failure = _BY_CODE[error.code]
    elif isinstance(error, Denied):
        failure = Failure.NOT_AUTHORIZED
    elif isinstance(error, Rejected):
        failure = Failure.BAD_CERT_TEMPLATE
    else:
        return CmpError(Failure.SYSTEM_UNAVAILABLE, "The service cannot answer now; ask again later.")
    return CmpError(failure, f"{error.code}: {error.public_detail}")
