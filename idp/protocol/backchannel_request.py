"""The backchannel authentication request, made valid once (CIBA Core §7.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

from idp.protocol.binding_message import require_displayable
from idp.protocol.errors import TokenError
from idp.protocol.parameters import Parameters

LOGIN_HINT, ID_TOKEN_HINT, LOGIN_HINT_TOKEN = "login_hint", "id_token_hint", "login_hint_token"
HINTS = (LOGIN_HINT, ID_TOKEN_HINT, LOGIN_HINT_TOKEN)

DEFAULT_LIFETIME = timedelta(minutes=5)
SHORTEST_LIFETIME = timedelta(seconds=10)
# Longer waits make people approve what they have forgotten; who needs longer asks again.
LONGEST_LIFETIME = timedelta(minutes=10)

# RFC 6750 §2.1 b64token; CIBA Core §7.1: at most 1024 characters. 22 of base64url hold 128 random bits (§7.1: at least
# 128, 160 recommended); what repeats itself is no random text whatever its length.
_NOTIFICATION_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]{22,1024}=*")
_FEWEST_DIFFERENT = 10


@dataclass(frozen=True, kw_only=True)
class BackchannelRequest:
    """A valid request; scopes and the like are read by the rules of the authorization endpoint.

    :ivar hint_kind: ``login_hint`` or ``id_token_hint``.
    :ivar notification_token: for a ping; None for a client that polls.
    """

    hint_kind: str
    hint: str = field(repr=False)
    binding_message: str | None
    lifetime: timedelta
    notification_token: str | None = field(repr=False)

    @classmethod
    def parse(cls, parameters: Parameters, *, ping: bool) -> Self:
        """Return the valid request; the order below is the order in which errors win. ``user_code`` is not looked at.

        :param ping: whether the client registered to be notified.
        :raises TokenError: ``invalid_request``, ``invalid_binding_message`` (CIBA Core §13).
        """
        hints = [name for name in HINTS if parameters.get(name) is not None]
        if len(hints) != 1:
            raise _invalid(f"Exactly one of {', '.join(HINTS)} names the person.")
        if hints[0] == LOGIN_HINT_TOKEN:
            raise _invalid("login_hint_token is not served; use login_hint or id_token_hint.")
        return cls(
            hint_kind=hints[0],
            hint=parameters.get(hints[0]) or "",
            binding_message=require_displayable(parameters.get("binding_message")),
            lifetime=_lifetime(parameters.get("requested_expiry")),
            notification_token=_notification_token(parameters.get("client_notification_token")) if ping else None,
        )


def _lifetime(requested: str | None) -> timedelta:
    if requested is None:
        return DEFAULT_LIFETIME
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", requested, re.ASCII):
        raise _invalid("requested_expiry is a positive number of seconds.")
    return min(max(timedelta(seconds=int(requested)), SHORTEST_LIFETIME), LONGEST_LIFETIME)


def _notification_token(token: str | None) -> str:
    if token is None:
        raise _invalid("client_notification_token is missing: the delivery mode is ping.")
    if not _NOTIFICATION_TOKEN.fullmatch(token) or len(set(token)) < _FEWEST_DIFFERENT:
        raise _invalid("client_notification_token is a bearer token of 128 random bits, 1024 characters at most.")
    return token


def _invalid(detail: str) -> TokenError:
    return TokenError("invalid_request", detail)
