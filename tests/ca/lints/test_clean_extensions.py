"""What was found clean before is not looked at again; whatever differs by an octet is."""

from __future__ import annotations

from datetime import datetime

import pytest

from ca.ceremony.hierarchy import Hierarchy
from ca.der import children, extension_parts
from ca.lints import clean_extensions, gate
from ca.lints.case import LintCase
from ca.lints.clean_extensions import SHARED_LINTS, Known
from ca.services import CaServices
from keys.signer import Algorithm
from tests.ca.csr import ec_key
from tests.ca.lints.test_clauses import build
from tests.ca.lints.test_gate import Bench

on_one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def bench(services: CaServices, hierarchy: Hierarchy, now: datetime) -> Bench:
    """A bench over a hierarchy, where nothing is remembered."""
    clean_extensions._held.clear()
    return Bench(services, now)


def case_of(bench: Bench, tbs_der: bytes, name: str) -> LintCase:
    return LintCase(
        tbs_der=tbs_der,
        issuer=bench.authority.certificate,
        profile=bench.services.profiles.get(name),
        algorithm=Algorithm.ES256,
        private_arc=bench.services.settings.pki_arc,
        issuer_origin=bench.services.settings.issuer,
    )


@on_one_database
@pytest.mark.parametrize(
    ("name", "known"),
    [("tls-client", Known.WHOLE), ("tls-server", Known.SHARED), ("natural-person-signature", Known.SHARED)],
)
def test_the_second_of_a_kind_is_known(bench: Bench, name: str, known: Known) -> None:
    """Alternative names and national fields are read in every certificate, the key's identifier as well."""
    profile = bench.services.profiles.get(name)
    first, second = (case_of(bench, build(bench, profile, key=ec_key().public_key()), name) for _ in range(2))
    assert clean_extensions.knows(first) is Known.NOT
    assert gate.own_findings(first) == gate.own_findings(second) == []
    assert clean_extensions.knows(second) is known


@on_one_database
@pytest.mark.parametrize("name", ["tls-client", "tls-server"])
def test_an_octet_that_differs_is_found_as_ever(bench: Bench, name: str) -> None:
    """Certificate authority, line 14: every octet of the extensions, changed; remembered or not, the same is found."""
    tbs_der = build(bench, bench.services.profiles.get(name))
    begins = len(tbs_der) - len(children(tbs_der)[7])
    changed = [tbs_der[:at] + bytes((tbs_der[at] ^ 1,)) + tbs_der[at + 1 :] for at in range(begins, len(tbs_der), 5)]
    alone = []
    for each in changed:
        clean_extensions._held.clear()
        alone.append(_codes(case_of(bench, each, name)))
    clean_extensions._held.clear()
    assert gate.own_findings(case_of(bench, tbs_der, name)) == []
    found = [_codes(case_of(bench, each, name)) for each in changed]
    # An identifier that is no OCTET STRING is unreadable, or else not the key's.
    assert {(was.pop(), now.pop()) for was, now in zip(alone, found, strict=True) if was != now} <= {
        ("unreadable", "ski_differs")
    }
    assert sum(map(bool, found)) > len(found) * 0.4  # the rest are letters of addresses


@on_one_database
def test_another_key_s_identifier_is_found(bench: Bench) -> None:
    """RFC 5280 §4.2.1.2: what the memory leaves out is compared by its lint."""
    profile = bench.services.profiles.get("tls-client")
    mine, other = build(bench, profile), build(bench, profile)
    assert gate.own_findings(case_of(bench, mine, "tls-client")) == []
    (identifier,), (foreign,) = (
        [value for oid, *_, value in extension_parts(children(each)) if oid == b"\x06\x03\x55\x1d\x0e"]
        for each in (mine, other)
    )
    found = gate.own_findings(case_of(bench, mine.replace(identifier, foreign), "tls-client"))
    assert {finding.code for finding in found} == {"ski_differs"}


def test_every_lint_that_is_left_out_is_one_of_ours() -> None:
    """A lint that is renamed must not be asked twice, nor never."""
    assert set(gate.OWN_LINTS) >= SHARED_LINTS


def _codes(case: LintCase) -> set[str]:
    return {finding.code for finding in gate.own_findings(case)}
