"""``jwt-bearer``: a service asks for a token with an assertion about itself (RFC 7523 §2.1).

The assertion has the form of ``private_key_jwt`` (§3 rules both), so it is verified as that, by the same key, for the
same audience, once. Whom it may speak of is in ``docs/decisions/``: the service itself, never a person.
"""

from __future__ import annotations

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.authentication import authenticate_client
from idp.clients.client import Client
from idp.clients.policy import JWT_BEARER
from idp.oauth.exchange import EndpointCall
from idp.protocol.client_authentication import ASSERTION_TYPE, present
from idp.protocol.errors import InvalidClientError, TokenError

_OTHER_CREDENTIALS = ("client_secret", "client_assertion", "client_assertion_type")


def authenticate_by_assertion(call: EndpointCall) -> Client:
    """Return the service that the ``assertion`` is by and about.

    :raises TokenError: ``invalid_request``: no assertion, or other credentials beside it (RFC 6749 §2.3: one way);
        ``invalid_grant`` (§3.1). On record.
    """
    assertion = call.form.get("assertion")
    if assertion is None or call.authorization is not None or any(call.form.get(name) for name in _OTHER_CREDENTIALS):
        reason = "no_assertion" if assertion is None else "two_methods"
        text = (
            "The assertion is missing."
            if assertion is None
            else "The assertion says who the client is: send no other credentials."
        )
        event = Event(
            type=EventType.TOKEN_REFUSED, outcome=Outcome.REFUSED, reason=reason, details={"grant_type": JWT_BEARER}
        )
        call.services.journal.refuse(call.session, event, TokenError("invalid_request", text), now=call.now)
    shown = {**call.form.values, "client_assertion": assertion, "client_assertion_type": ASSERTION_TYPE}
    try:
        return authenticate_client(
            call.session,
            services=call.services,
            presented=present(authorization=None, form=shown),
            sender=call.sender,
            endpoint=call.endpoint,
            now=call.now,
        )
    except InvalidClientError as error:
        refusal = TokenError("invalid_grant", "The assertion is not valid.")
        refusal.commits = error.commits
        raise refusal from error
