"""Step-up: a resource says which login it wants, and the application asks for it (RFC 9470)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from idp.protocol.acr import Levels, is_reached
from idp.protocol.errors import BearerTokenError


class InsufficientAuthenticationError(BearerTokenError):
    """The token is good, the login behind it is not enough (RFC 9470 §3).

    :ivar acr_values: what the login must reach, for the authorization request; or None.
    :ivar max_age: how old it may be, in seconds; or None.
    """

    def __init__(self, reason: str, *, acr_values: str | None = None, max_age: int | None = None) -> None:
        super().__init__(
            reason,
            code="insufficient_user_authentication",
            public_detail="This needs a stronger or more recent login.",
        )
        self.acr_values = acr_values
        self.max_age = max_age

    @property
    def parameters(self) -> dict[str, str]:
        """What the challenge tells beside the error (§3)."""
        known = {"acr_values": self.acr_values, "max_age": None if self.max_age is None else str(self.max_age)}
        return {name: value for name, value in known.items() if value is not None}


def require_authentication(
    *,
    acr: str,
    authenticated_at: datetime,
    known: Sequence[str],
    levels: Levels = MappingProxyType({}),
    level: int = 0,
    required_acr: str | None = None,
    max_age: timedelta | None = None,
    now: datetime,
) -> None:
    """Check that the login behind a token is enough for what is asked of the resource.

    :param acr: the strength of the login. :param known: the strengths, weakest first.
    :param levels: levels of identity. :param level: of the person, as it is now.
    :raises InsufficientAuthenticationError: saying what to ask for.
    """
    seconds = None if max_age is None else int(max_age.total_seconds())
    if not is_reached(required_acr, acr=acr, known=known, levels=levels, level=level):
        raise InsufficientAuthenticationError("weak_login", acr_values=required_acr, max_age=seconds)
    if max_age is not None and authenticated_at + max_age < now:
        raise InsufficientAuthenticationError("old_login", acr_values=required_acr, max_age=seconds)
