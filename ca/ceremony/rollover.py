"""The next generation: a ceremony's file made from what stands, for people to complete and review."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, rsa
from cryptography.x509.oid import NameOID
from sqlalchemy.orm import Session

from ca.ceremony.certificates import ANY_POLICY
from ca.ceremony.plan import KeyKind
from ca.issuance.authority import AuthorityRecord, authority_chain, list_authorities, load_authority, profiles_of
from ca.locations import cps_url
from ca.services import CaServices
from kernel.errors import Rejected

_HEAD = """\
# Proposed by `sau ca rollover {name}` from what stands. Complete what is empty, read every line, then rehearse it.
# The authorities that stand keep signing lists and OCSP answers, and what they issued stays valid until they end.
"""
_GENERATION = re.compile(r"^(.*?)(?: G(\d+))?$")


def propose_successor(session: Session, *, services: CaServices, name: str) -> str:
    """Return the ceremony's file (YAML) by which ``name`` gets a successor with a new key.

    A root's successor is crossed with it, and gets successors of the authorities that issue under it now. An issuing
    authority's successor stands under the same root and takes its profiles.

    :raises kernel.errors.NotFound: ``unknown_authority``.
    :raises Rejected: (``no_such_key_kind``) if its key is of a kind that no file can name.
    """
    record = load_authority(session, name)
    document: dict[str, Any] = {"format": 1, "title": f"Nueva generación de {name}", "place": "", "witnesses": []}
    taken = {other.name for other in list_authorities(session)}
    if record.is_root:
        below = [
            other
            for other in list_authorities(session)
            if other.issuer_id == record.id and profiles_of(session, other, services.profiles)
        ]
        length = record.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
        document["root"] = {
            "name": _next_name(name, taken, form="{0}-{1}"),
            "subject": _next_subject(record.certificate),
            "key": _key_kind(record.certificate),
            "lifetime_days": _days(record.certificate),
            **({} if length is None else {"path_length": length}),
            "cross": [name],
        }
    else:
        below = [record]
        document["under"] = authority_chain(session, record.id)[1].name
    document["issuing"] = [_issuing(session, services, other, taken) for other in below]
    return _HEAD.format(name=name) + yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=110)


def _issuing(session: Session, services: CaServices, record: AuthorityRecord, taken: set[str]) -> dict[str, Any]:
    certificate = record.certificate
    extensions = certificate.extensions
    policies = extensions.get_extension_for_class(x509.CertificatePolicies).value
    places = {str(place) for policy in policies for place in policy.policy_qualifiers or ()}
    places -= {cps_url(services.settings.issuer)}
    proposed: dict[str, Any] = {
        "name": _next_name(record.name, taken, form="{0}-g{1}"),
        "subject": _next_subject(certificate),
        "key": _key_kind(certificate),
        "lifetime_days": _days(certificate),
        "path_length": extensions.get_extension_for_class(x509.BasicConstraints).value.path_length or 0,
    }
    try:
        constraints = extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        pass
    else:
        proposed |= {
            field: _names(subtrees)
            for field, subtrees in (
                ("permitted", constraints.permitted_subtrees),
                ("excluded", constraints.excluded_subtrees),
            )
            if subtrees
        }
    proposed["policies"] = [
        "any" if policy.policy_identifier == ANY_POLICY else policy.policy_identifier.dotted_string
        for policy in policies
    ]
    if places:
        proposed["cps"] = sorted(places)[0]
    issued = profiles_of(session, record, services.profiles)
    proposed["profiles"] = [profile.name for profile in issued if not profile.ocsp_no_check]
    return proposed


def _names(subtrees: list[x509.GeneralName]) -> dict[str, list[str]]:
    kinds = {"dns": x509.DNSName, "addresses": x509.IPAddress, "emails": x509.RFC822Name}
    found = {field: [str(name.value) for name in subtrees if isinstance(name, kind)] for field, kind in kinds.items()}
    return {field: names for field, names in found.items() if names}


def _next_name(name: str, taken: set[str], *, form: str) -> str:
    plain = re.sub(r"-g?\d+$", "", name) if re.search(r"^root-\d+$|-g\d+$", name) else name
    chosen = next(candidate for candidate in _candidates(form, plain) if candidate not in taken)
    taken.add(chosen)
    return chosen


def _candidates(form: str, plain: str) -> Iterator[str]:
    for generation in range(2, 1000):
        yield form.format(plain, generation)


def _next_subject(certificate: x509.Certificate) -> dict[str, str]:
    def part(oid: x509.ObjectIdentifier) -> str:
        return str(certificate.subject.get_attributes_for_oid(oid)[0].value)

    found = _GENERATION.match(part(NameOID.COMMON_NAME))
    assert found is not None
    return {
        "common_name": f"{found[1]} G{int(found[2] or 1) + 1}",
        "organization": part(NameOID.ORGANIZATION_NAME),
        "country": part(NameOID.COUNTRY_NAME),
    }


def _days(certificate: x509.Certificate) -> int:
    return round((certificate.not_valid_after_utc - certificate.not_valid_before_utc).total_seconds() / 86400)


def _key_kind(certificate: x509.Certificate) -> str:
    match certificate.public_key():
        case ec.EllipticCurvePublicKey() as key:
            kind = {"secp256r1": KeyKind.P256, "secp384r1": KeyKind.P384}.get(key.curve.name)
        case rsa.RSAPublicKey() as key:
            kind = {3072: KeyKind.RSA3072, 4096: KeyKind.RSA4096}.get(key.key_size)
        case mldsa.MLDSA65PublicKey():
            kind = KeyKind.ML_DSA_65
        case _:
            kind = None
    if kind is None:
        raise Rejected("Its key is of a kind that no ceremony makes now.", code="no_such_key_kind")
    return kind.value
