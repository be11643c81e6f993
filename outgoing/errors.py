"""Why an outgoing request did not succeed: a closed list, so that a page or an event can name each reason."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from kernel.errors import Unavailable


class OutgoingReason(StrEnum):
    """What stood in the way."""

    BAD_URL = "bad_url"
    PLAIN_HTTP = "plain_http"
    REFUSED_PORT = "refused_port"
    REFUSED_ADDRESS = "refused_address"
    UNRESOLVED = "unresolved"
    UNREACHABLE = "unreachable"
    BUSY = "busy"
    TIMED_OUT = "timed_out"
    BAD_CERTIFICATE = "bad_certificate"
    BAD_TLS = "bad_tls"
    BAD_TRUST_FILE = "bad_trust_file"
    BAD_ANSWER = "bad_answer"
    TOO_LARGE = "too_large"
    ENCODED = "encoded"
    REDIRECTED = "redirected"
    BAD_STATUS = "bad_status"
    BAD_MEDIA_TYPE = "bad_media_type"


_DETAILS: Mapping[OutgoingReason, str] = {
    OutgoingReason.BAD_URL: "The address is not one that this service connects to.",
    OutgoingReason.PLAIN_HTTP: "The address is not https.",
    OutgoingReason.REFUSED_PORT: "The address names a port that this service does not connect to.",
    OutgoingReason.REFUSED_ADDRESS: "The host's network address is not public and not on the operator's list.",
    OutgoingReason.UNRESOLVED: "The host's name has no network address.",
    OutgoingReason.UNREACHABLE: "The host does not accept the connection.",
    OutgoingReason.BUSY: "Too many outgoing connections are open.",
    OutgoingReason.TIMED_OUT: "The host took too long.",
    OutgoingReason.BAD_CERTIFICATE: "The host's certificate is not trusted or not for this host.",
    OutgoingReason.BAD_TLS: "The host does not speak the TLS that is asked for.",
    OutgoingReason.BAD_TRUST_FILE: "The file of further trust anchors cannot be read.",
    OutgoingReason.BAD_ANSWER: "The host's answer is not HTTP as it should be.",
    OutgoingReason.TOO_LARGE: "The host's answer is too large.",
    OutgoingReason.ENCODED: "The host's answer is compressed, which was not asked for.",
    OutgoingReason.REDIRECTED: "The host sent us elsewhere; redirects are not followed.",
    OutgoingReason.BAD_STATUS: "The host answered with another status than expected.",
    OutgoingReason.BAD_MEDIA_TYPE: "The host's answer is of another media type than expected.",
}

# What the address itself decides: asking again cannot help.
_PERMANENT = frozenset({OutgoingReason.BAD_URL, OutgoingReason.PLAIN_HTTP, OutgoingReason.REFUSED_PORT})


class OutgoingError(Unavailable):
    """An outgoing request that did not succeed. Its code is ``outgoing_`` and the reason.

    It belongs to the family of what does not answer now, so a request of ours that needed it ends as "unavailable"
    where the caller does not turn it into an error of its own protocol (``invalid_client``, ``invalid_request_uri`` …).

    :ivar reason: what stood in the way.
    :ivar permanent: whether the address itself is at fault, so that trying again cannot help.
    """

    def __init__(self, reason: OutgoingReason) -> None:
        super().__init__(_DETAILS[reason], code=f"outgoing_{reason.value}")
        self.reason = reason

    @property
    def permanent(self) -> bool:
        """Whether trying again cannot help."""
        return self.reason in _PERMANENT
