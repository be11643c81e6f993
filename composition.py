"""Settings to adapters: the only place that chooses SQLite or PostgreSQL, where keys are kept, what limits requests."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy.orm import Session

import admin.model
import ca.acme.model
import ca.api.model
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
import idp.tokens.model
import kernel.compatibility
import kernel.outbox
from admin.roles import list_role_holdings
from admin.services import AdminServices
from audit.journal import Journal
from audit.privacy import HolderKeys
from audit.services import AuditServices
from ca.handover.prepare import make_key
from ca.holder.ask import ask, key_kind, offered_kinds
from ca.holder.end import end_all
from ca.holder.revoke import preview_own, revoke_own
from ca.holder.view import list_asked, list_held
from ca.ports import ApiCaller, InstitutionRecord, PersonRecord, PresentedToken
from ca.register.standing import CertificateRegister
from ca.requests.client_certificate import complete_client_certificate, request_client_certificate
from ca.revocation.affiliation import revoke_institutional
from ca.services import CaServices
from ca.units.chain import unit_chain
from idp.accounts.person import VERIFIED_LEVEL, find_person, find_person_by_cedula
from idp.authentication.browser_session import SESSION_COOKIE, find_browser_session
from idp.authorization.resting import RestingOnCertificates
from idp.authorization.revoked_certificate import LetGoOfCertificate
from idp.clients.remote_keys import RemoteKeys
from idp.directories.ldap import Bounds, LdapDirectories
from idp.directory.institutions import find_institution_by_ruc
from idp.levels.open_registry import open_registry
from idp.notices.mail import notify, send_mail
from idp.ports import (
    CertificateIdentity,
    IssuedClientCertificate,
    OfferedCertificate,
    PersonalCertificate,
    PersonalCertificateRequest,
    RequestedClientCertificate,
    RevocationConsequences,
)
from idp.protocol.sender import Sender
from idp.services import IdpServices
from idp.tokens.binding import current_nonce
from idp.tokens.key_ring import KeyRing
from idp.tokens.own_api import open_own_api
from kernel.clock import Clock, SystemClock
from kernel.database import Database
from kernel.errors import NotFound, Rejected
from kernel.identifiers import b64url, b64url_decode
from kernel.settings import Settings
from keys.file_store import FileKeyStore, read_passphrase
from keys.sealing import Sealer
from keys.store import KeyStore
from keys.token import open_token_store
from outgoing.client import OutgoingClient

# Naming them here is what brings their tables into the schema; a test finds the one that is left out.
TABLES = (
    admin.model,
    ca.api.model,
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
    idp.passkeys.model,
    idp.tokens.model,
    kernel.compatibility,
    kernel.outbox,
)


@dataclass(frozen=True)
class _InstitutionRegister:
    """The provider's register of institutions as the authority asks for it."""

    def find(self, session: Session, ruc: str) -> InstitutionRecord:
        institution = find_institution_by_ruc(session, ruc)
        if not institution.active:
            raise NotFound("This institution is closed.", code="unknown_institution")
        return InstitutionRecord(
            id=institution.id,
            ruc=institution.ruc,
            name=institution.name,
            domains=institution.domains,
            networks=institution.networks,
        )


@dataclass(frozen=True)
class _PeopleRegister:
    """The provider's accounts as the authority asks for them."""

    def find_verified(self, session: Session, cedula: str) -> PersonRecord:
        person = find_person_by_cedula(session, cedula)
        if person is None or not person.is_active:
            raise NotFound("Nobody with this cédula has an account here.", code="holder_unknown")
        if person.level < VERIFIED_LEVEL:
            raise Rejected("The identity behind this account was not verified yet.", code="person_not_verified")
        return PersonRecord(
            id=person.id, cedula=person.cedula, given_names=person.given_names, surnames=person.surnames
        )


@dataclass(frozen=True)
class _Letters:
    """The provider's mails as the authority sends them."""

    composition: Composition

    def to_person(
        self, session: Session, person_id: str, *, template: str, context: Mapping[str, str], now: datetime
    ) -> bool:
        person = find_person(session, person_id)
        if not (person.is_active and person.email):
            return False
        notify(session, services=self.composition.idp, person=person, template=template, context=context, now=now)
        return True

    def to_institution(
        self, session: Session, ruc: str, *, template: str, context: Mapping[str, str], now: datetime
    ) -> bool:
        try:
            institution = find_institution_by_ruc(session, ruc)
        except (NotFound, Rejected):
            return False
        if not institution.contact_email:
            return False
        self._send(session, institution.contact_email, institution.name, template, context, now=now)
        return True

    def to_address(
        self, session: Session, address: str, *, template: str, context: Mapping[str, str], now: datetime
    ) -> None:
        self._send(session, address, "", template, context, now=now)

    def _send(
        self, session: Session, to: str, name: str, template: str, context: Mapping[str, str], *, now: datetime
    ) -> None:
        send_mail(
            session,
            services=self.composition.idp,
            to=to,
            locale="es",
            template=template,
            context={"name": name, **context},
            person_id=None,
            now=now,
        )


@dataclass(frozen=True)
class _SignedIn:
    """The provider's sessions as the authority asks for them."""

    cookie: str = SESSION_COOKIE

    def person_of(self, session: Session, *, secret: str | None, now: datetime) -> str | None:
        found = find_browser_session(session, secret=secret, now=now)
        return found.person_id if found else None


@dataclass(frozen=True)
class _AuthorityRecords:
    """The authority's records as the provider asks for them."""

    composition: Composition  # the two houses need each other: neither is made before it is asked
    register: CertificateRegister

    def identify(self, session: Session, certificate_der: bytes, *, now: datetime) -> CertificateIdentity:
        known = self.register.identify(session, certificate_der, now=now)
        return CertificateIdentity(
            serial=known.serial,
            sha256=known.sha256,
            profile=known.profile,
            person_id=known.holder_id,
            client_id=known.client_id,
            institution_ruc=known.institution_ruc,
            subject_dn=known.subject,
            dns_names=known.dns_names,
            uris=known.uris,
            addresses=known.addresses,
            emails=known.emails,
            not_after=known.not_after,
        )

    def require_standing(self, session: Session, *, x5t_s256: str, now: datetime) -> None:
        self.register.require_standing(session, sha256=b64url_decode(x5t_s256).hex(), now=now)

    def request_client_certificate(
        self,
        session: Session,
        *,
        csr: str,
        client_id: str,
        client_name: str,
        institution_ruc: str,
        requested_by: str,
        now: datetime,
    ) -> RequestedClientCertificate:
        requested = request_client_certificate(
            session,
            services=self.composition.ca,
            csr=csr,
            client_id=client_id,
            client_name=client_name,
            institution_ruc=institution_ruc,
            requested_by=requested_by,
            now=now,
        )
        return RequestedClientCertificate(requested.request_id, requested.serial, requested.subject)

    def revoke_institutional(
        self, session: Session, *, person_id: str, institution_ruc: str, reason: str, actor: str, now: datetime
    ) -> int:
        return revoke_institutional(
            session,
            services=self.composition.ca,
            person_id=person_id,
            cedula=find_person(session, person_id).cedula,
            institution_ruc=institution_ruc,
            reason=reason,
            actor=actor,
            now=now,
        )

    def complete_client_certificate(self, request_id: str, *, now: datetime) -> IssuedClientCertificate:
        issued = complete_client_certificate(self.composition.ca, request_id, now=now)
        x5t_s256 = b64url(bytes.fromhex(issued.sha256))
        return IssuedClientCertificate(issued.serial, issued.subject, x5t_s256, issued.chain_pem)


@dataclass(frozen=True)
class _PersonalCertificates:
    """The authority's records about a person as the provider asks for them."""

    composition: Composition

    def list_of(self, session: Session, person_id: str, *, now: datetime) -> tuple[PersonalCertificate, ...]:
        held = list_held(session, services=self.composition.ca, holder_id=person_id, now=now)
        return tuple(
            PersonalCertificate(
                serial=item.serial,
                kind=item.kind,
                about=item.about,
                subject_dn=item.subject,
                institution_ruc=item.institution_ruc,
                not_before=item.not_before,
                not_after=item.not_after,
                standing=item.standing.value,
                revoked_at=item.revoked_at,
                revocation_reason=item.revocation_reason,
                for_login=item.for_login,
                x5t_s256=b64url(bytes.fromhex(item.sha256)) if item.sha256 else None,
            )
            for item in held
        )

    def requests_of(self, session: Session, person_id: str) -> tuple[PersonalCertificateRequest, ...]:
        asked = list_asked(session, services=self.composition.ca, holder_id=person_id)
        return tuple(
            PersonalCertificateRequest(
                id=item.id,
                kind=item.kind,
                state=item.state,
                own=item.own,
                key_state=item.key_state,
                created_at=item.created_at,
                decided_at=item.decided_at,
                answer=item.answer,
            )
            for item in asked
        )

    def kinds(self) -> tuple[OfferedCertificate, ...]:
        return tuple(
            OfferedCertificate(kind.profile, kind.title, kind.about, kind.key_made_here, kind.years)
            for kind in offered_kinds(self.composition.ca)
        )

    def request(self, *, cedula: str, profile: str, csr: str | None, now: datetime) -> None:
        services = self.composition.ca
        # Outside of the transaction: an RSA key takes a moment.
        key = make_key(key_kind(services, profile)) if csr is None else csr
        with services.database.transaction() as session:
            ask(session, services=services, cedula=cedula, profile=profile, key=key, now=now)

    def preview(self, session: Session, person_id: str, *, serial: str, now: datetime) -> RevocationConsequences:
        found = preview_own(session, services=self.composition.ca, holder_id=person_id, serial=serial, now=now)
        return RevocationConsequences(found.resting.get("sessions", 0), found.resting.get("tokens", 0), found.same_key)

    def revoke(self, session: Session, person_id: str, *, serial: str, reason: str, now: datetime) -> None:
        revoke_own(session, services=self.composition.ca, holder_id=person_id, serial=serial, reason=reason, now=now)

    def revoke_all(self, session: Session, person_id: str, *, actor: str, now: datetime) -> None:
        end_all(session, services=self.composition.ca, holder_id=person_id, actor=actor, now=now)


@dataclass(frozen=True)
class _Duties:
    """Roles of the console as the provider asks for them."""

    def of(self, session: Session, person_id: str) -> tuple[str, ...]:
        return tuple(holding.role.value for holding in list_role_holdings(session, person_id=person_id))


@dataclass(frozen=True)
class _ApiTokens:
    """The provider's access tokens as the authority's API asks for them."""

    composition: Composition

    def caller(self, session: Session, presented: PresentedToken, *, audience: str, now: datetime) -> ApiCaller:
        opened = open_own_api(
            session,
            services=self.composition.idp,
            token=presented.token,
            scheme=presented.scheme,
            sender=Sender(
                method=presented.method,
                url=presented.url,
                dpop=presented.dpop,
                certificate_der=presented.certificate_der,
            ),
            audience=audience,
            now=now,
        )
        return ApiCaller(opened.client_id, opened.institution_ruc, opened.scopes)

    def next_nonce(self, *, now: datetime) -> str:
        return current_nonce(self.composition.idp, now=now)


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
    def sealing_secret(self) -> bytes:
        """The secret from which all sealing keys are derived."""
        return self.keystore.secret("sealing")

    @cached_property
    def journal(self) -> Journal:
        """The journal of events."""
        return Journal(HolderKeys(Sealer(self.sealing_secret, "audit-holder")), node=socket.gethostname())

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
            sealing_secret=self.sealing_secret,
            token_keys=KeyRing(self.keystore, self.clock),
            outgoing=self.outgoing,
            remote_keys=RemoteKeys(self.outgoing, self.clock),
            certificates=_AuthorityRecords(self, CertificateRegister()),
            evidence=self.audit,
            duties=_Duties(),
            personal_certificates=_PersonalCertificates(self),
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
            institutions=_InstitutionRegister(),
            people=_PeopleRegister(),
            sealing_secret=self.sealing_secret,
            letters=_Letters(self),
            signed_in=_SignedIn(),
            api_tokens=_ApiTokens(self),
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
