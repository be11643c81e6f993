"""Settings to adapters: the only place that chooses SQLite or PostgreSQL, where keys are kept, what limits requests."""

from __future__ import annotations

import socket
from functools import cached_property

import admin.api.model
import admin.model
import ca.acme.model
import ca.api.model
import ca.archive.model
import ca.bulk.model
import ca.cmp.model
import ca.enrolment.model
import ca.expiry.model
import ca.handover.model
import ca.issuance.model
import ca.requests.model
import ca.revocation.model
import ca.transparency.model
import ca.units.model
import idp.accounts.model
import idp.authentication.model
import idp.authorization.model
import idp.broker.model
import idp.clients.model
import idp.codes.model
import idp.consent.model
import idp.decoupled.model
import idp.desk.model
import idp.directories.model
import idp.levels.model
import idp.notices.model
import idp.passkeys.model
import idp.rights.model
import idp.simulation.model
import idp.tokens.model
import idp.ussd.model
import kernel.compatibility
import kernel.outbox
from admin.services import AdminServices
from audit.journal import Journal
from audit.privacy import HolderKeys
from audit.services import AuditServices
from bridges import (
    ApiTokens,
    AuthorityRecords,
    Duties,
    InstitutionRegister,
    Letters,
    PeopleRegister,
    PersonalCertificates,
    SignedIn,
)
from ca.register.standing import CertificateRegister
from ca.services import CaServices
from ca.units.chain import unit_chain
from idp.authorization.resting import RestingOnCertificates
from idp.authorization.revoked_certificate import LetGoOfCertificate
from idp.clients.remote_keys import RemoteKeys
from idp.directories.ldap import Bounds, LdapDirectories
from idp.levels.open_registry import open_registry
from idp.services import IdpServices
from idp.tokens.key_ring import KeyRing
from kernel.clock import Clock, SystemClock
from kernel.database import Database
from kernel.settings import Settings
from keys.file_store import FileKeyStore, read_passphrase
from keys.late_secret import LateSecret
from keys.sealing import Sealer
from keys.store import KeyStore
from keys.token import open_token_store
from outgoing.client import OutgoingClient

# Naming them here is what brings their tables into the schema; a test finds the one that is left out.
TABLES = (
    admin.api.model,
    admin.model,
    ca.api.model,
    ca.archive.model,
    ca.bulk.model,
    ca.cmp.model,
    ca.enrolment.model,
    ca.acme.model,
    ca.expiry.model,
    ca.handover.model,
    ca.issuance.model,
    ca.requests.model,
    ca.revocation.model,
    ca.units.model,
    ca.transparency.model,
    idp.accounts.model,
    idp.authentication.model,
    idp.broker.model,
    idp.clients.model,
    idp.codes.model,
    idp.consent.model,
    idp.decoupled.model,
    idp.desk.model,
    idp.directories.model,
    idp.levels.model,
    idp.notices.model,
    idp.rights.model,
    idp.simulation.model,
    idp.passkeys.model,
    idp.tokens.model,
    idp.ussd.model,
    kernel.compatibility,
    kernel.outbox,
)


class Composition:
    """The service, put together from its settings. Parts are made on first use and kept."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()

    @cached_property
    def database(self) -> Database:
        """The database that the settings name."""
        return Database(self.settings.effective_database_url)

    @cached_property
    def keystore(self) -> KeyStore:
        """Keys of the online service. The root's key is elsewhere."""
        if self.settings.keys_in_token:
            return open_token_store(self.settings.keystore, self.settings.keystore_folder)
        return FileKeyStore(self.settings.keystore_folder, read_passphrase(self.settings.passphrase_file))

    @cached_property
    def sealing(self) -> LateSecret:
        """Fetches the secret from which all sealing keys are derived: from a token that may be away at the start."""
        return LateSecret(lambda: self.keystore.secret("sealing"))

    @property
    def sealing_secret(self) -> bytes:
        """The secret from which all sealing keys are derived. :raises kernel.errors.Unavailable: while it is away."""
        return self.sealing()

    @cached_property
    def journal(self) -> Journal:
        """The journal of events."""
        return Journal(HolderKeys(Sealer(self.sealing, "audit-holder")), node=socket.gethostname())

    @cached_property
    def audit(self) -> AuditServices:
        """What the evidence is given."""
        return AuditServices(
            settings=self.settings,
            clock=self.clock,
            database=self.database,
            keystore=self.keystore,
            journal=self.journal,
            outgoing=self.outgoing,
            certificates=unit_chain,
        )

    @cached_property
    def outgoing(self) -> OutgoingClient:
        """The client for applications' servers."""
        return OutgoingClient(networks=self.settings.outgoing_networks, ca_file=self.settings.outgoing_ca_file)

    @cached_property
    def directories(self) -> LdapDirectories:
        """The client for institutions' directories."""
        return LdapDirectories(bounds=Bounds(whole=self.settings.ldap_seconds), ca_file=self.settings.ldap_ca_file)

    @cached_property
    def idp(self) -> IdpServices:
        """What the provider is given."""
        return IdpServices(
            settings=self.settings,
            clock=self.clock,
            database=self.database,
            keystore=self.keystore,
            journal=self.journal,
            sealing=self.sealing,
            token_keys=KeyRing(self.keystore, self.clock),
            outgoing=self.outgoing,
            remote_keys=RemoteKeys(self.outgoing, self.clock),
            certificates=AuthorityRecords(self, CertificateRegister()),
            evidence=self.audit,
            duties=Duties(),
            personal_certificates=PersonalCertificates(self),
            directories=self.directories,
            civil_registry=open_registry(self.settings, outgoing=self.outgoing, clock=self.clock),
        )

    @cached_property
    def ca(self) -> CaServices:
        """What the certificate authority is given."""
        return CaServices(
            settings=self.settings,
            clock=self.clock,
            database=self.database,
            keystore=self.keystore,
            journal=self.journal,
            institutions=InstitutionRegister(),
            people=PeopleRegister(),
            sealing=self.sealing,
            letters=Letters(self),
            signed_in=SignedIn(),
            api_tokens=ApiTokens(self),
            revocation_listeners=(LetGoOfCertificate(self.idp),),
            dependents=(RestingOnCertificates(),),
        )

    @cached_property
    def admin(self) -> AdminServices:
        """What the console is given."""
        return AdminServices(
            settings=self.settings,
            clock=self.clock,
            database=self.database,
            journal=self.journal,
            idp=self.idp,
            ca=self.ca,
            audit=self.audit,
        )
