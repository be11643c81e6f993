"""A person asks for a certificate of his own. Officers decide as ever: who asks for himself is none of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.handover.prepare import MadeKey, prepare_handover
from ca.holder.surnames import first_and_second
from ca.profiles.profile import KeyType, Profile
from ca.requests.holder import CEDULA
from ca.requests.model import CertificateRequest
from ca.requests.submit import submit_request
from ca.requests.view import Status
from ca.services import CaServices
from kernel.errors import Conflict, NotFound, Rejected

_WAITING = (Status.SUBMITTED.value, Status.APPROVED.value)


@dataclass(frozen=True)
class OfferedKind:
    """A kind of certificate that people may ask for. :ivar key_made_here: who has no key gets one, handed over once."""

    profile: str
    title: str
    about: str
    key_made_here: bool
    years: int


def offered_kinds(services: CaServices) -> list[OfferedKind]:
    """Return what a natural person may ask for without an institution."""
    return [
        OfferedKind(
            profile=profile.name,
            title=profile.title,
            about=profile.explanation.split(". ")[0].rstrip(".") + ".",
            key_made_here=profile.keys_made_here,
            years=round(profile.lifetime_days / 365),
        )
        for profile in services.profiles.list()
        if _may_be_asked_for(profile)
    ]


def key_kind(services: CaServices, profile: str) -> KeyType:
    """Return the kind of key that is made here for the profile: the one that most programs read."""
    return _offered(services, profile).keys[0]


def ask(
    session: Session,
    *,
    services: CaServices,
    cedula: str,
    profile: str,
    key: str | MadeKey,
    now: datetime,
) -> str:
    """Ask for a certificate for the person with ``cedula``, at that person's word; return the request's id.

    :param key: a CSR as PEM, or a key made here, which is sealed until its holder comes for it.
    :raises NotFound: ``unknown_profile`` for what people may not ask for, ``holder_unknown``.
    :raises Rejected: ``person_not_verified``, and whatever the request cannot be granted for.
    :raises Conflict: (``already_asked``) while an earlier request for the same waits.
    """
    chosen = _offered(services, profile)
    person = services.people.find_verified(session, cedula)
    waiting = session.scalar(
        select(CertificateRequest.id).where(
            CertificateRequest.holder_id == person.id,
            CertificateRequest.profile == profile,
            CertificateRequest.status.in_(_WAITING),
            CertificateRequest.expires_at > now,
        )
    )
    if waiting is not None:
        raise Conflict("You have asked for this already; it waits for a decision.", code="already_asked")
    if chosen.needs_person:
        inputs = {CEDULA: person.cedula}
    else:
        first, second = first_and_second(person.surnames)
        inputs = {CEDULA: person.cedula, "given_names": person.given_names, "first_surname": first}
        inputs |= {"second_surname": second} if second else {}
    if isinstance(key, MadeKey):
        made = prepare_handover(
            session,
            services=services,
            profile=profile,
            key=key,
            inputs=inputs,
            institution_ruc=None,
            email=None,
            requested_by=person.id,
            holder_id=person.id,
            now=now,
        )
        return made.request.id
    if not key.strip():
        raise Rejected("Paste or upload the request.", code="csr_empty")
    asked = submit_request(
        session,
        services=services,
        profile=profile,
        csr=key,
        institution_ruc=None,
        requested_by=person.id,
        inputs=inputs,
        holder_id=person.id,
        now=now,
    )
    return asked.id


def _may_be_asked_for(profile: Profile) -> bool:
    return profile.is_personal and profile.requestable and not profile.automatic_only and not profile.needs_institution


def _offered(services: CaServices, name: str) -> Profile:
    profile = services.profiles.get(name)
    if not _may_be_asked_for(profile):
        raise NotFound("People cannot ask for this kind by themselves.", code="unknown_profile")
    return profile
