"""From a CSR to the exact bytes that would be signed, with everything that a person must see before saying yes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from sqlalchemy import bindparam, literal_column, select
from sqlalchemy.orm import Session

from ca.issuance.assembly import read_unsigned
from ca.issuance.authority import AuthorityRecord, issuing_authority
from ca.issuance.extensions import Surroundings
from ca.issuance.serial import new_serial
from ca.issuance.tbs import build_tbs
from ca.lints.finding import Finding
from ca.lints.gate import lint_tbs
from ca.ports import InstitutionRecord
from ca.profiles.profile import Profile
from ca.requests.csr import ParsedRequest, parse_csr
from ca.requests.difference import Difference, compare
from ca.requests.grant import Grant, decide_grant
from ca.requests.holder import fill_in_holder
from ca.requests.inputs import holder_number
from ca.requests.keys import grouped, read_certified, require_unclaimed_key
from ca.requests.model import CertificateRequest
from ca.revocation.compromised_key import read_compromised
from ca.services import CaServices
from kernel.errors import Fault, Rejected, ServiceError, Unavailable
from kernel.identifiers import sha256_hex
from kernel.prefetch import UNKNOWN, Reading, Want, among, keep, kept
from kernel.prepared import Ask, Prepared


@dataclass(frozen=True)
class Preview:
    """What would be signed.

    :ivar filled: the inputs, with what the register knows of the person.
    :ivar holder_id: the person with an account that it is for, where the profile wants one.
    :ivar differences: requested against granted.
    :ivar findings: of all lints, worst first; one that blocks is shown and then stops the approval.
    """

    profile: Profile
    authority: AuthorityRecord
    institution: InstitutionRecord | None
    parsed: ParsedRequest
    filled: Mapping[str, str]
    grant: Grant
    holder_id: str | None
    tbs_der: bytes
    certificate: x509.Certificate
    differences: tuple[Difference, ...]
    findings: tuple[Finding, ...]

    @property
    def tbs_sha256(self) -> str:
        """SHA-256 of the to-be-signed bytes, lower-case hex: what an approval is bound to."""
        return sha256_hex(self.tbs_der)


def preview_request(
    session: Session,
    *,
    services: CaServices,
    profile: str,
    csr: bytes | str,
    institution_ruc: str | None,
    inputs: Mapping[str, str] | None = None,
    proved_names: Collection[str] = (),
    asked_later: bool = False,
    now: datetime,
) -> Preview:
    """Return what a request would become, and store nothing. Each preview has a serial of its own.

    :param csr: PEM text or DER.
    :param inputs: values of the profile's input fields.
    :param proved_names: see :func:`ca.requests.names.granted_dns_names`.
    :param asked_later: whether :func:`standing_preview` will ask whose key it is, and for the institution as it is.
    :raises kernel.errors.NotFound: ``unknown_profile``, ``unknown_institution``, ``unknown_authority``,
        ``holder_unknown``.
    :raises Rejected: whatever in the request cannot be granted, with the reason.
    """
    chosen = services.profiles.get(profile)
    if not chosen.requestable:
        raise Rejected(f"Profile {profile} is the service's own.", code="profile_not_requestable")
    if chosen.automatic_only and not proved_names:
        raise Rejected(f"Profile {profile} is for protocols that prove names.", code="name_not_proved")
    parsed = parse_csr(csr)
    if chosen.needs_institution and not institution_ruc:
        raise Rejected(f"Profile {profile} needs an institution (RUC).", code="institution_missing")
    institution = services.institutions_met.find(institution_ruc) if asked_later and institution_ruc else None
    if institution is None and institution_ruc:
        institution = services.institutions.find(session, institution_ruc)
    filled, holder_id = fill_in_holder(session, services=services, profile=chosen, inputs=inputs or {})
    grant = decide_grant(
        parsed,
        profile=chosen,
        institution=institution,
        inputs=filled,
        block_list=services.block_list,
        proved_names=proved_names,
    )
    if not asked_later:
        require_free_key(session, parsed.spki_sha256, profile=chosen, institution=institution, inputs=grant.inputs)
    authority = _authority(session, services, chosen)
    algorithm = services.signers.open(authority.key_name).algorithm
    tbs_der = build_tbs(
        grant.blueprint,
        around=Surroundings.of(authority, services.settings),
        algorithm=algorithm,
        serial=new_serial(),
        now=now,
    )
    certificate = read_unsigned(tbs_der)
    return Preview(
        profile=chosen,
        authority=authority,
        institution=institution,
        parsed=parsed,
        filled=filled,
        grant=grant,
        holder_id=holder_id,
        tbs_der=tbs_der,
        certificate=certificate,
        differences=compare(parsed, certificate, chosen, private_arc=services.settings.pki_arc),
        findings=lint_tbs(tbs_der, profile=chosen, authority=authority, algorithm=algorithm, services=services),
    )


def _authority(session: Session, services: CaServices, profile: Profile) -> AuthorityRecord:
    """Return the authority that issues the profile's certificates; a move is seen within seconds."""
    known: AuthorityRecord | None = services.authorities.find(profile.name)
    if known is None:
        known = issuing_authority(session, profile)
        services.authorities.note(profile.name, known)
    return known


@dataclass(frozen=True)
class Judged:
    """A request that was looked at before the transaction that stores it: a preview, or why there is none."""

    preview: Preview | None
    refusal: ServiceError | None = None


def judge_request(
    session: Session,
    *,
    services: CaServices,
    profile: str,
    csr: bytes | str,
    institution_ruc: str | None,
    inputs: Mapping[str, str] | None = None,
    proved_names: Collection[str] = (),
    now: datetime,
) -> Judged:
    """Look at a request while nobody waits for the database's write lock: see :func:`preview_request`.

    :param session: one that reads.

    What it is refused for is kept, so that whoever stores the request puts the refusal on record.

    :raises kernel.errors.Fault: and :raises kernel.errors.Unavailable: are no refusals.
    """
    try:
        preview = preview_request(
            session,
            services=services,
            profile=profile,
            csr=csr,
            institution_ruc=institution_ruc,
            inputs=inputs,
            proved_names=proved_names,
            asked_later=True,
            now=now,
        )
    except (Fault, Unavailable):
        raise
    except ServiceError as error:
        return Judged(None, error)
    return Judged(preview)


def standing_preview(
    session: Session,
    judged: Judged,
    *,
    services: CaServices,
    inputs: Mapping[str, str] | None = None,
    proved_names: Collection[str] = (),
    now: datetime,
) -> Preview:
    """Return what was judged, if what it rests on is so in this transaction: institution, person, whose key it is.

    An institution or a person that has changed in between is judged anew.

    :raises ServiceError: as :func:`preview_request`; what it was refused for when it was judged.
    """
    if judged.refusal is not None:
        raise judged.refusal
    preview = judged.preview
    assert preview is not None
    institution, profile = preview.institution, preview.profile
    now_there = institution_as_it_is(session, services, institution.ruc) if institution else None
    filled, holder_id = fill_in_holder(session, services=services, profile=profile, inputs=inputs or {})
    same_holder = holder_id == preview.holder_id and (holder_id is None or filled == preview.filled)
    if now_there != institution or not same_holder:
        return preview_request(
            session,
            services=services,
            profile=profile.name,
            csr=preview.parsed.der,
            institution_ruc=institution.ruc if institution else None,
            inputs=inputs,
            proved_names=proved_names,
            now=now,
        )
    require_free_key(
        session, preview.parsed.spki_sha256, profile=profile, institution=institution, inputs=preview.grant.inputs
    )
    return preview


def institution_as_it_is(session: Session, services: CaServices, ruc: str) -> InstitutionRecord:
    """Return an institution, asked for once a transaction. :raises NotFound: (``unknown_institution``)."""
    known = kept(session, InstitutionRecord, ruc)
    if known is UNKNOWN:
        known = services.institutions.find(session, ruc)
        keep(session, InstitutionRecord, ruc, known)
        services.institutions_met.note(ruc, known)
    found: InstitutionRecord = known
    return found


def require_free_key(
    session: Session,
    spki_sha256: str,
    *,
    profile: Profile,
    institution: InstitutionRecord | None,
    inputs: Mapping[str, str],
    request_id: str | None = None,
) -> None:
    """Check that no certificate and no open request of another subject has the key.

    :raises Rejected: see :func:`ca.requests.keys.require_unclaimed_key`.
    """
    ruc = institution.ruc if institution else None
    holder = holder_number(inputs)
    require_unclaimed_key(
        session, spki_sha256, profile=profile.name, institution_ruc=ruc, holder=holder, request_id=request_id
    )
    known = kept(session, CertificateRequest, (spki_sha256, "open"))
    rows = _OPEN_REQUESTS.fetch(session, {"spki": spki_sha256}) if known is UNKNOWN else known
    for other_id, other_ruc, other_inputs, other_profile in rows:
        if other_id == request_id:
            continue
        if (other_ruc, holder_number(other_inputs), other_profile) != (ruc, holder, profile.name):
            raise Rejected("Another request is open for this key; make a new one.", code="key_of_another_subject")


def wants_key(spki_sha256: str) -> list[Want]:
    """Return the wishes to know what :func:`require_free_key` asks of a key."""
    return [Want(reader, spki_sha256) for reader in (read_compromised, read_certified, _read_open)]


def _read_open(session: Session, keys: Sequence[str]) -> Reading:
    for key, rows in grouped(keys, (yield Ask(_OPEN_REQUESTS_OF, {"keys": keys}))).items():
        keep(session, CertificateRequest, (key, "open"), rows)


_OPEN = CertificateRequest.status.in_([literal_column("'submitted'"), literal_column("'approved'")])
_OPEN_REQUESTS_OF = Prepared(
    lambda dialect: select(
        CertificateRequest.spki_sha256,
        CertificateRequest.id,
        CertificateRequest.institution_ruc,
        CertificateRequest.inputs,
        CertificateRequest.profile,
    ).where(among(dialect, CertificateRequest.spki_sha256), _OPEN)
)
_OPEN_REQUESTS = Prepared(
    lambda _: select(
        CertificateRequest.id,
        CertificateRequest.institution_ruc,
        CertificateRequest.inputs,
        CertificateRequest.profile,
    ).where(
        CertificateRequest.spki_sha256 == bindparam("spki"),
        _OPEN,
    )
)
