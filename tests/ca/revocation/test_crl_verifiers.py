"""Revocation lists under OpenSSL's and GnuTLS's eyes: certificate authority 25."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ca.locations import FULL_LIST
from ca.revocation.publish import current_delta, current_list
from kernel.clock import ManualClock
from tests.ca.hierarchy import Hierarchy
from tests.ca.revocation.steps import arrange, issue, parse, publish, revoke
from tests.servers.process import find_program


@pytest.fixture
def clock() -> ManualClock:
    """The machine's own time: others' programs know no other."""
    return ManualClock(datetime.now(UTC))


@pytest.fixture
def files(hierarchy: Hierarchy, tmp_path: Path) -> Path:
    """Certificates, and lists before and after a revocation, as files."""
    good, bad = issue(hierarchy), issue(hierarchy, name="revocado.ejemplo.gob.ec")
    revoke(hierarchy, bad, "keyCompromise", hierarchy.services.clock.now() - timedelta(days=1))
    (tmp_path / "good.pem").write_bytes(good.public_bytes(Encoding.PEM))
    (tmp_path / "bad.pem").write_bytes(bad.public_bytes(Encoding.PEM))
    (tmp_path / "root.pem").write_bytes(hierarchy.root_certificate.public_bytes(Encoding.PEM))
    (tmp_path / "issuing.pem").write_bytes(hierarchy.issuing_certificate.public_bytes(Encoding.PEM))
    issuing_crl, root_crl = parse(publish(hierarchy)), parse(publish(hierarchy, root=True))
    (tmp_path / "issuing.crl").write_bytes(issuing_crl.public_bytes(Encoding.PEM))
    (tmp_path / "issuing.der").write_bytes(issuing_crl.public_bytes(Encoding.DER))
    both = issuing_crl.public_bytes(Encoding.PEM) + root_crl.public_bytes(Encoding.PEM)
    (tmp_path / "all.crl").write_bytes(both)
    return tmp_path


def test_openssl_verifies_list_and_path(files: Path) -> None:
    """Certificate authority 25: ``openssl crl -verify`` and ``openssl verify -x509_strict -crl_check_all``."""
    openssl = find_program("openssl", package="openssl")
    checked = subprocess.run(
        [openssl, "crl", "-in", "issuing.crl", "-CAfile", "issuing.pem", "-noout", "-verify"],
        cwd=files,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "verify OK" in checked.stdout + checked.stderr

    def verify(name: str) -> str:
        done = subprocess.run(
            [
                *(openssl, "verify", "-x509_strict", "-crl_check_all"),
                *("-CAfile", "root.pem", "-untrusted", "issuing.pem", "-CRLfile", "all.crl", name),
            ],
            cwd=files,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    assert verify("good.pem") == "good.pem: OK\n"
    assert "certificate revoked" in verify("bad.pem")


def test_gnutls_verifies_list_and_path(files: Path) -> None:
    """Certificate authority 25: ``certtool``; its exit status says little, so its text is read."""
    certtool = find_program("certtool", package="gnutls-bin")
    checked = subprocess.run(
        [certtool, "--verify-crl", "--load-ca-certificate", "issuing.pem", "--infile", "issuing.crl"],
        cwd=files,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Verified" in checked.stdout, checked.stdout + checked.stderr
    assert "Not verified" not in checked.stdout
    shown = subprocess.run(
        [certtool, "--crl-info", "--inder", "--infile", "issuing.der"],
        cwd=files,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "CRL Number" in shown.stdout
    assert "Revoked certificates (1)" in shown.stdout


def test_openssl_takes_shards_the_full_list_and_deltas(hierarchy: Hierarchy, tmp_path: Path) -> None:
    """Certificate authority, lines 19 and 25: each kind of list alone says who is revoked; RFC 5280 §5.2.4, §5.2.5."""
    openssl = find_program("openssl", package="openssl")
    arrange(hierarchy, shards=2, delta=True)
    good, other_shard, late = issue(hierarchy), issue(hierarchy), issue(hierarchy)
    revoke(hierarchy, other_shard)
    base = publish(hierarchy)
    revoke(hierarchy, late)
    for shard in (0, 1, FULL_LIST):
        publish(hierarchy, shard=shard)
    with hierarchy.services.database.reading() as session:
        now = hierarchy.services.clock.now()
        delta = current_delta(session, authority_name="issuing-1", shard=0, now=now)
        files = {
            "first": current_list(session, authority_name="issuing-1", shard=0, now=now).der,
            "second": current_list(session, authority_name="issuing-1", shard=1, now=now).der,
            "full": current_list(session, authority_name="issuing-1", shard=FULL_LIST, now=now).der,
            "base": base.der,
        }
    for name, der in files.items():
        (tmp_path / f"{name}.crl").write_bytes(x509.load_der_x509_crl(der).public_bytes(Encoding.PEM))
    with_delta = (tmp_path / "base.crl").read_bytes() + parse(delta).public_bytes(Encoding.PEM)
    (tmp_path / "delta.crl").write_bytes(with_delta)
    (tmp_path / "issuing.pem").write_bytes(hierarchy.issuing_certificate.public_bytes(Encoding.PEM))
    for name, leaf in (("good", good), ("other", other_shard), ("late", late)):
        (tmp_path / f"{name}.pem").write_bytes(leaf.public_bytes(Encoding.PEM))

    def verdict(name: str, lists: str, *more: str) -> str:
        done = subprocess.run(
            [
                *(openssl, "verify", "-partial_chain", "-x509_strict", "-crl_check", *more),
                *("-CAfile", "issuing.pem", "-CRLfile", f"{lists}.crl", f"{name}.pem"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        return next((word for word in ("revoked", "different CRL scope", "OK") if word in said), said)

    assert verdict("good", "first") == verdict("good", "full") == "OK"
    assert verdict("other", "second") == verdict("other", "full") == "revoked"
    assert verdict("other", "first").lower() != "ok"  # another shard says nothing about it
    assert verdict("late", "first") == "revoked"
    extended = ("-extended_crl", "-use_deltas")
    assert (verdict("late", "base"), verdict("late", "delta", *extended)) == ("OK", "revoked")
    assert verdict("good", "delta", *extended) == "OK"
