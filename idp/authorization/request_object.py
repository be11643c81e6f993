"""Request objects where the keys are: decrypted, fetched, verified (RFC 9101 §6, OpenID Connect Core §6)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from idp.clients.client import Client, find_client
from idp.clients.keys import client_keys, renewed_client_keys
from idp.protocol.client_assertion import ALGORITHMS
from idp.protocol.client_jwt import verify_client_jwt
from idp.protocol.errors import RedirectableError
from idp.protocol.jose import JwtError, VerifiedJwt
from idp.protocol.parameters import Parameters, ParametersError, read_parameters
from idp.protocol.request_object import request_object_parameters
from idp.services import IdpServices
from idp.tokens.encrypted_request import is_encrypted, open_encrypted_request
from kernel.errors import NotFound
from kernel.identifiers import b64url, sha256
from outgoing.errors import OutgoingError

PUSHED_PREFIX = "urn:ietf:params:oauth:request_uri:"
MOST_OCTETS = 16_000

_DIGEST = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class FetchedObject:
    """What stands at a ``request_uri``. :ivar text: None if its host did not give it."""

    request_uri: str
    text: str | None


def fetch_request_object(services: IdpServices, pairs: Iterable[tuple[str, str]]) -> FetchedObject | None:
    """Fetch the request object that the parameters refer to, if they do and the client registered its address.

    To be called before a transaction is opened: a stranger's server must not hold our database.
    """
    try:
        parameters = read_parameters(pairs)
    except ParametersError:
        return None
    request_uri, client_id = parameters.get("request_uri"), parameters.get("client_id")
    if request_uri is None or client_id is None or request_uri.startswith(PUSHED_PREFIX):
        return None
    try:
        with services.database.reading() as session:
            client = find_client(session, client_id)
    except NotFound:
        return None
    if not client.active or not _is_registered(client, request_uri):
        return None
    address, _, fragment = request_uri.partition("#")
    try:
        body = services.outgoing.fetch(address, most_octets=MOST_OCTETS).body
    except OutgoingError:
        return FetchedObject(request_uri, None)
    # OpenID Connect Core §6.2: a fragment is the digest of what stands there.
    if _DIGEST.fullmatch(fragment) and b64url(sha256(body)) != fragment:
        return FetchedObject(request_uri, None)
    return FetchedObject(request_uri, body.decode("ascii", "replace").strip())


def read_referenced_object(
    session: Session,
    services: IdpServices,
    *,
    client: Client,
    request_uri: str,
    fetched: FetchedObject | None,
    now: datetime,
) -> Parameters:
    """Return the parameters of the object at ``request_uri``, which :func:`fetch_request_object` has fetched.

    :raises RedirectableError: ``invalid_request_uri``, ``invalid_request_object``.
    """
    if not _is_registered(client, request_uri):
        raise RedirectableError("invalid_request_uri", "The request_uri is not one that this client registered.")
    if fetched is None or fetched.request_uri != request_uri or fetched.text is None:
        raise RedirectableError("invalid_request_uri", "There is no request object at the request_uri.")
    return read_request_object(session, services, client=client, token=fetched.text, now=now)


def read_request_object(
    session: Session, services: IdpServices, *, client: Client, token: str, now: datetime
) -> Parameters:
    """Return the parameters of a request object.

    :raises RedirectableError: (``invalid_request_object``): it is not signed by the client's key and by an algorithm
        that policy and registration allow, not for us, not for now, or no JWT at all.
    """
    try:
        signed = open_encrypted_request(session, services, token=token) if is_encrypted(token) else token
        return request_object_parameters(
            _verified(services, client, signed),
            client_id=client.client_id,
            issuer=services.settings.issuer,
            strict=client.policy.signed_requests,
            now=now,
        )
    except JwtError as error:
        raise RedirectableError(
            "invalid_request_object", f"The request object is not valid: {error.reason}."
        ) from error


def _verified(services: IdpServices, client: Client, token: str) -> VerifiedJwt:
    allowed = client.policy.signature_algorithms or ALGORITHMS
    registered = client.metadata.request_object_signing_alg
    algorithms = [item for item in allowed if registered in (None, item)]
    keys = client_keys(services, client)
    try:
        return verify_client_jwt(token, keys=keys, algorithms=algorithms)
    except JwtError as error:
        if error.reason not in ("unknown_key", "bad_signature"):
            raise
        renewed = renewed_client_keys(services, client)
        if renewed is None:
            raise
    return verify_client_jwt(token, keys=renewed, algorithms=algorithms)


def _is_registered(client: Client, request_uri: str) -> bool:
    # The digest in the fragment changes with the object; the address does not (OpenID Connect Core §6.2).
    registered = {item.partition("#")[0] for item in client.metadata.request_uris}
    return request_uri.partition("#")[0] in registered
