"""The root and the issuing authority: what their certificates say, and that making them survives anything."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID
from sqlalchemy import func, select

from audit.model import AuditEvent
from ca.ceremony import making as ceremony
from ca.ceremony.hierarchy import Hierarchy, create_hierarchy
from ca.ceremony.root_store import open_root_signer, root_folder, root_passphrase_file
from ca.issuance.authority import load_authority
from ca.issuance.model import Authority, Certificate
from ca.services import CaServices
from kernel.errors import Fault, NotFound


def test_root_is_a_p384_authority_without_eku_for_twenty_years(hierarchy: Hierarchy) -> None:
    """RFC 5280 §4.2.1.9, §4.2.1.3; BR §7.1.2.1: BasicConstraints and KeyUsage critical, SKI, no EKU, self-signed."""
    root = hierarchy.root
    constraints = root.extensions.get_extension_for_class(x509.BasicConstraints)
    usage = root.extensions.get_extension_for_class(x509.KeyUsage)
    assert root.version is x509.Version.v3
    assert isinstance(root.public_key(), ec.EllipticCurvePublicKey)
    assert root.public_key().curve.name == "secp384r1"  # type: ignore[union-attr]
    assert constraints.critical and constraints.value.ca and constraints.value.path_length is None
    assert usage.critical and usage.value.key_cert_sign and usage.value.crl_sign and not usage.value.digital_signature
    with pytest.raises(x509.ExtensionNotFound):
        root.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    root.verify_directly_issued_by(root)
    assert timedelta(days=20 * 365) < root.not_valid_after_utc - root.not_valid_before_utc < timedelta(days=20 * 366)


def test_issuing_authority_signs_end_entities_only_and_ends_before_the_root(hierarchy: Hierarchy) -> None:
    """RFC 5280 §4.2.1.9: pathLenConstraint 0; BR §7.1.2.6; ten years; issuer bytes equal the root's subject bytes."""
    root, issuing = hierarchy.root, hierarchy.issuing
    constraints = issuing.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical and constraints.value.ca and constraints.value.path_length == 0
    assert issuing.issuer.public_bytes() == root.subject.public_bytes()
    assert issuing.not_valid_after_utc <= root.not_valid_after_utc
    issuing.verify_directly_issued_by(root)


def test_issuing_authority_points_at_its_issuer_by_key_list_and_address(hierarchy: Hierarchy) -> None:
    """RFC 5280 §4.2.1.1, §4.2.1.13, §4.2.2.1: AKI is the key identifier only; CDP over http; none is critical."""
    extensions = hierarchy.issuing.extensions
    key_id = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    root_id = hierarchy.root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert key_id.key_identifier == root_id
    assert key_id.authority_cert_issuer is None and key_id.authority_cert_serial_number is None
    points = extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert [name.value for point in points for name in point.full_name or ()] == [
        "http://localhost:8000/pki/crl/root-0.crl"
    ]
    access = extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert [(item.access_method, item.access_location.value) for item in access] == [
        (AuthorityInformationAccessOID.CA_ISSUERS, "http://localhost:8000/pki/ca/root.cer")
    ]
    policies = extensions.get_extension_for_class(x509.CertificatePolicies).value
    assert [list(policy.policy_qualifiers or ()) for policy in policies] == [["http://localhost:8000/pki/cps"]]
    critical = {extension.oid for extension in extensions if extension.critical}
    assert critical == {x509.BasicConstraints.oid, x509.KeyUsage.oid}


def test_running_again_changes_nothing(services: CaServices, hierarchy: Hierarchy, now: datetime) -> None:
    """`sau init` is idempotent: same certificates, no new row, no new event."""
    before = _counts(services)
    again = create_hierarchy(services, now=now + timedelta(days=1))
    assert again == Hierarchy(root=hierarchy.root, issuing=hierarchy.issuing, created=())
    assert _counts(services) == before


def test_each_authority_is_a_row_with_its_events(services: CaServices, hierarchy: Hierarchy) -> None:
    """No certificate without its event: two authorities, each created, issued and signed on record."""
    with services.database.reading() as session:
        types = sorted(session.scalars(select(AuditEvent.type).where(AuditEvent.type.startswith("ca:"))))
        rows = session.scalars(select(Certificate)).all()
        assert types == sorted(
            ["ca:root_key:opened", *["ca:authority:created", "ca:certificate:issued", "ca:certificate:signed"] * 2]
        )
        assert {row.certificate_der for row in rows} == {
            hierarchy.root.public_bytes(Encoding.DER),
            hierarchy.issuing.public_bytes(Encoding.DER),
        }


@pytest.mark.parametrize("step", ["sign_to_be_signed", "store_signed"])
def test_a_crash_half_way_is_finished_by_the_next_run(
    services: CaServices, now: datetime, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Whatever was signed before the crash is signed again from the same bytes: one serial, one issuing authority."""
    original, calls = getattr(ceremony, step), []

    def dies_at_the_second_call(*arguments: object, **keywords: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*arguments, **keywords)

    monkeypatch.setattr(ceremony, step, dies_at_the_second_call)
    with pytest.raises(KeyboardInterrupt):
        create_hierarchy(services, now=now)
    with services.database.reading() as session:
        pending = session.scalars(select(Certificate).where(Certificate.certificate_der.is_(None))).one()
        reviewed = pending.tbs_der
    monkeypatch.undo()

    made = create_hierarchy(services, now=now + timedelta(minutes=5))

    assert made.created == ("issuing-1",)
    assert made.issuing.tbs_certificate_bytes == reviewed
    assert _counts(services)[:2] == (2, 2)


def test_root_key_has_a_store_and_passphrase_of_its_own(services: CaServices, hierarchy: Hierarchy) -> None:
    """The online key store has no root key, and its passphrase opens none."""
    assert "root" not in services.keystore.names()
    assert root_folder(services.settings) != services.settings.keystore_folder
    assert root_passphrase_file(services.settings).read_text() != services.settings.passphrase_file.read_text()
    assert open_root_signer(services.settings).public_key == hierarchy.root.public_key()
    for path in (root_folder(services.settings), *root_folder(services.settings).iterdir()):
        assert path.stat().st_mode & 0o077 == 0


def test_root_key_taken_away_is_said_so(services: CaServices, hierarchy: Hierarchy, tmp_path: Path) -> None:
    """Between ceremonies the root's folder may be off the machine; `sau init` runs, signing says what is missing."""
    root_folder(services.settings).rename(tmp_path / "safe")
    assert create_hierarchy(services, now=services.clock.now()).created == ()
    with pytest.raises(NotFound) as caught:
        open_root_signer(services.settings)
    assert caught.value.code == "root_key_away"


def test_a_foreign_key_under_the_issuing_name_is_noticed(services: CaServices, hierarchy: Hierarchy) -> None:
    """A key that is not its certificate's must not start to sign."""
    with services.database.reading() as session:
        name = load_authority(session, "issuing-1").key_name
    algorithm = services.keystore.open(name).algorithm
    services.keystore.destroy(name)
    services.keystore.create(name, algorithm)
    with pytest.raises(Fault) as caught:
        create_hierarchy(services, now=services.clock.now())
    assert caught.value.code == "authority_key_mismatch"


def test_no_web_module_loads_the_ceremony() -> None:
    """The root's key is reachable from the command line only: what serves HTTP does not import its room."""
    loaded = "any(name.startswith('ca.ceremony') for name in sys.modules)"
    program = f"import sys, composition, ca.web, idp.web, admin; sys.exit({loaded})"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def _counts(services: CaServices) -> tuple[int, ...]:
    with services.database.reading() as session:
        return tuple(
            session.scalar(select(func.count()).select_from(model)) or 0
            for model in (Authority, Certificate, AuditEvent)
        )
