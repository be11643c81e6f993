"""Name constraints of the issuing authority: our lint, and software that is not ours, say the same."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ca.ceremony.hierarchy import Hierarchy
from ca.issuance.assembly import sign_to_be_signed
from ca.issuance.authority import load_authority
from ca.issuance.extensions import Surroundings
from ca.issuance.serial import new_serial
from ca.issuance.tbs import Blueprint, build_tbs
from ca.lints.case import LintCase
from ca.lints.constraints import LINTS
from ca.profiles.profile import Profile
from ca.services import CaServices
from keys.signer import Algorithm, PrivateKeySigner
from tests.ca.csr import ec_key, key_usage
from tests.ca.lints.test_gate import VALUES

PERMITTED = x509.NameConstraints(
    [x509.DNSName("gob.ec"), x509.IPAddress(ip_network("186.46.0.0/16"))], [x509.DNSName("secreto.gob.ec")]
)


class Constrained:
    """A root of the test's own and, under it, an authority whose certificate carries name constraints."""

    def __init__(self, services: CaServices, now: datetime, constraints: x509.NameConstraints) -> None:
        self.services, self.now = services, now
        self.root_key, self.key = ec_key(), ec_key()
        root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Raíz de prueba")])
        self.root = self._authority(root_name, self.root_key, root_name, None)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Emisora con límites")])
        self.certificate = self._authority(name, self.key, root_name, constraints)
        with services.database.reading() as session:
            real = load_authority(session, "issuing-1")
        self.record = replace(real, certificate_der=self.certificate.public_bytes(Encoding.DER))

    def leaf(self, profile: Profile, *names: str) -> tuple[bytes, set[str]]:
        """The certificate (PEM) for these names, and what the lints on constraints find in it."""
        blueprint = Blueprint(
            profile=profile,
            public_key=ec_key().public_key(),
            values=VALUES | {"first_name": names[0] if names else ""},
            dns_names=names,
        )
        around = Surroundings.of(self.record, self.services.settings)
        tbs = build_tbs(blueprint, around=around, algorithm=Algorithm.ES256, serial=new_serial(), now=self.now)
        case = LintCase(
            tbs_der=tbs,
            issuer=self.certificate,
            profile=profile,
            algorithm=Algorithm.ES256,
            private_arc=self.services.settings.pki_arc,
            issuer_origin=self.services.settings.issuer,
        )
        signer = PrivateKeySigner("trial", self.key, Algorithm.ES256)
        signed = x509.load_der_x509_certificate(sign_to_be_signed(tbs, signer=signer, issuer=self.certificate))
        return signed.public_bytes(Encoding.PEM), {finding.code for lint in LINTS for finding in lint(case)}

    def _authority(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        issuer: x509.Name,
        constraints: x509.NameConstraints | None,
    ) -> x509.Certificate:
        above = x509.SubjectKeyIdentifier.from_public_key(self.root_key.public_key())
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(new_serial())
            .not_valid_before(self.now - timedelta(days=1))
            .not_valid_after(self.now + timedelta(days=900))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(key_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(above), critical=False)
        )
        if constraints is not None:
            builder = builder.add_extension(constraints, critical=True)
        return builder.sign(self.root_key, SHA256())


@pytest.mark.server
@pytest.mark.parametrize(
    ("names", "holds"),
    [
        (("tramites.pruebas.gob.ec",), True),
        (("*.pruebas.gob.ec", "pruebas.gob.ec"), True),
        (("tramites.pruebas.com.ec",), False),
        (("tramites.pruebas.gob.ec", "malgob.ec.com"), False),
        (("archivo.secreto.gob.ec",), False),
    ],
)
def test_ours_and_other_verifiers_agree(
    services: CaServices, hierarchy: Hierarchy, tmp_path: Path, names: tuple[str, ...], holds: bool
) -> None:
    """RFC 5280 §4.2.1.10; Certificate authority, line 15: our lint, a library's path validation, OpenSSL and GnuTLS."""
    constrained = Constrained(services, datetime.now(UTC), PERMITTED)  # certtool knows no other time
    leaf, found = constrained.leaf(services.profiles.get("tls-server-short"), *names)
    assert found == (set() if holds else {"name_outside_constraints", "refused_by_verifier"})
    files = {"root": constrained.root, "ca": constrained.certificate}
    for file, certificate in files.items():
        (tmp_path / f"{file}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (tmp_path / "leaf.pem").write_bytes(leaf)
    (tmp_path / "chain.pem").write_bytes(leaf + (tmp_path / "ca.pem").read_bytes())
    openssl = _run("openssl verify -x509_strict -CAfile root.pem -untrusted ca.pem leaf.pem", tmp_path)
    gnutls = _run("certtool --verify --load-ca-certificate root.pem --infile chain.pem", tmp_path)
    assert ("leaf.pem: OK" in openssl) is holds, openssl
    assert ("Chain verification output: Verified." in gnutls) is holds, gnutls


def test_a_wildcard_does_not_reach_into_what_is_excluded(
    services: CaServices, hierarchy: Hierarchy, now: datetime
) -> None:
    """``*.pruebas.gob.ec`` would stand for a name that the authority may not certify."""
    limits = x509.NameConstraints(None, [x509.DNSName("reservado.pruebas.gob.ec")])
    constrained = Constrained(services, now, limits)
    profile = services.profiles.get("tls-server-short")
    assert "name_outside_constraints" in constrained.leaf(profile, "*.pruebas.gob.ec")[1]
    assert constrained.leaf(profile, "www.pruebas.gob.ec")[1] == set()


def test_subjects_are_held_to_directory_constraints(services: CaServices, hierarchy: Hierarchy, now: datetime) -> None:
    """RFC 5280 §4.2.1.10: a permitted directoryName is the beginning of the subject."""
    for country, expected in (("EC", set()), ("PE", {"name_outside_constraints"})):
        name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, country)])
        constrained = Constrained(services, now, x509.NameConstraints([x509.DirectoryName(name)], None))
        _, found = constrained.leaf(services.profiles.get("tls-client"))
        assert found == expected


def test_without_constraints_nothing_is_asked(services: CaServices, hierarchy: Hierarchy, now: datetime) -> None:
    """The authorities of the first ceremony have none."""
    record = Constrained(services, now, PERMITTED)
    record.certificate = hierarchy.issuing
    record.key = ec_key()
    case = LintCase(
        tbs_der=hierarchy.issuing.tbs_certificate_bytes,
        issuer=hierarchy.issuing,
        profile=services.profiles.get("tls-server"),
        algorithm=Algorithm.ES256,
        private_arc="1.2.3",
        issuer_origin="https://sau.example",
    )
    assert [finding for lint in LINTS for finding in lint(case)] == []


def _run(command: str, folder: Path) -> str:
    done = subprocess.run(command.split(), cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
