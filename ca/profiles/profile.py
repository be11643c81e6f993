"""A profile as a value: everything that a certificate of its kind says, decided before anyone asks for one."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

_SHORT_LIVED_DAYS = 7  # BR §1.6.1, since 15 March 2026
_STRICT = ConfigDict(extra="forbid", str_strip_whitespace=True)
Oid = Annotated[str, Field(pattern=r"^[0-2](\.(0|[1-9]\d*))+$")]
ArcSuffix = Annotated[str, Field(pattern=r"^[1-9]\d*(\.[1-9]\d*)*$")]


class StatusPointers(StrEnum):
    """Where a certificate says that its status is to be found."""

    FULL = "full"  # list, OCSP, issuer
    ISSUER_ONLY = "issuer-only"  # the issuer's certificate alone: it ends before a revocation would be of use
    NONE = "none"


class KeyType(StrEnum):
    """A kind of subject key."""

    RSA = "RSA"
    P256 = "P-256"
    P384 = "P-384"
    P521 = "P-521"
    ED25519 = "Ed25519"
    ML_DSA_44 = "ML-DSA-44"
    ML_DSA_65 = "ML-DSA-65"
    ML_DSA_87 = "ML-DSA-87"


class Usage(StrEnum):
    """A bit of KeyUsage that an end entity may have, by its name in RFC 5280 §4.2.1.3."""

    DIGITAL_SIGNATURE = "digitalSignature"
    CONTENT_COMMITMENT = "contentCommitment"  # nonRepudiation
    KEY_ENCIPHERMENT = "keyEncipherment"
    DATA_ENCIPHERMENT = "dataEncipherment"
    KEY_AGREEMENT = "keyAgreement"


class Purpose(StrEnum):
    """An extended key usage that a profile may give."""

    SERVER_AUTH = "serverAuth"
    CLIENT_AUTH = "clientAuth"
    CODE_SIGNING = "codeSigning"
    TIME_STAMPING = "timeStamping"
    DOCUMENT_SIGNING = "documentSigning"
    OCSP_SIGNING = "OCSPSigning"
    CMC_CA = "cmcCA"

    @property
    def oid(self) -> str:
        """The object identifier (RFC 5280 §4.2.1.12, RFC 9336 §3)."""
        return f"1.3.6.1.5.5.7.3.{_PURPOSE_NUMBERS[self.value]}"


_PURPOSE_NUMBERS = {
    "serverAuth": 1,
    "clientAuth": 2,
    "codeSigning": 3,
    "timeStamping": 8,
    "OCSPSigning": 9,
    "cmcCA": 27,
    "documentSigning": 36,
}


@dataclass(frozen=True, config=_STRICT)
class InputField:
    """What a request tells about the holder beside the key.

    :ivar label: for the operator, in Spanish.
    :ivar kind: ``cedula`` and ``ruc`` are checked by their digits, ``passport``, ``country`` and ``phone`` by their
        characters, ``text`` by the rules of names.
    :ivar from_csr: attribute of the CSR's subject that is proposed when the field is left empty.
    :ivar default: template for an empty field, see :class:`SubjectAttribute`.
    :ivar from_register: filled in from the register of people and never typed.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]
    label: str
    kind: Literal["text", "cedula", "ruc", "passport", "country", "phone"] = "text"
    required: bool = True
    max_length: Annotated[int, Field(ge=1, le=200)] = 64
    from_csr: Literal["commonName"] | None = None
    default: str = ""
    from_register: bool = False
    hint: str = ""


@dataclass(frozen=True, config=_STRICT)
class SubjectAttribute:
    """One attribute of the subject, alone in its RDN.

    :ivar values: templates such as ``VATEC-{ruc}``; the first whose parts are all known and which fits the length limit
        is taken. Parts: ``country organization legal_name ruc province first_name`` and the input fields.
    """

    attribute: Literal[
        "countryName",
        "stateOrProvinceName",
        "organizationName",
        "organizationIdentifier",
        "title",
        "serialNumber",
        "surname",
        "givenName",
        "commonName",
    ]
    values: tuple[str, ...]
    required: bool = True


@dataclass(frozen=True, config=_STRICT)
class NameRules:
    """Which alternative names a certificate may carry.

    :ivar dns: DNS names, each under a registered domain of the institution.
    :ivar addresses: IP addresses, each in a registered network of the institution.
    :ivar proof: what a DNS name rests on. ``register``: it is under a registered domain, or its control was proved
        just now; ``control``: proved just now, whatever the register says.
    """

    dns: Literal["required", "allowed", "refused"] = "refused"
    wildcards: bool = False
    addresses: bool = False
    proof: Literal["register", "control"] = "register"


@dataclass(frozen=True, config=_STRICT)
class CountryField:
    """A national field as a non-critical extension ``ARC.3.number`` holding a DER UTF8String.

    :ivar values: templates; the first whose parts are all known is taken.
    """

    number: Annotated[int, Field(ge=1, le=12)]
    values: tuple[str, ...]
    required: bool = True


@dataclass(frozen=True, config=_STRICT)
class Policy:
    """What the certificate says about the rules that it was issued by.

    :ivar suffix: of our own policy OID under the private arc.
    :ivar reserved: public policy OIDs that go before it.
    :ivar notice: explicitText of a user notice, at most 200 characters when filled in (RFC 5280 §4.2.1.4); empty: none.
        Parts: ``{issuer}``, the authority's organization, and ``{domicile}``, where it is legally at home.
    """

    suffix: ArcSuffix
    reserved: tuple[Oid, ...] = ()
    notice: str = ""


@dataclass(frozen=True, config=_STRICT)
class AcceptedFinding:
    """A finding of the outside linter that does not block, and why."""

    code: str
    reason: Annotated[str, Field(min_length=20)]


@dataclass(frozen=True, config=_STRICT)
class LintRules:
    """Which suite of pkilint checks the certificate.

    :ivar type: the suite's name of the kind of certificate.
    """

    suite: Literal["pkix", "cabf-serverauth", "etsi"]
    type: str = ""
    accepted: tuple[AcceptedFinding, ...] = ()


@dataclass(frozen=True, config=_STRICT)
class Profile:
    """A kind of certificate.

    :ivar version: raised with every change; a request keeps the one that it was built by.
    :ivar changes: what each version brought, and why.
    :ivar title: and ``explanation``: for the operator, in Spanish.
    :ivar authority: short name of the authority that issues.
    :ivar requestable: false for what the service issues to itself.
    :ivar automatic_only: never asked for by hand in the console or at the command line, only by a protocol that proved
        what a second person would have looked at.
    :ivar people: how many must agree, the one who requests among them; 1 lets one person do it alone.
    :ivar min_rsa_bits: the shortest RSA key that is taken.
    :ivar exactly_one_of: input fields of which one is filled in and the others are not.
    :ivar schedule: a public rule that shortens ``lifetime_days`` as its dates come.
    :ivar dropped_key_usage: bits that software asks for by habit and that are left out with a word; any other bit that
        is not granted is refused.
    :ivar critical_purposes: extended key usage is critical (RFC 3161 §2.3 wants that of a time-stamping signer).
    :ivar private_key_days: how long the key signs, where that is shorter than the certificate: whoever checks an old
        signature still finds the certificate valid (privateKeyUsagePeriod, ETSI EN 319 422 §6).
    :ivar needs_person: its holder has an account with a verified identity, found by the input ``cedula``.
    :ivar is_personal: the subject is a natural person: its name never enters the evidence in clear.
    :ivar keys_made_here: a holder who brings no key may have one made here, handed over once (:mod:`ca.handover`); for
        personal certificates only.
    :ivar status: what it points at for its status; a responder's own points nowhere.
    :ivar no_revocation_available: says outright that no status is to be looked for (RFC 9608 §2).
    :ivar freshest_list: whether the certificate names the delta list beside its list, where its authority has them.
    :ivar ocsp_no_check: RFC 6960 §4.2.2.2.1.
    :ivar may_be_held: whether a certificate may be suspended (``certificateHold``): no unless the profile says so, and
        never for a server of the web (BR §4.9.13).
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z-]{1,39}$")]
    version: Annotated[int, Field(ge=1)]
    changes: dict[int, Annotated[str, Field(min_length=10)]]
    title: str
    explanation: str
    people: Annotated[int, Field(ge=1, le=3)]
    keys: tuple[KeyType, ...]
    lifetime_days: Annotated[int, Field(ge=1, le=1100)]
    key_usage: tuple[Usage, ...]
    extended_key_usage: tuple[Purpose, ...]
    subject: tuple[SubjectAttribute, ...]
    lint: LintRules
    authority: str = "issuing-1"
    requestable: bool = True
    automatic_only: bool = False
    needs_institution: bool = True
    needs_person: bool = False
    is_personal: bool = False
    min_rsa_bits: Annotated[int, Field(ge=2048, le=8192)] = 2048
    exactly_one_of: tuple[str, ...] = ()
    schedule: Literal["none", "cabf-tls"] = "none"
    critical_purposes: bool = False
    private_key_days: Annotated[int, Field(ge=1)] | None = None
    dropped_key_usage: tuple[Usage, ...] = ()
    inputs: tuple[InputField, ...] = ()
    names: NameRules = NameRules()
    country_fields: tuple[CountryField, ...] = ()
    policy: Policy | None = None
    subject_key_identifier: bool = True
    keys_made_here: bool = False
    status: StatusPointers = StatusPointers.FULL
    no_revocation_available: bool = False
    freshest_list: bool = False
    ocsp_no_check: bool = False
    may_be_held: bool = False

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if sorted(self.changes) != list(range(1, self.version + 1)):
            raise ValueError("changes tell what each version brought, from 1 to the present one")
        if not set(self.exactly_one_of) <= {field.name for field in self.inputs}:
            raise ValueError("exactly_one_of names fields that are not among the inputs")
        if self.no_revocation_available is not (self.status is StatusPointers.ISSUER_ONLY):
            raise ValueError("who points at no status says so (no_revocation_available), and nobody else")
        if self.status is StatusPointers.ISSUER_ONLY and self.lifetime_days > _SHORT_LIVED_DAYS:
            raise ValueError("without status a certificate lives seven days at most")
        if self.critical_purposes is not (self.extended_key_usage == (Purpose.TIME_STAMPING,)):
            raise ValueError("timeStamping stands alone and is critical (RFC 3161 §2.3), and nothing else is")
        if self.private_key_days is not None and self.private_key_days > self.lifetime_days:
            raise ValueError("a key does not sign longer than its certificate lives")
        # A server's key never leaves the server: BR §6.1.1.3 (2) and Certificate authority, line 13.
        if self.keys_made_here and (not self.is_personal or Purpose.SERVER_AUTH in self.extended_key_usage):
            raise ValueError("keys are made here for people only")
        if self.may_be_held and (
            Purpose.SERVER_AUTH in self.extended_key_usage or self.status is not StatusPointers.FULL
        ):
            raise ValueError("a suspension is for who looks at the status, and never for servers (BR §4.9.13)")
        return self

    @property
    def lifetime(self) -> timedelta:
        """The longest validity, before any schedule shortens it."""
        return timedelta(days=self.lifetime_days)

    @property
    def by_hand(self) -> bool:
        """Whether a person may ask for it in the console or at the command line."""
        return self.requestable and not self.automatic_only

    @property
    def approvals_needed(self) -> int:
        """How many approvals a request needs; with one person in all it is that person's own."""
        return max(1, self.people - 1)
