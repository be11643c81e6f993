"""What the provider is given by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from audit.journal import Journal
from audit.signed_log import SignedLog
from idp.authentication.assurance import served_acr_values, served_levels
from idp.broker.bounds import UpstreamBounds
from idp.clients.reading_ahead import KnownClients
from idp.clients.remote_keys import RemoteKeys
from idp.directories.port import DirectoryServers
from idp.levels.registry import CivilRegistry
from idp.ports import Certificates, Duties, PersonalCertificates
from idp.tokens.key_ring import KeyRing
from kernel.clock import Clock
from kernel.database import Database
from kernel.settings import Settings
from keys.store import KeyStore
from outgoing.client import OutgoingClient


@dataclass(frozen=True)
class IdpServices:
    """Adapters and shared values of the provider.

    :ivar token_keys: the keys that sign tokens, opened once in this process.
    :ivar certificates: the authority's records.
    :ivar outgoing: the one way to others' servers; never inside a transaction.
    :ivar remote_keys: keys that applications publish, fetched through ``outgoing`` and kept in this process.
    :ivar directories: servers of institutions' directories; never inside a transaction.
    :ivar evidence: the log in which events are proved.
    :ivar duties: who does something for the service.
    :ivar personal_certificates: what the authority holds about people.
    :ivar civil_registry: where identities are checked; None: only at desks.
    :ivar known_clients: applications that this process has met, for the endpoints that are called most.
    :ivar upstream_bounds: how much of this process other providers may keep busy.
    :ivar sealing: what :attr:`sealing_secret` comes from.
    """

    settings: Settings
    clock: Clock
    database: Database
    keystore: KeyStore
    journal: Journal
    sealing: Callable[[], bytes] = field(repr=False)
    token_keys: KeyRing
    outgoing: OutgoingClient
    certificates: Certificates
    remote_keys: RemoteKeys
    evidence: SignedLog
    duties: Duties
    personal_certificates: PersonalCertificates
    directories: DirectoryServers
    civil_registry: CivilRegistry | None = None
    known_clients: KnownClients = field(default_factory=KnownClients)
    upstream_bounds: UpstreamBounds = field(default_factory=UpstreamBounds)

    @property
    def sealing_secret(self) -> bytes:
        """32 octets: give them to ``keys.sealing.Sealer`` with a purpose, or to ``derive_secret``.

        :raises kernel.errors.Unavailable: while they are in a security module that does not answer.
        """
        return self.sealing()

    @property
    def acr_values(self) -> tuple[str, ...]:
        """The strengths of login that can be reached here, weakest first."""
        return served_acr_values(with_certificates=bool(self.settings.mtls_origin))

    @property
    def acr_levels(self) -> Mapping[str, str]:
        """The levels of identity that can be asked for here, lowest first, each with the strength that it asks for."""
        return served_levels(with_certificates=bool(self.settings.mtls_origin))
