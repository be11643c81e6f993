"""What one house asks of another, answered: each house states its question as a port, here the other answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from admin.roles import list_role_holdings
from admin.saved_searches import forget_searches
from ca.handover.prepare import make_key
from ca.holder.ask import ask, key_kind, offered_kinds
from ca.holder.end import end_all
from ca.holder.hold import hold_own, release_own
from ca.holder.revoke import preview_own, revoke_own
from ca.holder.view import list_asked, list_held
from ca.ports import ApiCaller, InstitutionRecord, PersonRecord, PresentedToken
from ca.register.standing import CertificateRegister
from ca.requests.client_certificate import complete_client_certificate, request_client_certificate
from ca.revocation.affiliation import revoke_institutional
from idp.accounts.person import VERIFIED_LEVEL, find_person, find_person_by_cedula
from idp.authentication.browser_session import SESSION_COOKIE, find_browser_session
from idp.directory.institutions import find_institution_by_ruc
from idp.notices.mail import notify, send_mail
from idp.notices.sms_texts import sms_templates
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
from idp.tokens.binding import current_nonce
from idp.tokens.own_api import open_own_api
from kernel.errors import NotFound, Rejected
from kernel.identifiers import b64url, b64url_decode

if TYPE_CHECKING:
    from composition import Composition


@dataclass(frozen=True)
class InstitutionRegister:
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
class PeopleRegister:
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
class Letters:
    """The provider's mails as the authority sends them."""

    composition: Composition

    def to_person(
        self, session: Session, person_id: str, *, template: str, context: Mapping[str, str], now: datetime
    ) -> bool:
        person = find_person(session, person_id)
        # What leads somewhere by an address cannot go as a short message: only what has one of its own does.
        by_phone = person.phone_verified and template in sms_templates()
        if not (person.is_active and (person.email or by_phone)):
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
class SignedIn:
    """The provider's sessions as the authority asks for them."""

    cookie: str = SESSION_COOKIE

    def person_of(self, session: Session, *, secret: str | None, now: datetime) -> str | None:
        found = find_browser_session(session, secret=secret, now=now)
        return found.person_id if found else None


@dataclass(frozen=True)
class AuthorityRecords:
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
class PersonalCertificates:
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
                may_be_held=item.may_be_held,
                held_by_holder=item.held_by_holder,
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

    def hold(self, session: Session, person_id: str, *, serial: str, now: datetime) -> None:
        hold_own(session, services=self.composition.ca, holder_id=person_id, serial=serial, now=now)

    def release(self, session: Session, person_id: str, *, serial: str, now: datetime) -> None:
        release_own(session, services=self.composition.ca, holder_id=person_id, serial=serial, now=now)

    def revoke_all(self, session: Session, person_id: str, *, actor: str, now: datetime) -> None:
        end_all(session, services=self.composition.ca, holder_id=person_id, actor=actor, now=now)


@dataclass(frozen=True)
class Duties:
    """Roles of the console as the provider asks for them."""

    def of(self, session: Session, person_id: str) -> tuple[str, ...]:
        return tuple(holding.role.value for holding in list_role_holdings(session, person_id=person_id))

    def forget(self, session: Session, person_id: str) -> None:
        forget_searches(session, person_id=person_id)


@dataclass(frozen=True)
class ApiTokens:
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
