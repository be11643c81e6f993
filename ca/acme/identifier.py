"""Names that an order asks for: well-formed, and allowed to the account by its credential (RFC 8555 §7.1.4, §7.4)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from ca.acme.model import Account, Credential
from ca.acme.problem import AcmeProblem, Kind, Subproblem, malformed
from ca.ports import InstitutionRecord
from ca.requests.names import canonical_dns_name
from ca.requests.prepare import institution_as_it_is
from ca.services import CaServices
from kernel.errors import Rejected, ServiceError
from kernel.prefetch import find_row

MOST_NAMES = 100
_STAR = "*."


def requested_names(member: object, *, domains: Sequence[str], wildcards: bool) -> tuple[str, ...]:
    """Return an order's names in canonical form, repetitions left out.

    :param domains: those that the account may ask for names under.
    :raises AcmeProblem: ``malformed``, or with one subproblem for each name that is refused (§6.7.1).
    """
    if not isinstance(member, list) or not member:
        raise malformed("identifiers is an array of objects with type and value.")
    if len(member) > MOST_NAMES:
        raise malformed(f"An order has at most {MOST_NAMES} names.")
    names: list[str] = []
    refused: list[Subproblem] = []
    for item in member:
        if not isinstance(item, dict) or not isinstance(item.get("value"), str):
            raise malformed("Each identifier has a type and a value.")
        typed: str = item["value"]
        if item.get("type") != "dns":
            refused.append(Subproblem(Kind.UNSUPPORTED_IDENTIFIER, "Only identifiers of type dns.", typed[:253]))
            continue
        try:
            name = canonical_dns_name(typed, wildcards=wildcards)
            require_allowed(name, domains=domains)
        except Rejected as error:
            refused.append(Subproblem(Kind.REJECTED_IDENTIFIER, error.public_detail, typed[:253]))
            continue
        if name not in names:
            names.append(name)
    if refused:
        kinds = {item.kind for item in refused}
        detail = refused[0].detail if len(refused) == 1 else f"{len(refused)} names are refused; see each."
        raise AcmeProblem(
            kinds.pop() if len(kinds) == 1 else Kind.COMPOUND, detail, subproblems=refused, code="acme_names_refused"
        )
    return tuple(names)


def require_allowed(name: str, *, domains: Sequence[str]) -> None:
    """Check that ``name`` is one of ``domains`` or under one. :raises Rejected: ``name_not_registered``."""
    base = base_name(name)
    if not any(base == domain or base.endswith(f".{domain}") for domain in domains):
        raise Rejected(
            f"{base} is under no domain that this account may ask for ({', '.join(domains) or 'none'}).",
            code="name_not_registered",
        )


def allowed_domains(
    session: Session, *, services: CaServices, account: Account
) -> tuple[InstitutionRecord, tuple[str, ...]]:
    """Return the account's institution, and the domains that it may ask for names under: its credential's, or those
    registered for the institution today.

    :raises AcmeProblem: ``unauthorized`` if the institution is closed.
    """
    credential = find_row(session, Credential, account.credential_id)
    assert credential is not None  # a foreign key
    try:
        institution = institution_as_it_is(session, services, credential.institution_ruc)
    except ServiceError as error:
        raise AcmeProblem(Kind.UNAUTHORIZED, "The account's institution is closed.") from error
    return institution, tuple(credential.domains) or institution.domains


def base_name(name: str) -> str:
    """Return the name whose control is proved for ``name``: itself, without the star of a wildcard."""
    return name.removeprefix(_STAR)


def is_wildcard(name: str) -> bool:
    """Tell whether ``name`` is a wildcard."""
    return name.startswith(_STAR)
