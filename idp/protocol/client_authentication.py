"""How a client presents itself: exactly one method, well formed (RFC 6749 §2.3, RFC 7521 §4.2)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from idp.protocol.errors import InvalidClientError
from kernel.identifiers import b64url_decode
from kernel.secret_text import SecretText

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_FORM_ENCODED = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*")


@dataclass(frozen=True)
class PresentedCredentials:
    """What a client showed, not yet believed.

    :ivar method: ``none``, ``client_secret_basic``, ``client_secret_post`` or ``private_key_jwt``. With ``none`` the
        proof may be a TLS certificate: it comes beside the form, and beside any other method, too, to bind tokens to.
    :ivar assertion: the signed JWT of ``private_key_jwt``; that of ``client_secret_jwt`` looks the same from outside.
    """

    method: str
    client_id: str
    secret: SecretText | None = None
    assertion: str | None = None


def read_credentials(*, authorization: str | None, form: Mapping[str, str]) -> PresentedCredentials:
    """Return the one way in which the client presents itself.

    :param authorization: the ``Authorization`` header.
    :raises InvalidClientError: nothing presented, two methods at once (RFC 6749 §2.3), or a malformed one.
    """
    named = form.get("client_id")
    ways = [authorization is not None, "client_secret" in form, "client_assertion" in form]
    if sum(ways) > 1:
        raise InvalidClientError("two_methods", client_id=named)
    if authorization is not None:
        presented = _basic(authorization)
    elif "client_assertion" in form:
        presented = _assertion(form)
    elif named is None:
        raise InvalidClientError("no_credentials")
    elif "client_secret" in form:
        presented = PresentedCredentials("client_secret_post", named, secret=SecretText(form["client_secret"]))
    else:
        presented = PresentedCredentials("none", named)
    if named is not None and named != presented.client_id:
        raise InvalidClientError("two_client_ids", client_id=presented.client_id)
    return presented


def present(*, authorization: str | None, form: Mapping[str, str]) -> PresentedCredentials | InvalidClientError:
    """Return what :func:`read_credentials` does, or what it raises: for one reading that several look at."""
    try:
        return read_credentials(authorization=authorization, form=form)
    except InvalidClientError as error:
        return error


def _basic(header: str) -> PresentedCredentials:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClientError("wrong_scheme")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (ValueError, binascii.Error) as error:
        raise InvalidClientError("malformed_basic") from error
    client_id, separator, secret = text.partition(":")
    if not separator or not client_id or not secret:
        raise InvalidClientError("malformed_basic")
    # RFC 6749 §2.3.1: both halves are form-urlencoded before they are joined.
    return PresentedCredentials("client_secret_basic", _form_decode(client_id), secret=SecretText(_form_decode(secret)))


def _form_decode(text: str) -> str:
    if "%" not in text and "+" not in text:
        return text  # nothing in it is encoded
    if not _FORM_ENCODED.fullmatch(text):
        raise InvalidClientError("malformed_basic")
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError as error:
        raise InvalidClientError("malformed_basic") from error


def _assertion(form: Mapping[str, str]) -> PresentedCredentials:
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise InvalidClientError("wrong_assertion_type")
    assertion = form["client_assertion"]
    # Only to find the client whose key is to be tried: nothing read here is believed before the signature fits.
    try:
        claims = json.loads(b64url_decode(assertion.split(".")[1]))
        subject = claims["sub"]
    except (ValueError, IndexError, KeyError, TypeError, RecursionError) as error:
        raise InvalidClientError("malformed_assertion") from error
    if not isinstance(subject, str) or not subject or not subject.isprintable():
        raise InvalidClientError("malformed_assertion")
    return PresentedCredentials("private_key_jwt", subject, assertion=assertion)
