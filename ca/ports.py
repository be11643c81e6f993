"""What the authority needs of others, in its own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session


@dataclass(frozen=True)
class InstitutionRecord:
    """An institution as certificates name it.

    :ivar ruc: 13 digits.
    :ivar domains: registered DNS domains in A-label form; a certificate may carry one of them or a name under it.
    :ivar networks: registered networks in CIDR form; a certificate may carry addresses in them.
    :ivar province: where it is seated; empty: by the RUC's first two digits.
    """

    id: str
    ruc: str
    name: str
    domains: tuple[str, ...]
    networks: tuple[str, ...] = ()
    province: str = ""


class Institutions(Protocol):
    """The register of institutions."""

    def find(self, session: Session, ruc: str) -> InstitutionRecord:
        """Return the active institution. :raises kernel.errors.NotFound: (``unknown_institution``)."""
        ...


@dataclass(frozen=True)
class PersonRecord:
    """A person as certificates name one. :ivar cedula: 10 digits."""

    id: str
    cedula: str
    given_names: str
    surnames: str


class People(Protocol):
    """The register of people with an account."""

    def find_verified(self, session: Session, cedula: str) -> PersonRecord:
        """Return the active person whose identity was checked against the registry or at a desk.

        An account that somebody signed up for by himself proves nothing about who has the cédula.

        :raises kernel.errors.NotFound: (``holder_unknown``).
        :raises kernel.errors.Rejected: (``person_not_verified``).
        """
        ...


class Letters(Protocol):
    """Mails to people and institutions, written with the caller's transaction and sent after it."""

    def to_person(
        self, session: Session, person_id: str, *, template: str, context: Mapping[str, str], now: datetime
    ) -> bool:
        """Write to a person with an account; return whether there is an address."""
        ...

    def to_institution(
        self, session: Session, ruc: str, *, template: str, context: Mapping[str, str], now: datetime
    ) -> bool:
        """Write to an institution's contact; return whether there is one."""
        ...

    def to_address(
        self, session: Session, address: str, *, template: str, context: Mapping[str, str], now: datetime
    ) -> None:
        """Write to an address that an operator gave, in Spanish."""
        ...


class SignedIn(Protocol):
    """Who is logged in with the browser that asks.

    :ivar cookie: name of the cookie that holds the session's secret.
    """

    @property
    def cookie(self) -> str:
        """See above."""
        ...

    def person_of(self, session: Session, *, secret: str | None, now: datetime) -> str | None:
        """Return the id of the person whose live session the secret is, or None."""
        ...


class RevocationListener(Protocol):
    """Whoever lets something rest on a certificate: sessions begun with it, tokens bound to it."""

    def certificate_revoked(
        self, *, serial: str, certificate_sha256: str | None, person_id: str | None, reason: str
    ) -> None:
        """Let go of everything that rests on the certificate. Called by the worker, at least once: must be idempotent.

        :param serial: lower-case hex. :param certificate_sha256: of the DER certificate, lower-case hex; None if it
            was never signed. :param person_id: who could log in with it. :param reason: a name of RFC 5280 §5.3.1.
        """
        ...


class Dependents(Protocol):
    """Whoever lets something rest on certificates, asked before they are revoked."""

    def count_resting(self, session: Session, *, certificate_sha256s: Sequence[str]) -> Mapping[str, int]:
        """Return how much of each kind (``sessions``, ``tokens``) ends with these certificates.

        :param certificate_sha256s: of DER certificates, lower-case hex.
        """
        ...


@dataclass(frozen=True)
class ApiCaller:
    """An institution's application that calls our API for itself. :ivar institution_ruc: 13 digits."""

    client_id: str
    institution_ruc: str
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class PresentedToken:
    """An access token and what came with it.

    :ivar scheme: ``bearer`` or ``dpop``. :ivar url: the address without query as the client wrote it.
    :ivar certificate_der: the TLS client certificate that the proxy saw proof of.
    """

    token: str = field(repr=False)
    scheme: str
    method: str
    url: str
    dpop: tuple[str, ...] = field(default=(), repr=False)
    certificate_der: bytes | None = field(default=None, repr=False)


class ApiTokens(Protocol):
    """Whoever issues the tokens that open our API."""

    def caller(self, session: Session, presented: PresentedToken, *, audience: str, now: datetime) -> ApiCaller:
        """Return who holds the token. :raises kernel.errors.Denied: (``invalid_token``)."""
        ...

    def next_nonce(self, *, now: datetime) -> str:
        """Return the nonce that the caller's next DPoP proof is to repeat (RFC 9449 §9)."""
        ...
