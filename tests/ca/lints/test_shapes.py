"""The outside linter is asked of one certificate of each shape; what its verdict can depend on is in the shape."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ca.ceremony.hierarchy import Hierarchy
from ca.issuance.authority import load_authority
from ca.issuance.extensions import Surroundings
from ca.issuance.serial import new_serial
from ca.issuance.tbs import Blueprint, build_tbs
from ca.lints.case import LintCase
from ca.lints.finding import Finding, Severity
from ca.lints.gate import lint_case, own_findings
from ca.lints.outside import lint_outside
from ca.lints.shape import shape_of
from ca.lints.verdicts import Verdicts
from ca.services import CaServices
from keys.signer import Algorithm
from tests.ca.csr import ec_key

NAME = "a.pruebas.gob.ec"
NOTICE = Finding(Severity.NOTICE, "told", "", "as it is", source="pkilint")


class Makes:
    """Makes certificates of a profile that one person decides on, as issuance builds them."""

    def __init__(self, services: CaServices, now: datetime) -> None:
        self.services, self.now = services, now
        with services.database.reading() as session:
            self.authority = load_authority(session, "issuing-1")

    def case(self, *names: str, profile: str = "tls-server-acme", key: Any = None, **changes: Any) -> LintCase:
        """A certificate about to be signed."""
        chosen = self.services.profiles.get(profile)
        values = {"country": "EC", "organization": "Ministerio de Pruebas", "ruc": "1768152560001"}
        values |= {"legal_name": "Ministerio de Pruebas", "province": "Pichincha"}
        values |= {"first_name": names[0] if names else "", "application": "Portal 1"} | changes.get("values", {})
        blueprint = Blueprint(profile=chosen, public_key=(key or ec_key()).public_key(), values=values, dns_names=names)
        tbs_der = build_tbs(
            blueprint,
            around=Surroundings.of(self.authority, self.services.settings),
            algorithm=Algorithm.ES256,
            serial=changes.get("serial", new_serial()),
            now=changes.get("now", self.now),
        )
        return lint_case(
            tbs_der, profile=chosen, authority=self.authority, algorithm=Algorithm.ES256, services=self.services
        )


@pytest.fixture
def make(services: CaServices, hierarchy: Hierarchy, now: datetime) -> Makes:
    """Makes certificates."""
    return Makes(services, now)


class Counted:
    """An outside linter that says what it is told to, and counts how often it is asked."""

    def __init__(self, *findings: Finding) -> None:
        self.findings, self.asked = findings, 0

    def __call__(self, case: LintCase) -> Iterator[Finding]:
        """See :data:`ca.lints.verdicts.OutsideLint`."""
        self.asked += 1
        return iter(self.findings)


def test_one_of_each_shape_is_asked_about(make: Makes) -> None:
    """Another key, number, moment of the day and name of the same form: the same verdict, with its notices."""
    verdicts, lint = Verdicts(lambda: False), Counted(NOTICE)
    noon = (make.now + timedelta(days=1)).replace(hour=12)
    first = make.case(NAME, now=noon)
    later = make.case("otro-nombre.rentas.gob.ec", now=noon + timedelta(hours=1))
    assert verdicts.of(first, lint) == verdicts.of(later, lint) == (NOTICE,)
    assert lint.asked == 1


def test_what_a_rule_can_look_at_makes_another_shape(make: Makes) -> None:
    """Everything but what is named in the module, octet for octet; and of that the form."""
    shapes = [
        shape_of(case)
        for case in (
            make.case(NAME),
            make.case(NAME, "b.pruebas.gob.ec"),
            make.case("*.pruebas.gob.ec"),
            make.case("a.b.pruebas.gob.ec"),
            make.case("a.pruebas.gob.com"),
            make.case(NAME, key=ec.generate_private_key(ec.SECP384R1())),
            make.case(NAME, key=rsa.generate_private_key(65537, 2048)),
            make.case(NAME, profile="tls-server-short"),
            make.case(NAME, now=make.now + timedelta(days=1)),
            make.case(NAME, serial=2**120),
            make.case(profile="tls-client"),
            make.case(profile="tls-client", values={"application": "Portal (uno)"}),
            make.case(profile="tls-client", values={"organization": "Otra Institución"}),
        )
    ]
    assert None not in shapes
    assert len(set(shapes)) == len(shapes)
    again = make.case(profile="tls-client", values={"application": "Archivo 22"})
    assert shape_of(again) in shapes


@pytest.mark.parametrize("name", ["xn--espaa-rta.pruebas.gob.ec", "a--b.pruebas.gob.ec"])
def test_names_that_are_text_in_another_form_are_judged_one_by_one(make: Makes, name: str) -> None:
    """RFC 5890: what an A-label says has to be decoded, so each is read."""
    verdicts, lint = Verdicts(lambda: False), Counted()
    for _ in range(2):
        verdicts.of(make.case(name), lint)
    assert lint.asked == 2


def test_what_stops_a_certificate_is_never_remembered(make: Makes) -> None:
    """A finding that blocks comes from the certificate that it blocks; one that quotes a name is about that name."""
    for finding in (
        Finding(Severity.ERROR, "bad", "", "", source="pkilint"),
        Finding(Severity.NOTICE, "told", "", f"the name {NAME}", source="pkilint"),
    ):
        verdicts, lint = Verdicts(lambda: False), Counted(finding)
        for _ in range(2):
            assert verdicts.of(make.case(NAME), lint) == (finding,)
        assert lint.asked == 2


def test_a_verdict_that_changes_counts_and_ends_what_was_remembered(make: Makes) -> None:
    """Now and then one of a known shape is asked about; should the answer differ, nothing is believed any more."""
    doubts = [True]
    verdicts, lint = Verdicts(lambda: bool(doubts)), Counted()
    case = make.case(NAME)
    assert verdicts.of(case, lint) == ()
    lint.findings = (Finding(Severity.ERROR, "bad", "", "", source="pkilint"),)
    assert [each.code for each in verdicts.of(case, lint)] == ["bad"]
    doubts.clear()
    assert [each.code for each in verdicts.of(case, lint)] == ["bad"]


@pytest.mark.parametrize("profile", ["tls-server-acme", "tls-client"])
def test_pkilint_says_the_same_of_all_of_a_shape(make: Makes, profile: str) -> None:
    """Names short and long, words with and without marks: what our lints pass, pkilint judges alike within a shape."""
    server = profile == "tls-server-acme"
    texts = (
        ["a.gob.ec", f"{'a' * 63}.gob.ec", "1.gob.ec", "a-1.gob.ec", "www.gob.ec"]
        if server
        else ["Ab", "Portal de Trámites 7", "Ñandú 12", "X" * 64]
    )
    verdicts: dict[object, set[tuple[Finding, ...]]] = {}
    for text in texts:
        case = make.case(text) if server else make.case(profile=profile, values={"application": text})
        assert own_findings(case) == []
        verdicts.setdefault(shape_of(case), set()).add(tuple(lint_outside(case)))
    assert all(len(said) == 1 for said in verdicts.values())
    assert len(verdicts) < len(texts)
