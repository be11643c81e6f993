"""A ceremony as a value: what will be made, before whom, and who keeps the passphrase."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from keys.signer import Algorithm

_STRICT = ConfigDict(extra="forbid", str_strip_whitespace=True)
AuthorityShortName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=32)]
RootShortName = Annotated[str, Field(pattern=r"^root(-[a-z0-9]+)*$", max_length=32)]
Text = Annotated[str, Field(min_length=1, max_length=64)]
PolicyOid = Annotated[str, Field(pattern=r"^(any|[0-2](\.(0|[1-9]\d*))+)$")]
DnsSubtree = Annotated[
    str, Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$")
]
Network = Annotated[
    ipaddress.IPv4Network | ipaddress.IPv6Network, BeforeValidator(lambda text: ipaddress.ip_network(str(text)))
]


class KeyKind(StrEnum):
    """A kind of key that an authority may have."""

    P256 = "P-256"
    P384 = "P-384"
    RSA3072 = "RSA-3072"
    RSA4096 = "RSA-4096"
    ML_DSA_65 = "ML-DSA-65"

    @property
    def algorithm(self) -> Algorithm:
        """What the key signs with."""
        return {
            KeyKind.P256: Algorithm.ES256,
            KeyKind.P384: Algorithm.ES384,
            KeyKind.RSA3072: Algorithm.RS256,
            KeyKind.RSA4096: Algorithm.RS384,
            KeyKind.ML_DSA_65: Algorithm.ML_DSA_65,
        }[self]

    @property
    def rsa_bits(self) -> int:
        """The size of the modulus, if it is one of RSA."""
        return 4096 if self is KeyKind.RSA4096 else 3072


@dataclass(frozen=True, config=_STRICT)
class AuthorityName:
    """The subject of an authority.

    :ivar country: two letters (ISO 3166-1).
    """

    common_name: Text
    organization: Text = "Sistema de Autenticación Única"
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "EC"


@dataclass(frozen=True, config=_STRICT)
class Witness:
    """Somebody in the room.

    :ivar role: what the person is there for, as the minutes say it.
    """

    name: Text
    role: Text


@dataclass(frozen=True, config=_STRICT)
class Shares:
    """The passphrase of a root's store in shares: ``needed`` of the holders together open it."""

    needed: Annotated[int, Field(ge=2, le=16)]
    holders: Annotated[tuple[Text, ...], Field(min_length=2, max_length=16)]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.needed > len(self.holders):
            raise ValueError(f"{self.needed} shares are needed and there are {len(self.holders)} holders")
        if len({holder.casefold() for holder in self.holders}) != len(self.holders):
            raise ValueError("a holder is named twice: each share is for another person")
        return self


@dataclass(frozen=True, config=_STRICT)
class Names:
    """Subtrees of names (RFC 5280 §4.2.1.10).

    :ivar dns: a domain with everything below it, without a leading dot. :ivar emails: a host.
    """

    dns: tuple[DnsSubtree, ...] = ()
    addresses: tuple[Network, ...] = ()
    emails: tuple[DnsSubtree, ...] = ()


@dataclass(frozen=True, config=_STRICT)
class RootPlan:
    """A root that will be made.

    :ivar path_length: how many authorities may stand between it and an end entity's issuer; None: any number.
    :ivar shares: none: the passphrase stays in a file beside the key's folder, for the operator to take away.
    :ivar cross: names of roots that stand already: each signs this one's key, and this one theirs.
    """

    name: RootShortName
    subject: AuthorityName
    key: Literal[KeyKind.P384, KeyKind.RSA4096, KeyKind.ML_DSA_65] = KeyKind.P384
    lifetime_days: Annotated[int, Field(ge=365, le=9132)] = 20 * 365 + 5
    path_length: Annotated[int, Field(ge=1, le=5)] | None = None
    shares: Shares | None = None
    cross: tuple[RootShortName, ...] = ()

    @property
    def lifetime(self) -> timedelta:
        """Its validity."""
        return timedelta(days=self.lifetime_days)


@dataclass(frozen=True, config=_STRICT)
class IssuingPlan:
    """An authority under the root that will be made.

    :ivar policies: OIDs that its certificates may carry; ``any``: all (RFC 5280 §4.2.1.4).
    :ivar cps: address of the practice statement; empty: the service's own.
    :ivar profiles: which it issues from now on, whoever issued them before.
    """

    name: AuthorityShortName
    subject: AuthorityName
    key: KeyKind = KeyKind.P256
    lifetime_days: Annotated[int, Field(ge=90, le=5479)] = 10 * 365 + 2
    path_length: Annotated[int, Field(ge=0, le=4)] = 0
    permitted: Names = Names()
    excluded: Names = Names()
    policies: Annotated[tuple[PolicyOid, ...], Field(min_length=1)] = ("any",)
    cps: Annotated[str, Field(pattern=r"^(https?://[^\s]+)?$", max_length=200)] = ""
    profiles: tuple[str, ...] = ()

    @property
    def lifetime(self) -> timedelta:
        """Its validity, if its root lasts as long."""
        return timedelta(days=self.lifetime_days)


@dataclass(frozen=True, config=_STRICT)
class CeremonyPlan:
    """What one ceremony makes: a root with authorities under it, or authorities ``under`` a root that stands.

    :ivar format: of the file.
    """

    format: Literal[1]
    title: Annotated[str, Field(min_length=3, max_length=200)]
    place: Text
    witnesses: Annotated[tuple[Witness, ...], Field(min_length=2)]
    root: RootPlan | None = None
    under: RootShortName | None = None
    issuing: tuple[IssuingPlan, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.root is None) == (self.under is None):
            raise ValueError("name either `root`, to make one, or `under`, the root that stands")
        if self.root is None and not self.issuing:
            raise ValueError("nothing is made: name at least one authority in `issuing`")
        names = [plan.name for plan in self.issuing] + ([self.root.name] if self.root else [])
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two authorities are named {', '.join(sorted(twice))}")
        profiles = [profile for plan in self.issuing for profile in plan.profiles]
        if twice := {name for name in profiles if profiles.count(name) > 1}:
            raise ValueError(f"two authorities would issue {', '.join(sorted(twice))}")
        people = [witness.name.casefold() for witness in self.witnesses]
        if len(set(people)) != len(people):
            raise ValueError("a witness is named twice")
        if self.root is not None:
            self._under(self.root)
        return self

    def _under(self, root: RootPlan) -> None:
        for plan in self.issuing:
            if root.path_length is not None and plan.path_length >= root.path_length:
                raise ValueError(f"{plan.name}: path_length must be less than the root's ({root.path_length})")
            if plan.lifetime_days > root.lifetime_days:
                raise ValueError(f"{plan.name} would outlive its root")
        if root.name in root.cross:
            raise ValueError("a root is not crossed with itself")

    @property
    def root_name(self) -> str:
        """The root that signs in this ceremony."""
        return self.root.name if self.root else str(self.under)
