"""What an authorization covers beyond scopes: APIs, fine-grained details, single claims.

It travels from the request to the code, to the token family and into the tokens, and never grows on the way.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from idp.protocol.claims_request import scopes_behind, within_scopes


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The terms of one authorization.

    :ivar resources: identifiers of APIs (RFC 8707 §2); empty: our UserInfo endpoint alone.
    :ivar authorization_details: objects with a ``type`` each (RFC 9396 §2), as checked.
    :ivar institution: id of the institution with which the person goes in, where rights are given by institutions.
    :ivar claims: the ``claims`` parameter as checked (OpenID Connect Core §5.5): ``userinfo`` and ``id_token``.
    """

    resources: tuple[str, ...] = ()
    authorization_details: tuple[Mapping[str, Any], ...] = ()
    claims: Mapping[str, Any] = field(default_factory=dict)
    institution: str | None = None

    @property
    def claimed_scopes(self) -> tuple[str, ...]:
        """The scopes that the claims asked for by name belong to."""
        return scopes_behind(self.claims)

    def given(self, scopes: Collection[str]) -> Self:
        """Return the terms without claims that the person did not allow.

        :param scopes: what was given of what was asked.
        """
        return replace(self, claims=within_scopes(self.claims, scopes))

    def to_document(self) -> dict[str, Any]:
        """Return the terms as JSON values; what is empty is left out."""
        document = {
            "resources": list(self.resources),
            "authorization_details": [dict(item) for item in self.authorization_details],
            "claims": dict(self.claims),
            "institution": self.institution,
        }
        return {name: value for name, value in document.items() if value}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Return the terms that :meth:`to_document` wrote."""
        return cls(
            resources=tuple(document.get("resources", ())),
            authorization_details=tuple(document.get("authorization_details", ())),
            claims=document.get("claims", {}),
            institution=document.get("institution"),
        )
