"""What the certificate authority is given by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from audit.journal import Journal
from ca.issuance.signers import Signers
from ca.ports import (
    ApiTokens,
    Dependents,
    InstitutionRecord,
    Institutions,
    Letters,
    People,
    RevocationListener,
    SignedIn,
)
from ca.profiles.registry import ProfileRegistry, packaged_profiles
from ca.requests.block_list import KeyBlockList
from ca.transparency.log import CertificateLog
from kernel.clock import Clock
from kernel.database import Database
from kernel.settings import Settings
from kernel.short_memory import ShortMemory
from keys.store import KeyStore


@dataclass(frozen=True)
class CaServices:
    """Adapters and shared values of the authority. The root's key store is not here: see ``ca.ceremony``.

    :ivar sealing: what :attr:`sealing_secret` comes from.
    :ivar api_tokens: who calls our API.
    :ivar revocation_listeners: told of each revocation by the worker.
    :ivar dependents: asked what ends with certificates, before they are revoked.
    """

    settings: Settings
    clock: Clock
    database: Database
    keystore: KeyStore
    journal: Journal
    institutions: Institutions
    people: People
    sealing: Callable[[], bytes] = field(repr=False)
    letters: Letters
    signed_in: SignedIn
    api_tokens: ApiTokens
    profiles: ProfileRegistry = field(default_factory=packaged_profiles)
    revocation_listeners: tuple[RevocationListener, ...] = ()
    dependents: tuple[Dependents, ...] = ()

    @property
    def sealing_secret(self) -> bytes:
        """From which keys are derived that seal what the authority reads back.

        :raises kernel.errors.Unavailable: while it is in a security module that does not answer.
        """
        return self.sealing()

    @cached_property
    def certificate_log(self) -> CertificateLog:
        """The public log of certificates."""
        return CertificateLog(self.settings, self.clock, self.database, self.keystore)

    @cached_property
    def signers(self) -> Signers:
        """The authorities' keys, as this process has opened them."""
        return Signers(self.keystore)

    @cached_property
    def authorities(self) -> ShortMemory[Any]:
        """Which authority issues a profile's certificates."""
        return ShortMemory(seconds=2.0)

    @cached_property
    def listed(self) -> ShortMemory[bool]:
        """Institutions whose names this process has put into the public list."""
        return ShortMemory(seconds=600.0)

    @cached_property
    def chains(self) -> ShortMemory[Any]:
        """What stands above authorities, as ACME hands it over."""
        return ShortMemory(seconds=5.0)

    @cached_property
    def unplaced(self) -> ShortMemory[Callable[[], object] | None]:
        """Serials that this process has just signed, and how to wait for their places in the certificate log."""
        return ShortMemory(seconds=5.0, most=1024)

    @cached_property
    def institutions_met(self) -> ShortMemory[InstitutionRecord]:
        """Institutions by RUC, for whoever looks at a request before the transaction that asks for them as they are."""
        return ShortMemory(seconds=5.0)

    @cached_property
    def orders_placed(self) -> ShortMemory[Any]:
        """What never changes of orders that were placed here, by their ids."""
        return ShortMemory(seconds=600.0, most=4096)

    @cached_property
    def orders_ready(self) -> ShortMemory[Any]:
        """The same of those that became ready here."""
        return ShortMemory(seconds=600.0, most=4096)

    @cached_property
    def block_list(self) -> KeyBlockList:
        """The list of publicly known keys, where the operator has put one."""
        return KeyBlockList(self.settings.home / "key-list")
