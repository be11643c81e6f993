"""The values behind scopes (OpenID Connect Core §5.1, §5.4)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from idp.accounts.person import Person
from idp.protocol.scope import CLAIMS_BY_SCOPE
from kernel.clock import to_timestamp


def person_claims(person: Person, scopes: Collection[str]) -> dict[str, Any]:
    """Return the claims about ``person`` that ``scopes`` open. What is empty is left out (§5.3.2)."""
    values: dict[str, Any] = {
        "sub": person.id,
        "cedula": person.cedula,
        "name": person.name,
        "given_name": person.given_names,
        "family_name": person.surnames,
        "locale": person.locale,
        "updated_at": to_timestamp(person.updated_at),
        "email": person.email,
        "email_verified": person.email_verified if person.email else None,
    }
    names = [name for scope in scopes for name in CLAIMS_BY_SCOPE.get(scope, ())]
    return {name: values[name] for name in names if values.get(name) not in (None, "")}
