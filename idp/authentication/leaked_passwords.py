"""Asking a list of leaked passwords whether it holds one, without saying which: by the first five letters of its SHA-1.

The service that is asked learns one of about a million prefixes and never the password (k-anonymity); with padding
nobody on the way can tell by length what it answered. Off unless the operator names a service; when it does not answer,
passwords are judged without it: nobody is kept from changing a password because somebody else's server is down.
"""

from __future__ import annotations

import hashlib
import unicodedata
from hmac import compare_digest

import structlog
from prometheus_client import Counter

from idp.services import IdpServices
from kernel.errors import Rejected, ServiceError
from kernel.secret_text import SecretText

_PREFIX = 5
_MOST_OCTETS = 256 * 1024  # an answer has about 1,000 lines of 40
_SECONDS = 2.0
_log = structlog.get_logger("idp.leaked_passwords")
#: Of this process; shown by the web application, see :func:`web.operations.add_counter`.
LOOKUPS = Counter(
    "sau_leaked_password_lookups", "Questions to the list of leaked passwords.", ("outcome",), registry=None
)


def require_not_leaked(services: IdpServices, password: SecretText) -> None:
    """Refuse a new password that the operator's list holds. Outside of transactions.

    :raises Rejected: ``password_leaked``.
    """
    address = services.settings.leaked_passwords_url
    if not address:
        return
    text = unicodedata.normalize("NFKC", password.reveal())
    # The list's own format; nothing rests on SHA-1 here.
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest().upper()
    try:
        answer = services.outgoing.fetch(
            f"{address.rstrip('/')}/{digest[:_PREFIX]}",
            headers={"Add-Padding": "true"},
            most_octets=_MOST_OCTETS,
            seconds=_SECONDS,
        )
    except ServiceError as error:
        LOOKUPS.labels("unanswered").inc()
        _log.warning("leaked_passwords_unanswered", code=error.code)
        return
    leaked = holds(answer.body, digest[_PREFIX:])
    LOOKUPS.labels("leaked" if leaked else "unknown").inc()
    if leaked:
        raise Rejected("This password is on a list of leaked ones.", code="password_leaked")


def holds(body: bytes, suffix: str) -> bool:
    """Tell whether lines of ``SUFFIX:COUNT`` hold ``suffix``; a count of zero is padding."""
    found = False
    for line in body.decode("ascii", "replace").splitlines():
        told, _, count = line.strip().partition(":")
        same = compare_digest(told.upper().encode(), suffix.encode())
        found = found or (same and count.strip().lstrip("0").isdigit())
    return found
