"""Who the person is to one application: its ``sub`` (OpenID Connect Core §8)."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from idp.clients.client import Client
from idp.services import IdpServices
from kernel.identifiers import b64url
from keys.sealing import derive_once


def subject_for(services: IdpServices, client: Client, person_id: str) -> str:
    """Return the ``sub`` by which ``client`` knows the person.

    The one way to it: every token, answer and notice that names a person to an application asks here. A pairwise one
    (§8.1) is the same for all applications of a sector, in every process and after every rotation of keys, because the
    sealing secret outlives them; two sectors cannot tell that they speak of the same person.
    """
    if client.metadata.subject_type != "pairwise":
        return person_id
    # The sector is a host name or a client_id: neither has a NUL in it, so no two pairs make the same message.
    message = f"{sector_of(client)}\0{person_id}".encode()
    return b64url(hmac.digest(derive_once(services.sealing_secret, "pairwise-subject"), message, "sha256"))


def sector_of(client: Client) -> str:
    """Return what tells apart who may recognise the same person (§8.1): a host, or the client itself if it has none."""
    address = client.metadata.sector_identifier_uri or next(iter(client.redirect_uris), "")
    return urlsplit(address).hostname or client.client_id
