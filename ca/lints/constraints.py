"""Lints on the issuing authority's name constraints (RFC 5280 §4.2.1.10): ours, and a verifier's that is not ours."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from ca.issuance.assembly import throw_away_public_key, with_throw_away_signature
from ca.lints.case import LintCase, error
from ca.lints.finding import Finding
from ca.profiles.profile import Purpose
from keys.signer import Algorithm

_CLAUSE = "RFC 5280 §4.2.1.10"
_Tree = Sequence[x509.GeneralName]


def names_lie_within_the_issuers_constraints(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.2.1.10: in a permitted subtree of its kind, if there are any, and in no excluded one."""
    constraints = case.issuer_facts.constraints
    if constraints is None:
        return
    permitted, excluded = constraints.permitted_subtrees or [], constraints.excluded_subtrees or []
    for name in _names_of(case):
        of_kind = [tree for tree in permitted if type(tree) is type(name)]
        if (of_kind and not _in_any(name, of_kind)) or _in_any(name, excluded) or _covers_any(name, excluded):
            yield error(
                "name_outside_constraints", _CLAUSE, f"La autoridad emisora no puede certificar {name.value!s}."
            )


def another_verifier_agrees(case: LintCase) -> Iterator[Finding]:
    """The same, asked of a path validation that is not ours, over a chain of throw-away keys with these constraints."""
    constraints, found = case.issuer_facts.constraints, case.extension(x509.SubjectAlternativeName)
    if constraints is None or found is None or Purpose.SERVER_AUTH not in case.profile.extended_key_usage:
        return
    root, issuer = _stand_ins(case.issuer, case.algorithm)
    leaf = x509.load_der_x509_certificate(with_throw_away_signature(case.tbs_der, case.algorithm))
    builder = PolicyBuilder().store(Store([root])).time(leaf.not_valid_before_utc)
    for name in found.value:
        if not isinstance(name, x509.DNSName | x509.IPAddress):
            continue
        asked = x509.DNSName(name.value.replace("*", "w", 1)) if isinstance(name, x509.DNSName) else name
        try:
            builder.build_server_verifier(asked).verify(leaf, [issuer])
        except VerificationError:
            yield error("refused_by_verifier", _CLAUSE, f"Otro verificador no acepta {name.value!s} de esta autoridad.")


def _names_of(case: LintCase) -> list[x509.GeneralName]:
    found = case.extension(x509.SubjectAlternativeName)
    return [*(found.value if found else ()), x509.DirectoryName(case.name)]


def _in_any(name: x509.GeneralName, trees: _Tree) -> bool:
    return any(_is_in(name, tree) for tree in trees if type(tree) is type(name))


def _covers_any(name: x509.GeneralName, trees: _Tree) -> bool:
    """Tell whether a wildcard stands for names of a tree: ``*.a.ec`` for those under ``b.a.ec``."""
    if not isinstance(name, x509.DNSName) or not name.value.startswith("*."):
        return False
    base = name.value[1:].lower()
    return any(isinstance(tree, x509.DNSName) and tree.value.lower().endswith(base) for tree in trees)


def _is_in(name: x509.GeneralName, tree: x509.GeneralName) -> bool:
    if isinstance(name, x509.DNSName) and isinstance(tree, x509.DNSName):
        base, wanted = name.value.removeprefix("*.").lower(), tree.value.lower().removeprefix(".")
        return not wanted or base == wanted or base.endswith(f".{wanted}")
    if isinstance(name, x509.IPAddress) and isinstance(tree, x509.IPAddress):
        network = tree.value
        return (
            isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network)
            and isinstance(name.value, ipaddress.IPv4Address | ipaddress.IPv6Address)
            and name.value in network
        )
    if isinstance(name, x509.DirectoryName) and isinstance(tree, x509.DirectoryName):
        above = list(tree.value.rdns)
        return list(name.value.rdns)[: len(above)] == above
    return False


@lru_cache(maxsize=16)
def _stand_ins(issuer: x509.Certificate, algorithm: Algorithm) -> tuple[x509.Certificate, x509.Certificate]:
    """Return a root and, under it, an authority with the issuer's name and constraints over the throw-away key."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in")])
    begins, ends = issuer.not_valid_before_utc, issuer.not_valid_after_utc
    usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    anchor = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())

    def authority(subject: x509.Name, key: CertificateIssuerPublicKeyTypes) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(root_name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(anchor), critical=False)
        )

    root = authority(root_name, root_key.public_key()).add_extension(anchor, critical=False).sign(root_key, SHA256())
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    constraints = issuer.extensions.get_extension_for_class(x509.NameConstraints).value
    stand_in = (
        authority(issuer.subject, throw_away_public_key(algorithm))
        .add_extension(identifier, critical=False)
        .add_extension(constraints, critical=True)
        .sign(root_key, SHA256())
    )
    return root, stand_in


LINTS = (names_lie_within_the_issuers_constraints, another_verifier_agrees)
