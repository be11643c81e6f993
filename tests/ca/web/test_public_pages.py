"""The public pages: institutions' certificates for everyone, persons' for nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from flask.testing import FlaskClient

from ca.profiles.registry import packaged_profiles
from ca.register.public_certificate import PUBLIC_PROFILES
from ca.web.wording import spaced
from kernel.clock import ManualClock
from kernel.identifiers import sha256_hex
from tests.ca.hierarchy import Hierarchy, serial_of
from tests.ca.revocation.steps import issue, publish, revoke

RUC = "1768153530001"


def test_the_home_page_shows_the_root_s_fingerprint_and_where_everything_stands(
    hierarchy: Hierarchy, client: FlaskClient
) -> None:
    """A person can compare the fingerprint with the one from a paper."""
    publish(hierarchy)
    page = client.get("/pki/")
    assert page.status_code == 200
    fingerprint = spaced(sha256_hex(hierarchy.root_certificate.public_bytes(Encoding.DER)))
    for text in (fingerprint, "/pki/ca/root.pem", "/pki/crl/issuing-1-0.crl", "/pki/ocsp", "/pki/cps"):
        assert text in page.text


def test_the_home_page_stands_before_there_is_any_authority(ca_app_without_hierarchy: FlaskClient) -> None:
    """A fresh installation says what to do."""
    page = ca_app_without_hierarchy.get("/pki/")
    assert page.status_code == 200
    assert "sau init" in page.text


@pytest.mark.parametrize(
    "words", ["tramites.ejemplo.gob.ec", "TRAMITES", "ejemplo.gob", RUC, "SERIAL", "SERIAL-colons", " tramites "]
)
def test_finds_by_name_serial_and_ruc(hierarchy: Hierarchy, client: FlaskClient, words: str) -> None:
    """Brief of the page: by domain or name, serial number as people copy it, RUC."""
    leaf = issue(hierarchy)
    serial = serial_of(leaf)
    words = words.replace("SERIAL-colons", x509_colons(serial)).replace("SERIAL", serial)
    page = client.get("/pki/certificates", query_string={"q": words})
    assert page.status_code == 200
    assert f"/pki/certificates/{serial}" in page.text


def x509_colons(serial: str) -> str:
    return ":".join(serial[i : i + 2] for i in range(0, len(serial), 2)).upper()


@pytest.mark.parametrize("words", ["%", "___", "%%%", "'; --", "<script>alert(1)</script>", "\\", "ñ" * 150])
def test_odd_words_find_nothing_and_break_nothing(hierarchy: Hierarchy, client: FlaskClient, words: str) -> None:
    """Wildcards are letters here, markup is text."""
    serial = serial_of(issue(hierarchy))
    page = client.get("/pki/certificates", query_string={"q": words})
    assert page.status_code in (200, 400)
    assert serial not in page.text
    assert "<script>" not in page.text


@pytest.mark.parametrize(("words", "told"), [("ab", "al menos 3"), ("x" * 201, "demasiado largo")])
def test_a_search_that_is_too_short_or_long_says_so_and_keeps_the_words(
    hierarchy: Hierarchy, client: FlaskClient, words: str, told: str
) -> None:
    """Look: errors from the server with a summary; typed values come back."""
    page = client.get("/pki/certificates", query_string={"q": words})
    assert page.status_code == 400
    assert told in page.text
    assert words[:200] in page.text


def test_certificates_of_persons_are_nowhere(hierarchy: Hierarchy, client: FlaskClient) -> None:
    """Never a personal certificate: not by name, not by the institution's RUC, not by its exact address."""
    of_servant = issue(hierarchy, name="maria.perez", profile="public-servant-signature")
    of_holder = issue(hierarchy, name="juan.lema", holder_id="01hxyz")
    of_nobody = issue(hierarchy, name="sin.institucion", institution_ruc=None)
    for certificate in (of_servant, of_holder, of_nobody):
        serial = serial_of(certificate)
        for words in ("maria", "juan", "sin.institucion", RUC, serial):
            assert f"/pki/certificates/{serial}" not in client.get("/pki/certificates", query_string={"q": words}).text
        for address in (serial, f"{serial}.cer", f"{serial}.pem", f"{serial}-chain.pem"):
            assert client.get(f"/pki/certificates/{address}").status_code == 404


def test_the_register_shows_every_institution_s_profile_and_no_person_s() -> None:
    """A new profile must be decided about: public, or a person's."""
    requestable = [profile for profile in packaged_profiles().list() if profile.requestable]
    assert {profile.name for profile in requestable if not profile.is_personal} == set(PUBLIC_PROFILES)


def test_pages_of_results_follow_each_other(hierarchy: Hierarchy, client: FlaskClient) -> None:
    """Bounded: twenty a page."""
    for number in range(23):
        issue(hierarchy, name=f"n{number}.paginas.gob.ec")
    first = client.get("/pki/certificates", query_string={"q": "paginas"})
    second = client.get("/pki/certificates", query_string={"q": "paginas", "page": "2"})
    assert first.text.count('href="/pki/certificates/') == 20
    assert second.text.count('href="/pki/certificates/') == 3
    assert client.get("/pki/certificates", query_string={"q": "paginas", "page": "-7"}).status_code == 200
    assert client.get("/pki/certificates", query_string={"q": "paginas", "page": "9" * 30}).status_code == 200


def test_a_certificate_s_page_says_its_standing_in_words(
    hierarchy: Hierarchy, client: FlaskClient, clock: ManualClock
) -> None:
    """State = shape, word, colour: the word is there."""
    leaf = issue(hierarchy)
    address = f"/pki/certificates/{serial_of(leaf)}"
    assert "Vigente" in client.get(address).text
    revoke(hierarchy, leaf, "cessationOfOperation")
    page = client.get(address).text
    assert "Revocado" in page
    assert "el servicio dejó de funcionar" in page
    old = issue(hierarchy, lifetime=timedelta(hours=1))
    clock.advance(timedelta(hours=2))
    assert "Vencido" in client.get(f"/pki/certificates/{serial_of(old)}").text


def test_downloads_are_the_certificate_and_its_chain_without_the_root(
    hierarchy: Hierarchy, client: FlaskClient
) -> None:
    """RFC 8446 §4.4.2: each certifies the one before; the root is left out."""
    leaf = issue(hierarchy)
    address = f"/pki/certificates/{serial_of(leaf)}"
    assert client.get(f"{address}.cer").data == leaf.public_bytes(Encoding.DER)
    assert x509.load_pem_x509_certificate(client.get(f"{address}.pem").data) == leaf
    chain = client.get(f"{address}-chain.pem")
    assert x509.load_pem_x509_certificates(chain.data) == [leaf, hierarchy.issuing_certificate]
    assert "attachment" in chain.headers["Content-Disposition"]


def test_the_practice_statement_stands_where_certificates_point(hierarchy: Hierarchy, client: FlaskClient) -> None:
    """RFC 5280 §4.2.1.4: the CPS URI resolves."""
    assert client.get("/pki/cps").status_code == 200


@pytest.mark.parametrize("language", ["es", "en", "qu"])
def test_every_page_renders_in_every_language(hierarchy: Hierarchy, client: FlaskClient, language: str) -> None:
    """No page depends on a catalog being there."""
    serial = serial_of(issue(hierarchy))
    for address in (
        "/pki/",
        "/pki/cps",
        "/pki/certificates",
        "/pki/certificates?q=ejemplo",
        f"/pki/certificates/{serial}",
    ):
        joint = "&" if "?" in address else "?"
        assert client.get(f"{address}{joint}lang={language}").status_code == 200
