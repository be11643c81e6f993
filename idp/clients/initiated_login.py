"""Login that begins here: a person opens a service from a page of ours (OpenID Connect Core §4)."""

from __future__ import annotations

from idp.clients.client import Client
from idp.protocol.response_mode import with_query


def initiation_link(client: Client, *, issuer: str) -> str | None:
    """Return the address at which the application begins a login with this provider; None if it registered none.

    The address is the registered one, never taken from a request, and carries no hint of who the person is: the
    application asks us, and a page that others make says nothing about anybody. No ``target_link_uri`` either: the
    application sends people to its own entrance.
    """
    address = client.metadata.initiate_login_uri
    if address is None or not client.active:
        return None
    return with_query(address, {"iss": issuer})
