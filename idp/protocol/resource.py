"""``resource``: the API that a token is for (RFC 8707)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

PARAMETER = "resource"
# RFC 8707 §2: the parameter may come several times. Nobody needs more APIs in one authorization.
COUNT_LIMIT = 5


class InvalidTargetError(ValueError):
    """The API is unknown, or not one that this client may ask tokens for (RFC 8707 §2, ``invalid_target``)."""


def requested_resources(
    named: Sequence[str], *, registered: Sequence[str], userinfo: str, needs_api: bool
) -> tuple[str, ...]:
    """Return the APIs that an authorization request covers, without our own UserInfo, which every one may.

    :param named: as they came.
    :param registered: the client's, the first by default.
    :param needs_api: whether a scope of an API is asked for: then one is meant although none is named.
    :raises InvalidTargetError: if one is not the client's, or there are too many.
    """
    if len(named) > COUNT_LIMIT:
        raise InvalidTargetError("too many")
    wanted = tuple(dict.fromkeys(item for item in named if item != userinfo))
    if not set(wanted) <= set(registered):
        raise InvalidTargetError("not registered")
    if not wanted and needs_api:
        return tuple(registered[:1])
    return wanted


def target_of(named: Sequence[str], *, granted: Sequence[str], userinfo: str | None) -> str:
    """Return the one API that a token is for: a token that opens two could be replayed by one at the other.

    :param named: in the token request; none means the first one granted, or UserInfo where no API was.
    :param userinfo: our UserInfo endpoint, or None if no person stands behind the token.
    :raises InvalidTargetError: if it was not granted, more than one is named, or there is none.
    """
    allowed: Collection[str] = (*granted, userinfo) if userinfo else granted
    if len(set(named)) > 1 or not set(named) <= set(allowed):
        raise InvalidTargetError("not granted")
    target = next(iter((*named, *granted)), userinfo)
    if target is None:
        raise InvalidTargetError("none")
    return target
