"""The values behind scopes and behind claims asked for by name (OpenID Connect Core §5.1, §5.4, §5.5)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from idp.accounts.person import VERIFIED_LEVEL, Person
from idp.protocol.scope import CLAIMS_BY_SCOPE
from kernel.clock import to_timestamp


def person_claims(
    person: Person, scopes: Collection[str], *, names: Collection[str] = (), subject: str | None = None
) -> dict[str, Any]:
    """Return the claims about ``person`` that ``scopes`` open, and those called ``names``.

    What is empty is left out (§5.3.2).

    :param subject: the ``sub`` by which the application knows the person, see :mod:`idp.tokens.subject`; None where no
        application is told.
    """
    values: dict[str, Any] = {
        "sub": person.id if subject is None else subject,
        "cedula": person.cedula,
        "passport": "" if person.cedula else person.passport,
        "name": person.name,
        "given_name": person.given_names,
        "family_name": person.surnames,
        "locale": person.locale,
        "updated_at": to_timestamp(person.updated_at),
        "email": person.email,
        "email_verified": person.email_verified if person.email else None,
        "phone_number": person.phone,
        "phone_number_verified": person.phone_verified if person.phone else None,
        # From the civil registry alone, and only while the identity that it belongs to is a verified one.
        "birthdate": person.birth_date if person.level >= VERIFIED_LEVEL else "",
    }
    wanted = dict.fromkeys([*(name for scope in scopes for name in CLAIMS_BY_SCOPE.get(scope, ())), *names])
    return {name: values[name] for name in wanted if values.get(name) not in (None, "")}
