"""The profile decides, the CSR proposes: what of a request is granted, and for what it is refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ca.issuance.tbs import Blueprint
from ca.ports import InstitutionRecord
from ca.profiles.profile import Profile
from ca.requests.block_list import KeyBlockList, require_unlisted_key
from ca.requests.csr import ParsedRequest
from ca.requests.inputs import checked_inputs
from ca.requests.keys import require_sound_key
from ca.requests.names import granted_addresses, granted_dns_names
from ca.requests.organization import institution_values
from kernel.errors import Rejected


@dataclass(frozen=True)
class Grant:
    """What the certificate will be built from.

    :ivar inputs: the checked fields, as stored with the request.
    """

    blueprint: Blueprint
    inputs: dict[str, str]


def decide_grant(
    parsed: ParsedRequest,
    *,
    profile: Profile,
    institution: InstitutionRecord | None,
    inputs: Mapping[str, str],
    block_list: KeyBlockList,
    proved_names: Collection[str] = (),
) -> Grant:
    """Return what is granted of the request.

    :param proved_names: see :func:`ca.requests.names.granted_dns_names`.
    :param block_list: of publicly known keys.
    :raises Rejected: ``authority_refused``, ``usage_refused``, ``purpose_refused``, ``name_kind_refused``,
        ``common_name_not_listed``, ``no_names``, ``several_common_names``, and what keys, names and inputs raise.
    """
    _require_no_authority(parsed)
    _require_granted_usages(parsed, profile)
    require_sound_key(parsed.public_key, allowed=profile.keys, min_rsa_bits=profile.min_rsa_bits)
    require_unlisted_key(parsed.public_key, block_list)
    known = institution_values(institution) if institution else {"country": "EC"}
    checked = checked_inputs(profile, inputs, parsed=parsed, known=known)
    dns_names, addresses = _requested_names(parsed, profile)
    granted_names = granted_dns_names(dns_names, institution=institution, rules=profile.names, proved=proved_names)
    granted = granted_addresses(addresses, institution=institution)
    if profile.names.dns == "required":
        _require_listed_common_name(parsed, (*granted_names, *(str(address) for address in granted)))
    first = next(iter((*granted_names, *(str(address) for address in granted))), "")
    return Grant(
        blueprint=Blueprint(
            profile=profile,
            public_key=parsed.public_key,
            values=known | checked | {"first_name": first},
            dns_names=granted_names,
            addresses=granted,
        ),
        inputs=checked,
    )


def _require_no_authority(parsed: ParsedRequest) -> None:
    if parsed.wants_authority or {"keyCertSign", "cRLSign"} & set(parsed.key_usage):
        raise Rejected(
            "The request asks to be an authority (CA:TRUE, keyCertSign or cRLSign); no profile grants that.",
            code="authority_refused",
        )


def _require_granted_usages(parsed: ParsedRequest, profile: Profile) -> None:
    beyond = [name for name in parsed.key_usage if name not in (*profile.key_usage, *profile.dropped_key_usage)]
    if beyond:
        raise Rejected(
            f"The request asks for {', '.join(beyond)}; profile {profile.name} grants {', '.join(profile.key_usage)}.",
            code="usage_refused",
        )
    granted = {purpose.oid for purpose in profile.extended_key_usage}
    foreign = [oid for oid in parsed.purposes if oid not in granted]
    if foreign:
        raise Rejected(
            f"The request asks for the extended usage {', '.join(foreign)}; profile {profile.name} grants "
            f"{', '.join(profile.extended_key_usage)}.",
            code="purpose_refused",
        )


def _requested_names(parsed: ParsedRequest, profile: Profile) -> tuple[tuple[str, ...], tuple[str, ...]]:
    rules = profile.names
    if parsed.other_names:
        raise Rejected(f"No profile grants the name {parsed.other_names[0]!a}.", code="name_kind_refused")
    if parsed.dns_names and rules.dns == "refused":
        raise Rejected(f"Profile {profile.name} grants no DNS names.", code="name_kind_refused")
    if parsed.addresses and not rules.addresses:
        raise Rejected(f"Profile {profile.name} grants no IP addresses.", code="name_kind_refused")
    if rules.dns != "required" or parsed.dns_names or parsed.addresses:
        return parsed.dns_names, parsed.addresses
    if not parsed.common_names:
        raise Rejected("The request names no server: put its name into subjectAltName.", code="no_names")
    return parsed.common_names[:1], ()


def _require_listed_common_name(parsed: ParsedRequest, granted: tuple[str, ...]) -> None:
    if len(parsed.common_names) > 1:
        raise Rejected("The request has more than one common name.", code="several_common_names")
    for common_name in parsed.common_names:
        if common_name.lower() not in granted:
            raise Rejected(
                "The common name is not among the alternative names; browsers would not look at it.",
                code="common_name_not_listed",
            )
