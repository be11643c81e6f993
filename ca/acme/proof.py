"""Looking at one proof of control from one point of view (RFC 8555 §8.3, §8.4, RFC 8737)."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from asn1crypto.core import OctetString
from cryptography import x509

from ca.acme.caa import Asked, CaaForbidsError, require_caa_permission
from ca.acme.challenge import DNS_01, HTTP_01, HTTP_PATH, TLS_ALPN_01, alpn_digest, dns_value, key_authorization
from ca.acme.problem import Kind
from outgoing.deadline import Deadline
from outgoing.errors import OutgoingError, OutgoingReason
from outgoing.name_server import CaaRecord, NameSource
from outgoing.probe import Probe

_MOST_OCTETS = 4096  # a key authorization has 87; some servers add white space
_SECONDS_FOR_CAA = 15.0  # a name may have a hundred labels, each looked up at a server that does not answer
_PROTOCOL = "acme-tls/1"
_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")  # id-pe-acmeIdentifier


@dataclass(frozen=True)
class Claim:
    """What an account says that it has prepared.

    :ivar name: whose control it proves, without a star.
    """

    name: str
    type: str
    token: str
    thumbprint: str
    caa: Asked


@dataclass(frozen=True)
class View:
    """One point of view: a source of names, and servers as reached by what it says."""

    names: NameSource
    probe: Probe


class NotProvedError(Exception):
    """The proof was not seen.

    :ivar kind: the error type. :ivar detail: for the administrator; nothing of what was read is in it.
    :ivar final: whether looking again cannot help.
    """

    def __init__(self, kind: Kind, detail: str, *, final: bool = False) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.final = final


def look_at_proof(claim: Claim, view: View) -> None:
    """Check that the proof is seen from ``view``, and that the zone's CAA records let us issue.

    :raises NotProvedError: if it is not.
    """
    _LOOKS[claim.type](claim, view)
    deadline = Deadline(_SECONDS_FOR_CAA)

    def look_up(place: str) -> Sequence[CaaRecord]:
        deadline.remaining()
        return view.names.issuers(place)

    try:
        require_caa_permission(claim.name, claim.caa, look_up=look_up)
    except CaaForbidsError as error:
        raise NotProvedError(Kind.CAA, error.detail, final=True) from error
    except OutgoingError as error:
        raise NotProvedError(Kind.DNS, f"The CAA records of {claim.name} and above could not be read.") from error


def _look_by_http(claim: Claim, view: View) -> None:
    try:
        answer = view.probe.fetch(claim.name, HTTP_PATH + claim.token, most_octets=_MOST_OCTETS)
    except OutgoingError as error:
        raise _of_network(error, claim) from error
    expected = key_authorization(claim.token, claim.thumbprint)
    if not hmac.compare_digest(answer.body.rstrip(), expected.encode()):
        raise NotProvedError(
            Kind.INCORRECT_RESPONSE, f"http://{claim.name}{HTTP_PATH}… answers something else than expected."
        )


def _look_by_dns(claim: Claim, view: View) -> None:
    place = f"_acme-challenge.{claim.name}"
    try:
        texts = view.names.texts(place)
    except OutgoingError as error:
        raise NotProvedError(Kind.DNS, f"The TXT records of {place} could not be read.") from error
    expected = dns_value(claim.token, claim.thumbprint).encode()
    if not any(hmac.compare_digest(text, expected) for text in texts):
        found = f"{len(texts)} other values" if texts else "no TXT record"
        raise NotProvedError(Kind.INCORRECT_RESPONSE, f"{place} has {found}, not the value that was expected.")


def _look_by_tls(claim: Claim, view: View) -> None:
    try:
        greeting = view.probe.greet(claim.name, protocol=_PROTOCOL)
    except OutgoingError as error:
        raise _of_network(error, claim) from error
    if greeting.protocol != _PROTOCOL or greeting.certificate_der is None:
        raise NotProvedError(Kind.TLS, f"The server of {claim.name} does not speak {_PROTOCOL}.")
    expected = OctetString(alpn_digest(claim.token, claim.thumbprint)).dump()
    if not _is_challenge_certificate(greeting.certificate_der, name=claim.name, expected=expected):
        raise NotProvedError(
            Kind.INCORRECT_RESPONSE,
            f"The server of {claim.name} shows a certificate that is not the one for this challenge.",
        )


def _is_challenge_certificate(der: bytes, *, name: str, expected: bytes) -> bool:
    """RFC 8737 §3: self-signed, one dNSName, and the critical extension with the digest."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        certificate.verify_directly_issued_by(certificate)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        held = certificate.extensions.get_extension_for_oid(_IDENTIFIER)
    except Exception:  # whatever a stranger's octets raise, it is not that certificate
        return False
    if not isinstance(held.value, x509.UnrecognizedExtension) or not held.critical:
        return False
    only = list(names)
    return (
        len(only) == 1
        and isinstance(only[0], x509.DNSName)
        and only[0].value.lower() == name
        and hmac.compare_digest(held.value.value, expected)
    )


_LOOKS: dict[str, Callable[[Claim, View], None]] = {
    HTTP_01: _look_by_http,
    DNS_01: _look_by_dns,
    TLS_ALPN_01: _look_by_tls,
}
_WORDS: dict[OutgoingReason, tuple[Kind, str, bool]] = {
    OutgoingReason.UNRESOLVED: (Kind.DNS, "{name} has no address (A, AAAA) that could be looked up.", False),
    OutgoingReason.REFUSED_ADDRESS: (
        Kind.CONNECTION,
        "{name}, or where it sends to, has an address that is not public and not on the operator's list.",
        True,
    ),
    OutgoingReason.UNREACHABLE: (Kind.CONNECTION, "The server of {name} does not accept the connection.", False),
    OutgoingReason.TIMED_OUT: (Kind.CONNECTION, "The server of {name} took too long.", False),
    OutgoingReason.BAD_TLS: (Kind.TLS, "The server of {name} does not speak the TLS that is asked for.", False),
    OutgoingReason.BAD_ANSWER: (Kind.CONNECTION, "The server of {name} does not answer with HTTP as it should.", False),
    OutgoingReason.BAD_STATUS: (
        Kind.INCORRECT_RESPONSE,
        "The server of {name} does not serve the file of the challenge (a status other than 200).",
        False,
    ),
    OutgoingReason.TOO_LARGE: (Kind.INCORRECT_RESPONSE, "The server of {name} answers far too much.", False),
    OutgoingReason.ENCODED: (Kind.INCORRECT_RESPONSE, "The server of {name} compresses its answer, unasked.", False),
    OutgoingReason.REDIRECTED: (Kind.CONNECTION, "The server of {name} sends on more than ten times.", False),
    OutgoingReason.BAD_URL: (Kind.CONNECTION, "The server of {name} sends to an address that no proof may use.", True),
    OutgoingReason.REFUSED_PORT: (
        Kind.CONNECTION,
        "The server of {name} sends to another port than that of http or https.",
        True,
    ),
}


def _of_network(error: OutgoingError, claim: Claim) -> NotProvedError:
    kind, text, final = _WORDS.get(error.reason, (Kind.CONNECTION, "The server of {name} could not be asked.", False))
    return NotProvedError(kind, text.format(name=claim.name), final=final)
