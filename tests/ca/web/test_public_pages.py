"""The public pages: institutions' certificates for everyone, persons' for nobody."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from flask.testing import FlaskClient

from ca.locations import FULL_LIST
from ca.practices.statement import packaged_statement
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
    publish(hierarchy, shard=FULL_LIST)
    page = client.get("/pki/")
    assert page.status_code == 200
    fingerprint = spaced(sha256_hex(hierarchy.root_certificate.public_bytes(Encoding.DER)))
    for text in (fingerprint, "/pki/ca/root.pem", "/pki/crl/issuing-1-full.crl", "/pki/ocsp", "/pki/cps"):
        assert text in page.text


def test_the_home_page_stands_before_there_is_any_authority(ca_app_without_hierarchy: FlaskClient) -> None:
    """A fresh installation says what to do."""
    page = ca_app_without_hierarchy.get("/pki/")
    assert page.status_code == 200
    assert "sau init" in page.text


@pytest.mark.parametrize(
    "words",
    [
        *("tramites.ejemplo.gob.ec", "TRAMITES.ejemplo.gob.ec.", " ejemplo.gob.ec ", "gob.ec"),
        *(RUC, "SERIAL", "SERIAL-colons", "FINGERPRINT"),
    ],
)
def test_finds_by_domain_serial_fingerprint_and_ruc(hierarchy: Hierarchy, client: FlaskClient, words: str) -> None:
    """A domain and those above it, RUC, serial number and fingerprint as people copy them."""
    leaf = issue(hierarchy)
    serial = serial_of(leaf)
    words = words.replace("SERIAL-colons", x509_colons(serial)).replace("SERIAL", serial)
    words = words.replace("FINGERPRINT", spaced(sha256_hex(leaf.public_bytes(Encoding.DER))))
    page = client.get("/pki/certificates", query_string={"q": words})
    assert page.status_code == 200
    assert f"/pki/certificates/{serial}" in page.text


def x509_colons(serial: str) -> str:
    return ":".join(serial[i : i + 2] for i in range(0, len(serial), 2)).upper()


@pytest.mark.parametrize(
    "words", ["%", "___", "%%%", "*.*", "*.gob.ec", "..", "'; --", "<script>alert(1)</script>", "\\", "ñ" * 150]
)
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
    """Never a personal certificate: not by name, RUC, serial number or fingerprint, not by its exact address."""
    of_servant = issue(hierarchy, name="maria.perez", profile="public-servant-signature")
    of_holder = issue(hierarchy, name="juan.lema", holder_id="01hxyz")
    for certificate in (of_servant, of_holder):
        serial = serial_of(certificate)
        digest = sha256_hex(certificate.public_bytes(Encoding.DER))
        for words in ("maria", "maria.perez", "juan.lema", RUC, serial, digest):
            query = {"q": words}
            assert f"/pki/certificates/{serial}" not in client.get("/pki/certificates", query_string=query).text
            assert serial not in client.get("/pki/certificates.json", query_string=query).text
            assert serial not in client.get("/pki/certificates.csv", query_string=query).text
        for address in (serial, f"{serial}.cer", f"{serial}.pem", f"{serial}-chain.pem"):
            assert client.get(f"/pki/certificates/{address}").status_code == 404


def test_pages_of_results_follow_each_other(hierarchy: Hierarchy, client: FlaskClient) -> None:
    """Bounded: twenty a page."""
    for number in range(23):
        issue(hierarchy, name=f"n{number}.paginas.gob.ec")
    first = client.get("/pki/certificates", query_string={"q": "paginas.gob.ec"})
    second = client.get("/pki/certificates", query_string={"q": "paginas.gob.ec", "page": "2"})
    assert first.text.count('href="/pki/certificates/') == 20
    assert second.text.count('href="/pki/certificates/') == 3
    assert client.get("/pki/certificates", query_string={"q": "paginas.gob.ec", "page": "-7"}).status_code == 200
    assert client.get("/pki/certificates", query_string={"q": "paginas.gob.ec", "page": "9" * 30}).status_code == 200


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
    """RFC 5280 §4.2.1.4: the CPS URI resolves, to all clauses, with the values of this installation."""
    page = client.get("/pki/cps?lang=en")
    assert page.status_code == 200
    for clause in packaged_statement():
        assert f'id="c{clause.number}"' in page.text, clause.number
    assert "An expired list is never served." in page.text
    assert "http://localhost:8000/pki/ocsp" in page.text
    assert page.text.count("declares it here") == sum(clause.is_open for clause in packaged_statement())


@pytest.mark.parametrize("language", ["es", "en", "qu"])
def test_every_page_renders_in_every_language(hierarchy: Hierarchy, client: FlaskClient, language: str) -> None:
    """No page depends on a catalog being there."""
    serial = serial_of(issue(hierarchy))
    for address in (
        "/pki/",
        "/pki/cps",
        "/pki/certificates",
        "/pki/certificates?q=ejemplo.gob.ec",
        f"/pki/certificates/{serial}",
    ):
        joint = "&" if "?" in address else "?"
        assert client.get(f"{address}{joint}lang={language}").status_code == 200


def test_a_certificate_s_page_shows_its_place_in_the_log_and_leads_to_the_proof(
    hierarchy: Hierarchy, client: FlaskClient
) -> None:
    """What the page says can be checked without believing it."""
    leaf = issue(hierarchy)
    page = client.get(f"/pki/certificates/{serial_of(leaf)}").text
    assert "Lugar en el registro" in page
    assert f"/pki/log/proof/{serial_of(leaf)}" in page
    proof = client.get(f"/pki/log/proof/{serial_of(leaf)}").get_json()
    document = client.get("/pki/certificates.json", query_string={"q": serial_of(leaf)}).get_json()
    assert proof["index"] == document["certificates"][0]["log_index"]


def test_programs_get_the_same_search_as_json_and_csv(hierarchy: Hierarchy, client: FlaskClient) -> None:
    """For a monitor that looks after a domain; a spreadsheet runs nothing of it."""
    leaf = issue(hierarchy)
    query = {"q": "ejemplo.gob.ec"}
    document = client.get("/pki/certificates.json", query_string=query).get_json()
    [record] = document["certificates"]
    assert (record["serial"], record["status"], document["next"]) == (serial_of(leaf), "valid", None)
    assert record["names"] == ["tramites.ejemplo.gob.ec"]
    rows = list(csv.DictReader(io.StringIO(client.get("/pki/certificates.csv", query_string=query).text)))
    assert [row["serial"] for row in rows] == [serial_of(leaf)]
    for form in ("json", "csv"):
        assert client.get(f"/pki/certificates.{form}").status_code == 400
