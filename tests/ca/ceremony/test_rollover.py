"""The next generation (certificate authority 22): crossed both ways, old leaves keep validating, OpenSSL agrees."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from ca.issuance.authority import cross_certificates, find_cross_certificate, list_authorities, load_authority
from ca.issuance.delivery import certificate_chain_pem
from ca.revocation.ocsp_signer import find_ocsp_signer
from ca.revocation.publish import current_list
from ca.serial import serial_text
from ca.services import CaServices
from ca.web import mount
from kernel.clock import ManualClock
from tests.ca.ceremony.files import FIRST, SHARES
from tests.ca.ceremony.stage import Stage
from tests.ca.issued import issue
from tests.servers.process import find_program
from web.application import create_app


@pytest.fixture
def clock() -> ManualClock:
    """The machine's own time, for programs that know no other."""
    return ManualClock(datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
def stage(services: CaServices, tmp_path: Path) -> Stage:
    """The room of the ceremony."""
    return Stage(services, tmp_path)


def _complete(proposed: str) -> str:
    """Do what people do with the proposed file."""
    document = yaml.safe_load(proposed)
    document["place"] = "Quito"
    document["witnesses"] = [{"name": "Rosa", "role": "Maestra"}, {"name": "Elena", "role": "Auditora"}]
    return yaml.safe_dump(document, allow_unicode=True)


def _pem(path: Path, *certificates: x509.Certificate | bytes) -> str:
    ders = [part if isinstance(part, bytes) else part.public_bytes(Encoding.DER) for part in certificates]
    parsed = [x509.load_der_x509_certificate(der) for der in ders]
    path.write_bytes(b"".join(certificate.public_bytes(Encoding.PEM) for certificate in parsed))
    return str(path)


def test_a_root_is_succeeded_and_everyone_keeps_validating(stage: Stage, tmp_path: Path) -> None:
    """Trusting only the old root or only the new one, old and new leaves both verify, lists checked all the way up."""
    stage.hold(FIRST)
    services, clock = stage.services, stage.services.clock
    old_leaf = issue(services, "tls-server", clock.now())
    proposed = stage.json("rollover", "root")["ceremony"]
    assert (
        stage.refused("ceremony", stage.file(proposed), "--dry-run").code == "bad_ceremony_file"
    )  # people complete it
    stage.hold(_complete(proposed))
    new_leaf = issue(services, "tls-server", clock.now())
    with services.database.reading() as session:
        records = {record.name: record for record in list_authorities(session)}
        new_cross, old_cross = (
            cross_certificates(session, load_authority(session, name))[0] for name in ("root-2", "root")
        )
        lists = [
            current_list(session, authority_name=name, shard=0, now=clock.now()).der
            for name in ("root", "root-2", "issuing-tls", "issuing-tls-g2")
        ]
        # OCSP goes on for the old authority beside the new one.
        for name in ("issuing-tls", "issuing-tls-g2"):
            assert find_ocsp_signer(session, authority_id=records[name].id, now=clock.now())
        offered = {
            leaf: certificate_chain_pem(session, serial_text(leaf.serial_number), now=clock.now())
            for leaf in (old_leaf, new_leaf)
        }
        # One that has ended helps nobody: it goes from chains, and stays at its address.
        cross_ends = x509.load_der_x509_certificate(new_cross.certificate_der).not_valid_after_utc
        ended = certificate_chain_pem(session, serial_text(new_leaf.serial_number), now=cross_ends)
        assert len(offered[new_leaf].split("END")) == len(ended.split("END")) + 1
        assert find_cross_certificate(session, new_cross.name) == new_cross
    assert set(records) == {
        "root", "root-2", "issuing-tls", "issuing-people", "issuing-tls-g2", "issuing-people-g2"
    }  # fmt: skip
    assert (new_cross.name, old_cross.name) == ("root-2-by-root", "root-by-root-2")
    assert new_leaf.issuer == records["issuing-tls-g2"].certificate.subject
    assert records["issuing-tls-g2"].certificate.extensions.get_extension_for_class(x509.NameConstraints) == records[
        "issuing-tls"
    ].certificate.extensions.get_extension_for_class(x509.NameConstraints)

    openssl = find_program("openssl", package="openssl")
    revoked = tmp_path / "lists.pem"
    revoked.write_bytes(b"".join(x509.load_der_x509_crl(der).public_bytes(Encoding.PEM) for der in lists))
    for anchor in ("root", "root-2"):
        trusted = _pem(tmp_path / "anchor.pem", records[anchor].certificate)
        for leaf, pem in offered.items():
            # Just what a server is handed: the leaf, its issuer, the cross certificate.
            (tmp_path / "chain.pem").write_text(pem)
            command = [openssl, "verify", "-x509_strict", "-no-CAfile", "-no-CApath", "-trusted", trusted]
            command += ["-crl_check_all", "-CRLfile", str(revoked), "-untrusted", str(tmp_path / "chain.pem")]
            done = subprocess.run(
                [*command, _pem(tmp_path / "leaf.pem", leaf)], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, (anchor, leaf.subject, done.stderr)


def test_generations_and_cross_certificates_are_published(stage: Stage, clock: ManualClock) -> None:
    """Each certificate has its address; the page tells who issues what, and where the cross certificates are."""
    stage.hold(FIRST)
    clock.advance(timedelta(days=1))
    stage.hold(_complete(stage.json("rollover", "root")["ceremony"]))
    services = stage.services
    app = create_app(settings=services.settings, clock=services.clock, secret_key=b"k" * 32)
    mount(app, services)
    http = app.test_client()
    certificates = {
        name: x509.load_der_x509_certificate(http.get(f"/pki/ca/{name}.cer").data)
        for name in ("root", "root-2", "root-2-by-root", "root-by-root-2", "issuing-tls", "issuing-tls-g2")
    }
    crossed = certificates["root-2-by-root"]
    crossed.verify_directly_issued_by(certificates["root"])
    assert crossed.public_key() == certificates["root-2"].public_key()
    assert crossed.subject == certificates["root-2"].subject
    assert http.get("/pki/ca/root-by-nobody.cer").status_code == 404
    bundle = http.get("/pki/ca/root-2.p7c")
    assert bundle.mimetype == "application/pkcs7-mime"
    assert pkcs7.load_der_pkcs7_certificates(bundle.data) == [certificates["root-2"], crossed]
    said = subprocess.run(
        [find_program("openssl", package="openssl"), "pkcs7", "-inform", "DER", "-print_certs"],
        input=bundle.data,
        capture_output=True,
        check=True,
    )
    assert said.stdout.count(b"BEGIN CERTIFICATE") == 2
    page = http.get("/pki/").get_data(as_text=True)
    assert "Raíz de Prueba G2" in page and "/pki/ca/root-2-by-root.pem" in page and "/pki/ca/root-by-root-2.pem" in page
    assert "Nada nuevo; lo que emitió sigue valiendo" in page
    assert "root-2.pem -noout" in page  # newcomers are told to trust the newest


def test_an_issuing_authority_gets_a_new_key(stage: Stage) -> None:
    """Its successor stands under the same root, takes its profiles, and has its own next generation."""
    stage.hold(FIRST)
    out = stage.folder / "next.yaml"
    stage.run("rollover", "issuing-tls", "--out", str(out))
    stage.hold(_complete(out.read_text("utf-8")))
    assert stage.json("profile", "show", "tls-server")["authority"] == "issuing-tls-g2"
    assert stage.json("profile", "show", "institution-seal")["authority"] == "issuing-people"
    third = yaml.safe_load(stage.json("rollover", "issuing-tls-g2")["ceremony"])
    assert third["issuing"][0]["name"] == "issuing-tls-g3"
    assert third["issuing"][0]["subject"]["common_name"] == "Emisora TLS G3"
    assert stage.run("rollover", "issuing-tls", "--out", str(out)).exit_code != 0  # nothing is written over


def test_the_old_root_s_holders_are_needed_to_cross(stage: Stage) -> None:
    """Both roots in shares: the old one opens by its own set, the new one gets another."""
    old = stage.hold(SHARES)
    document = yaml.safe_load(_complete(stage.json("rollover", "root")["ceremony"]))
    document["root"]["shares"] = {"needed": 2, "holders": ["Nora", "Olga"]}
    document["issuing"] = []
    file = yaml.safe_dump(document, allow_unicode=True)
    options = ("--without-rehearsal", "--yes", "--minutes", str(stage.folder))
    alone = stage.refused("ceremony", stage.file(file), *options, "--shares-to", str(stage.folder / "first"))
    assert alone.code == "root_key_away"
    new_pages = sorted((stage.folder / "first").glob("root-2-share-*.txt"))
    pages = [part for page in (*old["shares"][:2], *map(str, new_pages)) for part in ("--share", page)]
    stage.hold(file, *pages)
    with stage.services.database.reading() as session:
        assert len(cross_certificates(session, load_authority(session, "root-2"))) == 1


def test_a_root_without_room_below_certifies_no_other(stage: Stage) -> None:
    """RFC 5280 §4.2.1.9: with path length 1 another root's authorities would stand too deep."""
    stage.hold(FIRST.replace("path_length: 2", "path_length: 1"))
    proposed = _complete(stage.json("rollover", "root")["ceremony"])
    refused = stage.refused(
        "ceremony", stage.file(proposed), "--without-rehearsal", "--yes", "--minutes", str(stage.folder)
    )
    assert refused.code == "path_too_short"
