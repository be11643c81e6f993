"""Failed client authentication, counted for each client and network, so that no flood of it reaches the database.

Nobody locks a client out from elsewhere: only the network that failed as this client is asked to wait. Names that
nobody registered share one count a network, for whoever makes them up has no end of them.
"""

from __future__ import annotations

from limits import parse

from idp.clients.client import is_registered
from idp.protocol.client_authentication import PresentedCredentials
from idp.protocol.errors import InvalidClientError
from idp.web.access import services
from kernel.identifiers import sha256_hex
from kernel.origin import current_origin
from web.client_address import network_of
from web.rate_limit import count, require_not_spent
from web.state import web_state

FAILURES_OF_A_CLIENT = parse("30 per minute")
FAILURES_OF_STRANGERS = parse("60 per minute")
_NAME = "idp.client_authentication"


def require_few_failures(presented: PresentedCredentials | InvalidClientError) -> None:
    """Check, before anything is verified, that this network has not failed too often as this client.

    :raises web.rate_limit.RateLimitedError: with the wait.
    """
    if not web_state().limits.enabled:
        return
    client_id = presented.client_id or ""
    require_not_spent(FAILURES_OF_A_CLIENT, _NAME, _key(client_id))
    # The register is asked only in a network that has made up names without end.
    spent = web_state().limits.spent(FAILURES_OF_STRANGERS, _NAME, _key(""))
    if spent is not None and not _is_registered(client_id):
        require_not_spent(FAILURES_OF_STRANGERS, _NAME, _key(""))


def count_failure(presented: PresentedCredentials | InvalidClientError) -> None:
    """Count one failure of this network as this client."""
    client_id = presented.client_id or ""
    if _is_registered(client_id):
        count(FAILURES_OF_A_CLIENT, _NAME, _key(client_id))
    else:
        count(FAILURES_OF_STRANGERS, _NAME, _key(""))


def _is_registered(client_id: str) -> bool:
    with services().database.reading() as session:
        return is_registered(session, client_id)


def _key(client_id: str) -> str:
    # Digested: what is presented may be of any length and hold anything.
    return f"{network_of(current_origin().address)} {sha256_hex(client_id)[:32]}"
