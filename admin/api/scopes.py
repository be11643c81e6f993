"""Which permissions a scope of an access token opens. The roles of who stands behind it are asked beside."""

from __future__ import annotations

from collections.abc import Iterable

from admin.permissions import Permission

_P = Permission
# Reading these needs a scope of its own: people and the evidence are not looked at by the way.
_APART = frozenset({"recoveries", "reports"})
_OPENS: dict[str, frozenset[Permission]] = {
    "console:read": frozenset(
        each
        for each in Permission
        if each is _P.CONSOLE_OPEN or (each.value.endswith(":read") and each.value.partition(":")[0] not in _APART)
    ),
    "console:certificates": frozenset(
        {
            _P.CERTIFICATES_READ,
            _P.REQUESTS_READ,
            _P.CERTIFICATES_REQUEST,
            _P.CERTIFICATES_REVOKE,
            _P.CERTIFICATES_HOLD,
            _P.CREDENTIALS_READ,
            _P.CREDENTIALS_ISSUE,
        }
    ),
    "console:approvals": frozenset({_P.CERTIFICATES_READ, _P.REQUESTS_READ, _P.CERTIFICATES_APPROVE}),
}
# The others open whole nouns.
_NOUNS: dict[str, frozenset[str]] = {
    "console:institutions": frozenset({"institutions"}),
    "console:applications": frozenset({"clients", "applications", "deliveries"}),
    "console:roles": frozenset({"roles"}),
    "console:rights": frozenset({"rights", "declarations", "delegations"}),
    "console:federation": frozenset({"directories", "providers"}),
    "console:people": frozenset({"people", "identities", "rectifications", "recoveries", "reports"}),
    "console:audit": frozenset({"audit"}),
}


def opened_by(scopes: Iterable[str]) -> frozenset[Permission]:
    """Return the permissions that ``scopes`` open together; an unknown scope opens none."""
    opened: set[Permission] = set()
    for scope in scopes:
        opened |= _OPENS.get(scope, frozenset())
        nouns = _NOUNS.get(scope, frozenset())
        opened |= {each for each in Permission if each.value.partition(":")[0] in nouns}
    return frozenset(opened)


def scope_for(permission: Permission) -> str:
    """Return the narrowest scope that opens ``permission``: what a client that lacks it should ask for.

    :raises ValueError: none does: no operation may be declared with it.
    """
    fitting = [scope for scope in (*_OPENS, *_NOUNS) if permission in opened_by((scope,))]
    if "console:read" in fitting:
        return "console:read"
    return min(fitting, key=lambda scope: (len(opened_by((scope,))), scope))
