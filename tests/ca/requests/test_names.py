"""Alternative names: well-formed, honest, and the institution's own."""

from __future__ import annotations

import pytest

from ca.ports import InstitutionRecord
from ca.profiles.profile import NameRules
from ca.requests.names import canonical_dns_name, granted_addresses, granted_dns_names
from ca.requests.organization import organization_name, province_of
from ca.requests.text import require_plain_text
from kernel.errors import Rejected

MINISTRY = InstitutionRecord(
    id="i1",
    ruc="1768152560001",
    name="Ministerio de Pruebas",
    domains=("pruebas.gob.ec", "xn--caar-gqa.gob.ec"),
    networks=("186.46.0.0/16", "2800:370::/32"),
)
PLAIN, WILD = NameRules(dns="required"), NameRules(dns="required", wildcards=True)


def test_names_under_registered_domains_are_granted_in_lower_case() -> None:
    """RFC 4343: DNS names have no case; one form stands in certificates."""
    assert granted_dns_names(["Pruebas.GOB.ec", "a.b.pruebas.gob.ec"], institution=MINISTRY, rules=PLAIN) == (
        "pruebas.gob.ec",
        "a.b.pruebas.gob.ec",
    )


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "name_empty"),
        (" ", "name_empty"),
        (" www.pruebas.gob.ec", "name_edge_space"),
        ("www.pruebas.gob.ec\n", "name_edge_space"),
        ("www.pruebas.gob.ec\x00.evil.example", "name_control_character"),
        ("www\x7f.pruebas.gob.ec", "name_control_character"),
        ("cañar.gob.ec", "name_not_ascii"),
        ("раypal.gob.ec", "name_not_ascii"),
        ("intranet", "name_not_qualified"),
        ("www..pruebas.gob.ec", "name_not_ldh"),
        ("www.pruebas.gob.ec.", "name_not_ldh"),
        ("-www.pruebas.gob.ec", "name_not_ldh"),
        ("www-.pruebas.gob.ec", "name_not_ldh"),
        ("a_b.pruebas.gob.ec", "name_not_ldh"),
        ("a b.pruebas.gob.ec", "name_not_ldh"),
        (f"{'a' * 64}.pruebas.gob.ec", "name_not_ldh"),
        (f"{'a.' * 125}pruebas.gob.ec", "name_too_long"),
        ("ab--cd.pruebas.gob.ec", "name_not_ldh"),
        ("xn--.pruebas.gob.ec", "name_not_ldh"),
        ("xn--pruebas-.pruebas.gob.ec", "name_not_ldh"),
        ("xn--80ak6aa92e.pruebas.gob.ec", "name_look_alike"),
        ("xn--pypal-4ve.pruebas.gob.ec", "name_look_alike"),
        ("servidor.ministerio.local", "name_internal"),
        ("vpn.corp", "name_internal"),
        ("www.gob.ecx", "name_internal"),
        ("nas.home.arpa", "name_internal"),
        ("4.3.2.1.in-addr.arpa", "name_internal"),
        ("abc.onion", "name_internal"),
        ("sau.test", "name_internal"),
        ("gob.ec", "name_public_suffix"),
        ("com", "name_not_qualified"),
        ("10.0.0.1", "name_is_address"),
        ("a.b.1", "name_not_ldh"),
        ("*.pruebas.gob.ec", "wildcard_refused"),
    ],
)
def test_malformed_and_deceptive_names_are_refused(name: str, code: str) -> None:
    """RFC 5890 §2.3.1, BR §7.1.2.7.12: LDH, qualified, no NUL, no look-alikes, no public suffix."""
    with pytest.raises(Rejected) as caught:
        canonical_dns_name(name, wildcards=False)
    assert caught.value.code == code


def test_an_a_label_in_latin_letters_is_granted() -> None:
    """RFC 5890 §2.3.2.1: ``cañar`` as ``xn--caar-gqa``."""
    assert granted_dns_names(["www.xn--caar-gqa.gob.ec"], institution=MINISTRY, rules=PLAIN)


@pytest.mark.parametrize(
    "name", ["www.*.pruebas.gob.ec", "a*.pruebas.gob.ec", "*.*.pruebas.gob.ec", "**.pruebas.gob.ec"]
)
def test_a_wildcard_is_the_whole_first_label_or_refused(name: str) -> None:
    """BR §1.6.1, RFC 9525 §6.3."""
    with pytest.raises(Rejected) as caught:
        canonical_dns_name(name, wildcards=True)
    assert caught.value.code in ("wildcard_refused", "name_not_ldh")


def test_a_wildcard_over_a_public_suffix_is_refused() -> None:
    """BR §3.2.2.6: nobody holds ``*.gob.ec``."""
    assert canonical_dns_name("*.pruebas.gob.ec", wildcards=True) == "*.pruebas.gob.ec"
    with pytest.raises(Rejected) as caught:
        canonical_dns_name("*.gob.ec", wildcards=True)
    assert caught.value.code == "name_public_suffix"


@pytest.mark.parametrize("name", ["rentas.gob.ec", "malpruebas.gob.ec", "pruebas.gob.ec.evil.com", "*.rentas.gob.ec"])
def test_names_outside_the_registered_domains_are_refused(name: str) -> None:
    """BR §3.2.2.4 by the institution's register: equal to a domain or under it, label by label."""
    with pytest.raises(Rejected) as caught:
        granted_dns_names([name], institution=MINISTRY, rules=WILD)
    assert caught.value.code == "name_not_registered"


def test_a_name_twice_is_refused_whatever_its_case() -> None:
    """A request that says the same twice was not read by who sent it."""
    with pytest.raises(Rejected) as caught:
        granted_dns_names(["a.pruebas.gob.ec", "A.pruebas.gob.ec"], institution=MINISTRY, rules=PLAIN)
    assert caught.value.code == "duplicate_name"


def test_addresses_lie_in_registered_networks() -> None:
    """BR §3.2.2.5 by the register: public, and the institution's."""
    assert [str(item) for item in granted_addresses(["186.46.1.2", "2800:370::1"], institution=MINISTRY)] == [
        "186.46.1.2",
        "2800:370::1",
    ]


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("10.0.0.1", "address_reserved"),
        ("127.0.0.1", "address_reserved"),
        ("::1", "address_reserved"),
        ("8.8.8.8", "address_not_registered"),
        ("300.1.1.1", "bad_address"),
    ],
)
def test_foreign_and_reserved_addresses_are_refused(address: str, code: str) -> None:
    """BR §4.2.2, RFC 6890: anyone could have a reserved address."""
    with pytest.raises(Rejected) as caught:
        granted_addresses([address], institution=MINISTRY)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "name_empty"),
        (" Ana", "name_edge_space"),
        ("Ana  Pérez", "name_edge_space"),
        ("Ana\x00Pérez", "name_control_character"),
        ("Ana\u202ePérez", "name_control_character"),
        ("Ana\u200bPérez", "name_control_character"),
        ("Mаría", "name_mixed_script"),  # the first а is Cyrillic
        ("Ministerio dе Salud", "name_mixed_script"),
        ("x" * 65, "name_too_long"),
    ],
)
def test_text_that_shows_something_else_is_refused(text: str, code: str) -> None:
    """What a reader sees is what stands there: no control, invisible or look-alike characters."""
    with pytest.raises(Rejected) as caught:
        require_plain_text(text, what="X", limit=64)
    assert caught.value.code == code


def test_lengths_count_characters_and_text_is_composed() -> None:
    """RFC 5280 appendix A.1: 64 ñ fit although they are 128 octets; n + tilde becomes ñ."""
    assert require_plain_text("ñ" * 64, what="X", limit=64) == "ñ" * 64
    assert require_plain_text("n\u0303" * 64, what="X", limit=64) == "ñ" * 64


def test_a_long_institution_name_is_abbreviated_as_is_usual() -> None:
    """BR §7.1.2.7.4: locally accepted abbreviations, only as many as needed."""
    name = "Ministerio de Telecomunicaciones y de la Sociedad de la Información"
    assert organization_name(name) == "Ministerio de Telecom. y de la Sociedad de la Información"
    assert organization_name("Ministerio de Salud Pública") == "Ministerio de Salud Pública"
    with pytest.raises(Rejected) as caught:
        organization_name("Consejo " * 12 + "Final")
    assert caught.value.code == "name_too_long"


def test_province_comes_from_the_register_or_the_ruc() -> None:
    """BR §7.1.2.7.4 wants a locality or a state: the RUC's first two digits are a province."""
    assert province_of(MINISTRY) == "Pichincha"
    assert province_of(InstitutionRecord("i", "0968599020001", "x", ())) == "Guayas"
    assert province_of(InstitutionRecord("i", "3068599020001", "x", (), province="Azuay")) == "Azuay"
