"""A whole authority with certificates of every profile, served on a port: what others' software is put before.

Made once for all tests of the folder, by the real ways of issuance, with the machine's own time, which is the only one
that others' programs know.
"""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from sqlalchemy import select
from werkzeug.serving import make_server

from ca.ceremony.making import Workbench, cross_certify, make_issuing, make_root
from ca.ceremony.plan import AuthorityName, IssuingPlan, Names, RootPlan
from ca.ceremony.root_store import RootKeys, open_root_signer
from ca.issuance.authority import AuthorityRecord, authority_chain, list_authorities, load_authority
from ca.issuance.issue import issue_approved
from ca.issuance.model import Certificate
from ca.jobs import periodic_jobs
from ca.ports import InstitutionRecord
from ca.profiles.profile import Profile, StatusPointers
from ca.profiles.registry import packaged_profiles
from ca.requests.decide import approve_request
from ca.requests.submit import submit_request
from ca.revocation.publish import publish_list
from ca.revocation.revoke import revoke_certificate
from ca.revocation.upkeep import publish_overdue_lists
from ca.serial import serial_text
from ca.services import CaServices
from ca.transparency.log import LOG_KEY as CERTIFICATE_LOG_KEY
from ca.units.signer import LOG_UNITS, UNITS, renew_unit_signer
from ca.web import mount
from composition import Composition
from kernel.clock import ManualClock
from kernel.settings import load_settings
from tests import made_once
from tests.ca.csr import make_csr
from tests.ca.ground import RUC, FakeInstitutions, FakePeople
from tests.ca.hierarchy import make_hierarchy
from tests.ca.issued import INPUTS
from tests.servers.process import free_port
from tests.servers.sqlite import copy_template
from web.application import create_app

PROFILES = tuple(profile.name for profile in packaged_profiles().list())
REQUESTABLE = tuple(profile.name for profile in packaged_profiles().list() if profile.requestable)
WITH_STATUS = tuple(profile.name for profile in packaged_profiles().list() if profile.status is StatusPointers.FULL)
REVOCABLE = tuple(name for name in WITH_STATUS if name in REQUESTABLE)
SERVER = "tramites.pruebas.gob.ec"
(LOG_OF_CERTIFICATES,) = (unit for unit in LOG_UNITS if unit.key_name == CERTIFICATE_LOG_KEY)
CONSTRAINED, OTHER_ROOT = "issuing-9", "root-9"
# What a field of a profile that nobody has named yet is filled in with.
_SAMPLES = {"cedula": "1710034065", "phone": "+593 2 398 7654", "country": "ec", "passport": "XY123456"}


@dataclass
class Member:
    """A certificate with its key (of those that the service keeps: none) and those above it, the root left out."""

    name: str
    certificate: x509.Certificate
    above: list[x509.Certificate]
    key: ec.EllipticCurvePrivateKey | None = None

    def has(self, extension: type[x509.ExtensionType]) -> bool:
        """Whether the certificate has such an extension."""
        return any(isinstance(each.value, extension) for each in self.certificate.extensions)

    @property
    def points_at_status(self) -> bool:
        """Whether list and OCSP are named in it."""
        return self.has(x509.CRLDistributionPoints) and self.has(x509.AuthorityInformationAccess)


@dataclass
class Estate:
    """The files that programs read, by name: ``NAME.pem``, ``NAME.key``, ``NAME-chain.pem`` (with those above it)."""

    folder: Path
    address: str
    services: CaServices
    members: dict[str, Member] = field(default_factory=dict)
    roots: dict[str, x509.Certificate] = field(default_factory=dict)

    def good(self, profile: str) -> Member:
        """The certificate of a profile that counts."""
        return self.members[f"good-{profile}"]

    def path(self, name: str) -> str:
        """A file's path."""
        return str(self.folder / name)

    def add(self, member: Member) -> Member:
        """Write the member's files."""
        self.members[member.name] = member
        chain = [member.certificate, *member.above]
        pem = [each.public_bytes(Encoding.PEM) for each in chain]
        (self.folder / f"{member.name}.pem").write_bytes(pem[0])
        (self.folder / f"{member.name}-chain.pem").write_bytes(b"".join(pem))
        (self.folder / f"{member.name}-above.pem").write_bytes(b"".join(pem[1:]))
        if member.key is not None:
            key = member.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            (self.folder / f"{member.name}.key").write_bytes(key)
        return member


@contextmanager
def make_estate(folder: Path, *, template: Path, kept_home: Path) -> Iterator[Estate]:
    """Make everything below ``folder`` and serve it."""
    port = free_port()
    made_once.copy_home(folder / "home", kept_home)
    settings = load_settings(
        {
            "SAU_HOME": str(folder / "home"),
            "SAU_DATABASE_URL": copy_template(template, folder / "sau.sqlite"),
            "SAU_ISSUER": f"http://localhost:{port}",
        }
    )
    now = datetime.now(UTC)
    clock = ManualClock(now - timedelta(days=30))
    composition = Composition(settings, clock=clock)
    ours = InstitutionRecord(id="i1", ruc=RUC, name="Ministerio de Pruebas", domains=("pruebas.gob.ec",))
    services = replace(composition.ca, institutions=FakeInstitutions(ours), people=FakePeople())
    (folder / "files").mkdir()
    estate = Estate(folder / "files", f"http://localhost:{port}", services)
    try:
        _fill(estate, clock, now)
        app = create_app(settings=settings, clock=clock, secret_key=b"k" * 32)
        mount(app, services)
        server = make_server("127.0.0.1", port, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            _fetch_lists(estate)
            yield estate
        finally:
            server.shutdown()
            thread.join()
    finally:
        composition.database.dispose()


def _fill(estate: Estate, clock: ManualClock, now: datetime) -> None:
    services = estate.services
    hierarchy = make_hierarchy(services, now=clock.now())
    bench = Workbench(services=services, roots=RootKeys(services.settings), actor="command", now=clock.now())
    constrained = make_issuing(
        bench,
        hierarchy.root,
        IssuingPlan(
            name=CONSTRAINED,
            subject=AuthorityName(common_name="SAU CA Emisora 9"),
            permitted=Names(dns=("pruebas.gob.ec",)),
        ),
    )
    other = make_root(bench, RootPlan(name=OTHER_ROOT, subject=AuthorityName(common_name="SAU CA Raíz 9")))
    cross = cross_certify(bench, other, hierarchy.root)
    clock.advance(now - timedelta(days=10) - clock.now())
    with patch("ca.lints.gate.outside_lint", return_value=lambda case: ()):  # it lints as if it were today
        _issue(estate, "expired", "tls-server-short", clock.now())
    clock.advance(now - clock.now())
    for profile in REQUESTABLE:
        _issue(estate, f"good-{profile}", profile, now)
    with patch("ca.lints.gate.outside_lint", return_value=lambda case: ()):  # the same as above, which was linted
        for profile in REQUESTABLE:
            revoked = _issue(estate, f"revoked-{profile}", profile, now)
            with services.database.transaction() as session:
                revoke_certificate(
                    session,
                    services=services,
                    serial=serial_text(revoked.certificate.serial_number),
                    reason="keyCompromise",
                    compromised_at=None,
                    actor="operator-7",
                    now=now,
                )
    for unit in (*UNITS, LOG_OF_CERTIFICATES):
        renew_unit_signer(services, unit, now=now, first=True)
    for job in periodic_jobs(services):  # whatever the service issues to itself, it does so here
        job.run()
    _add_own(estate)
    for name, host in (("inside", SERVER), ("outside", "www.otra-institucion.ec")):
        _sign_directly(estate, name, host, constrained, now)
    estate.add(
        Member(
            "crossed",
            estate.good("tls-server").certificate,
            [*estate.good("tls-server").above, cross],
            estate.good("tls-server").key,
        )
    )
    for record in (hierarchy.root, other):
        estate.roots[record.name] = record.certificate
        (estate.folder / f"{record.name}.pem").write_bytes(record.certificate.public_bytes(Encoding.PEM))
        signer = open_root_signer(services.settings, record.name)
        publish_list(services, authority_id=record.id, signer=signer, scheduled=True)
    publish_overdue_lists(services)


def _issue(estate: Estate, name: str, profile_name: str, now: datetime) -> Member:
    """Go the whole way: request, approval, signature."""
    services, profile = estate.services, packaged_profiles().get(profile_name)
    key = ec.generate_private_key(ec.SECP256R1())
    with_names = profile.names.dns != "refused"
    csr = make_csr(key) if with_names else make_csr(key, common_name=None, dns=())
    with services.database.transaction() as session:
        request = submit_request(
            session,
            services=services,
            profile=profile_name,
            csr=csr,
            institution_ruc=RUC if profile.needs_institution else None,
            requested_by="ana",
            inputs=inputs_of(profile),
            proved_names=[SERVER],
            now=now,
        )
    with services.database.transaction() as session:
        approve_request(
            session,
            services=services,
            request_id=request.id,
            approver="luis",
            tbs_sha256=request.tbs_sha256,
            now=now,
        )
    der = issue_approved(services, request.id, now=now).certificate_der
    return estate.add(Member(name, x509.load_der_x509_certificate(der), _above(services, profile.authority), key))


def inputs_of(profile: Profile) -> dict[str, str]:
    """Return what a request of this profile is filled in with: a new profile needs nothing here."""
    if profile.name in INPUTS:
        return INPUTS[profile.name]
    return {
        item.name: _SAMPLES.get(item.kind, "Prueba")
        for item in profile.inputs
        if item.required and not item.default and not item.from_register and item.from_csr is None
    }


def _above(services: CaServices, authority: str) -> list[x509.Certificate]:
    with services.database.reading() as session:
        records = authority_chain(session, load_authority(session, authority).id)
    return [record.certificate for record in records if not record.is_root]


def _add_own(estate: Estate) -> None:
    """Add the certificates that the service issues to itself: one a profile."""
    own = [name for name in PROFILES if name not in REQUESTABLE]
    with estate.services.database.reading() as session:
        names = {record.id: record.name for record in list_authorities(session)}
        rows = session.scalars(select(Certificate).where(Certificate.profile.in_(own))).all()
    for row in rows:
        assert row.certificate_der is not None
        certificate = x509.load_der_x509_certificate(row.certificate_der)
        estate.add(Member(f"good-{row.profile}", certificate, _above(estate.services, names[row.authority_id])))


def _sign_directly(estate: Estate, name: str, host: str, authority: AuthorityRecord, now: datetime) -> None:
    """Sign a server's certificate past all checks of ours: what a stolen key of this authority could be used for."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    signer = estate.services.keystore.open(authority.key_name)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(
            x509.Name(
                [x509.NameAttribute(NameOID.COUNTRY_NAME, "EC"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "X")]
            )
        )
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(signer.private_key, hashes.SHA256())
    )
    estate.add(Member(name, certificate, [issuer], key))


def _fetch_lists(estate: Estate) -> None:
    """Write every list that a certificate points at into one file, as a program gets them."""
    addresses = {
        name.value
        for member in estate.members.values()
        for certificate in (member.certificate, *member.above)
        for extension in certificate.extensions
        if isinstance(extension.value, x509.CRLDistributionPoints)
        for point in extension.value
        for name in point.full_name or ()
    }
    addresses.add(f"{estate.address}/pki/crl/issuing-1-full.crl")
    pem = []
    for address in sorted(addresses):
        with urllib.request.urlopen(address, timeout=60) as response:
            der = response.read()
        (estate.folder / address.rpartition("/")[2]).write_bytes(der)
        if "full" not in address:
            pem.append(x509.load_der_x509_crl(der).public_bytes(Encoding.PEM))
    (estate.folder / "lists.pem").write_bytes(b"".join(pem))
