"""Rows of a batch are judged: by every rule of a request made by hand, a chunk at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from cryptography import x509
from sqlalchemy import Executable, select, text
from sqlalchemy.orm import Session

from ca.bulk.model import BatchRow, CertificateBatch
from ca.bulk.table_file import InputRow
from ca.handover.prepare import MadeKey, make_key
from ca.issuance.authority import AuthorityRecord
from ca.issuance.extensions import Surroundings
from ca.issuance.record import subject_text
from ca.issuance.serial import new_serial
from ca.issuance.tbs import Blueprint, build_tbs
from ca.issuance.template import TbsTemplate
from ca.lints.case import LintCase
from ca.lints.gate import lint_case, outside_findings, own_findings, require_unblocked, worst_first
from ca.ports import InstitutionRecord
from ca.profiles.profile import KeyType, Profile
from ca.requests.claims import Claim, claimed_keys
from ca.requests.csr import ParsedRequest, parse_csr
from ca.requests.grant import decide_grant
from ca.requests.holder import account_of, fill_in_holder
from ca.requests.inputs import holder_number
from ca.services import CaServices
from kernel.errors import Rejected, ServiceError
from kernel.late_rows import write_rows
from kernel.prefetch import among
from kernel.prepared import Prepared
from keys.signer import Algorithm

OPEN_STATUSES = ("preparing", "proposed", "approved")


def _waiting(dialect: str) -> Executable:
    """Return the rows of some batches that have one of some keys.

    PostgreSQL looks each up in the index on batch and key, whatever it takes the table to hold: a list of keys that are
    bound one by one it compared with each row, one after the other, twenty milliseconds for a chunk of a small table.
    """
    if dialect == "sqlite":
        rows = select(BatchRow.spki_sha256, BatchRow.batch_id)
        return rows.where(among(dialect, BatchRow.batch_id, "batches"), among(dialect, BatchRow.spki_sha256))
    return text(
        "SELECT found.spki_sha256, found.batch_id FROM unnest(CAST(:batches AS text[])) AS batch"
        " CROSS JOIN unnest(CAST(:keys AS text[])) AS key CROSS JOIN LATERAL"
        " (SELECT spki_sha256, batch_id FROM ca_batch_row"
        " WHERE batch_id = batch AND spki_sha256 = key OFFSET 0) AS found"
    )


_WAITING = Prepared(_waiting)


@dataclass(kw_only=True)
class JudgedRow:
    """What became of a row: bytes to be signed, or the reason why not.

    :ivar case: the bytes as the lints read them. :ivar refusal: None if it would be issued.
    :ivar made: the key that was made for a person who brings none.
    """

    line: int
    institution_ruc: str | None = None
    holder_id: str | None = None
    inputs: dict[str, str] = field(default_factory=dict)
    spki_sha256: str | None = None
    case: LintCase | None = None
    made: MadeKey | None = None
    refusal: ServiceError | None = None

    @property
    def certificate(self) -> x509.Certificate:
        """The bytes as a readable certificate."""
        assert self.case is not None
        return self.case.certificate

    @cached_property
    def subject(self) -> str:
        """The subject as RFC 4514 text."""
        return subject_text(self.certificate)


class Judge:
    """Judges rows for one profile; keeps what its certificates share.

    :param authority: that issues. :param algorithm: of its key.
    :param institution_ruc: the one institution that the batch is for; None: each row names its own.
    :param batch_id: whose rows do not stand in each other's way; None for a rehearsal.
    """

    def __init__(
        self,
        services: CaServices,
        *,
        profile: Profile,
        authority: AuthorityRecord,
        algorithm: Algorithm,
        institution_ruc: str | None = None,
        batch_id: str | None = None,
    ) -> None:
        self.services, self.profile, self.authority, self.algorithm = services, profile, authority, algorithm
        self._institution_ruc, self._batch_id = institution_ruc, batch_id
        self._template: TbsTemplate | None = None

    def make_keys(self, rows: Sequence[InputRow], *, one_for_all: bool = False) -> dict[int, MadeKey]:
        """Return a key by line for each row that brings none, where the profile lets keys be made here.

        Outside of any transaction: an RSA key takes a moment.

        :param one_for_all: only one key, to see what would become of the rows.
        """
        if not self.profile.keys_made_here:
            return {}
        kind = KeyType.RSA if KeyType.RSA in self.profile.keys else KeyType.P256  # as signing tools know best
        lines = [row.line for row in rows if not row.csr and row.problem is None]
        if one_for_all:
            return dict.fromkeys(lines, make_key(kind)) if lines else {}
        return {line: make_key(kind) for line in lines}

    def judge(
        self, session: Session, rows: Sequence[InputRow], *, keys: Mapping[int, MadeKey] | None = None, now: datetime
    ) -> list[JudgedRow]:
        """Return what becomes of each row, in order. Nothing is stored; serials and dates are fixed here.

        :param keys: of :meth:`make_keys`; without them a row that brings no request is refused.
        """
        known: dict[str, InstitutionRecord] = {}
        judged: list[JudgedRow] = []
        plans: list[tuple[JudgedRow, Blueprint]] = []
        for row in rows:
            result = JudgedRow(line=row.line, institution_ruc=row.institution_ruc, made=(keys or {}).get(row.line))
            judged.append(result)
            try:
                plans.append((result, self._plan(session, row, result, known)))
            except ServiceError as error:
                result.refusal = error
        self._refuse_claimed([result for result, _ in plans], session)
        around = Surroundings.of(self.authority, self.services.settings)
        trusted = False
        for result, blueprint in plans:
            if result.refusal is not None:
                continue
            try:
                tbs_der, trusted = self._build(blueprint, around, trusted=trusted, now=now)
                result.case = self._linted(tbs_der)
            except ServiceError as error:
                result.refusal = error
        return judged

    def judge_again(self, session: Session, rows: Sequence[BatchRow], *, now: datetime) -> dict[int, ServiceError]:
        """Return why rows that were judged before cannot be issued any more, by line.

        Since then an institution may have closed or lost a domain, a person's account may have closed, a key may have
        been reported or certified for another.
        """
        problems: dict[int, ServiceError] = {}
        claims: dict[str, Claim] = {}
        for row in rows:
            assert row.spki_sha256 is not None
            claims[row.spki_sha256] = self._claim(row.institution_ruc, row.inputs)
        claimed = claimed_keys(session, claims)
        known: dict[str, InstitutionRecord] = {}
        for row in rows:
            assert row.tbs_der is not None
            try:
                if row.spki_sha256 in claimed:
                    raise claimed[row.spki_sha256]
                self._require_standing(session, row, known)
                require_unblocked(worst_first(own_findings(self._case(row.tbs_der))))
            except ServiceError as error:
                problems[row.line] = error
        return problems

    def _plan(
        self, session: Session, row: InputRow, result: JudgedRow, known: dict[str, InstitutionRecord]
    ) -> Blueprint:
        if row.problem is not None:
            raise Rejected(row.problem[1], code=row.problem[0])
        if not row.csr and result.made is None:
            raise Rejected("The row has no request.", code="csr_empty")
        if self._institution_ruc and row.institution_ruc != self._institution_ruc:
            raise Rejected("The row names another institution than the batch.", code="other_institution")
        parsed = parse_csr(row.csr or (result.made.csr if result.made else b""))
        result.spki_sha256 = parsed.spki_sha256
        if self.profile.needs_institution and not row.institution_ruc:
            raise Rejected(f"Profile {self.profile.name} needs an institution (RUC).", code="institution_missing")
        institution = self._institution(session, row.institution_ruc, known)
        filled, result.holder_id = fill_in_holder(
            session, services=self.services, profile=self.profile, inputs=row.inputs
        )
        if result.made is not None and result.holder_id is None:
            # Being logged in proves the holder: a code to give in person is for hand-overs one by one.
            result.holder_id = account_of(session, services=self.services, inputs=row.inputs)
        grant = decide_grant(
            parsed,
            profile=self.profile,
            institution=institution,
            inputs=filled,
            block_list=self.services.block_list,
        )
        result.inputs = grant.inputs
        return grant.blueprint

    def _require_standing(self, session: Session, row: BatchRow, known: dict[str, InstitutionRecord]) -> None:
        assert row.tbs_der is not None
        institution = self._institution(session, row.institution_ruc, known)
        holder = fill_in_holder(session, services=self.services, profile=self.profile, inputs=row.inputs)[1]
        if holder not in (None, row.holder_id):
            raise Rejected("Another person has this cédula now.", code="holder_changed")
        # The names that were granted are asked for again, as a request for exactly them would be.
        certificate = self._case(row.tbs_der).certificate
        decide_grant(
            _as_request(certificate, row),
            profile=self.profile,
            institution=institution,
            inputs=row.inputs,
            block_list=self.services.block_list,
        )

    def _refuse_claimed(self, results: Sequence[JudgedRow], session: Session) -> None:
        claims: dict[str, Claim] = {}
        for result in results:
            assert result.spki_sha256 is not None
            if result.made is not None:
                continue  # nobody can have it: it was made just now
            if result.spki_sha256 in claims:
                result.refusal = _twice()
                continue
            claims[result.spki_sha256] = self._claim(result.institution_ruc, result.inputs)
        problems: dict[str, ServiceError] = dict(claimed_keys(session, claims))
        open_batches = session.scalars(select(CertificateBatch.id).where(CertificateBatch.status.in_(OPEN_STATUSES)))
        write_rows(session)  # what is asked below sees what the caller has written
        waiting = _WAITING.fetch(session, {"batches": sorted(open_batches), "keys": sorted(claims)})
        for digest, batch_id in waiting:
            if digest is not None:
                other = Rejected("Another batch is open for this key.", code="key_in_other_batch")
                problems.setdefault(digest, _twice() if batch_id == self._batch_id else other)
        for result in results:
            if result.refusal is None and result.spki_sha256 in problems:
                result.refusal = problems[result.spki_sha256]

    def _claim(self, institution_ruc: str | None, inputs: Mapping[str, str]) -> Claim:
        return Claim(self.profile.name, institution_ruc, holder_number(inputs))

    def _institution(
        self, session: Session, ruc: str | None, known: dict[str, InstitutionRecord]
    ) -> InstitutionRecord | None:
        if not ruc:
            return None
        if ruc not in known:
            known[ruc] = self.services.institutions.find(session, ruc)
        return known[ruc]

    def _build(self, blueprint: Blueprint, around: Surroundings, *, trusted: bool, now: datetime) -> tuple[bytes, bool]:
        """Return the bytes, and whether the template was compared with the long way in this chunk."""
        serial = new_serial()
        if self._template is None:
            self._template = TbsTemplate(blueprint, around=around, algorithm=self.algorithm, now=now)
        tbs_der = self._template.build(blueprint, serial=serial, now=now)
        if trusted or self._template.reproduces(tbs_der, blueprint, serial=serial, now=now):
            return tbs_der, True
        self._template = None
        return build_tbs(blueprint, around=around, algorithm=self.algorithm, serial=serial, now=now), False

    def _linted(self, tbs_der: bytes) -> LintCase:
        case = self._case(tbs_der)
        own = own_findings(case)
        require_unblocked(worst_first((*own, *outside_findings(case, own))))
        return case

    def _case(self, tbs_der: bytes) -> LintCase:
        return lint_case(
            tbs_der,
            profile=self.profile,
            authority=self.authority,
            algorithm=self.algorithm,
            services=self.services,
        )


def _twice() -> Rejected:
    return Rejected("The key is in the batch twice.", code="key_twice")


def _as_request(certificate: x509.Certificate, row: BatchRow) -> ParsedRequest:
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            names = tuple(extension.value.get_values_for_type(x509.DNSName))
            addresses = tuple(str(address) for address in extension.value.get_values_for_type(x509.IPAddress))
    return ParsedRequest(
        der=b"",
        public_key=certificate.public_key(),
        spki_sha256=row.spki_sha256 or "",
        subject=(),
        dns_names=names,
        addresses=addresses,
        other_names=(),
        key_usage=(),
        purposes=(),
        wants_authority=False,
        other_extensions=(),
    )
