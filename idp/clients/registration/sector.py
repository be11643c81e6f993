"""``sector_identifier_uri``: its host proves that the redirect URIs belong together (Client Registration §5)."""

from __future__ import annotations

import json

from idp.clients.registration.client_registration import ClientRegistration
from idp.clients.registration.values import refusal
from idp.services import IdpServices
from outgoing.errors import OutgoingError

SIZE_LIMIT = 32_000


def require_sector(services: IdpServices, registration: ClientRegistration) -> None:
    """Fetch the address, if one is registered, and check that it lists every redirect URI. Outside of transactions.

    :raises Rejected: (``bad_client_metadata``): it cannot be had, is no list, or misses one.
    """
    address = registration.metadata.sector_identifier_uri
    if address is None:
        return
    try:
        listed = json.loads(services.outgoing.fetch(address, most_octets=SIZE_LIMIT).body)
    except OutgoingError as error:
        raise refusal(f"sector_identifier_uri: {error.public_detail}") from error
    except (ValueError, RecursionError) as error:
        raise refusal("sector_identifier_uri: it answers no JSON") from error
    if not isinstance(listed, list) or not set(registration.redirect_uris) <= {
        each for each in listed if isinstance(each, str)
    }:
        raise refusal("sector_identifier_uri: it must list every redirect URI")
