"""``sau ca ceremony``: rehearsed first, held with minutes and verification (certificate authority 21)."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import mldsa, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import func, select

from audit.model import AuditEvent
from ca.ceremony import making, rehearsal
from ca.ceremony.hierarchy import create_hierarchy
from ca.ceremony.root_store import RootKeys, root_folder, root_passphrase_file
from ca.command_line.share_options import read_shares
from ca.est.label import read_label
from ca.issuance.authority import issuing_authority, list_authorities
from ca.issuance.model import Authority, CeremonyRecord, Certificate
from ca.requests.prepare import preview_request
from ca.services import CaServices
from kernel.clock import ManualClock
from kernel.errors import NotFound, Rejected
from kernel.identifiers import sha256_hex
from tests.ca.ceremony.files import FIRST, LATER, SHARES
from tests.ca.ceremony.stage import Stage
from tests.ca.csr import make_csr
from tests.ca.ground import RUC
from tests.ca.issued import issue
from tests.servers.process import find_program


@pytest.fixture
def clock() -> ManualClock:
    """The machine's own time, for programs that know no other."""
    return ManualClock(datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
def stage(services: CaServices, tmp_path: Path) -> Stage:
    """The room of the ceremony."""
    return Stage(services, tmp_path)


def _authorities(services: CaServices) -> dict[str, x509.Certificate]:
    with services.database.reading() as session:
        return {record.name: record.certificate for record in list_authorities(session)}


def test_rehearsed_then_held_and_everything_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificate authority 21: refused before its rehearsal, and after it if one octet of the file has changed."""
    services, file = stage.services, stage.file(FIRST)
    minutes = stage.folder / "minutes"
    assert stage.refused("ceremony", file, "--yes").code == "not_rehearsed"
    left: list[Path] = []
    throw_away = rehearsal.TemporaryDirectory

    def watched(**keywords: str) -> object:
        made = throw_away(**keywords)
        left.append(Path(made.name))
        return made

    monkeypatch.setattr(rehearsal, "TemporaryDirectory", watched)
    said = stage.run("ceremony", file, "--rehearse", "--minutes", str(minutes))
    assert said.exit_code == 0, said.output
    assert "ENSAYO" in said.output.splitlines()[0]
    # It leaves nothing: no authority, no certificate, no key, no folder.
    assert len(left) == 1 and not left[0].exists()
    assert _authorities(services) == {} and not root_folder(services.settings).exists()
    assert services.keystore.names() == []
    with services.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Certificate)) == 0
    (rehearsed,) = minutes.glob("rehearsal-*.html")
    assert "No vale como acta" in rehearsed.read_text("utf-8")

    changed = stage.file(FIRST + "# one more line\n", "changed.yaml")
    assert stage.refused("ceremony", changed, "--yes").code == "not_rehearsed"

    held = stage.json("ceremony", file, "--yes", "--minutes", str(minutes))
    page = Path(held["minutes"][0]).read_bytes()
    assert held["minutes_sha256"] == sha256_hex(page) and held["file_sha256"] == sha256_hex(FIRST.encode())
    text = page.decode()
    assert "ENSAYO" not in text and "Rosa Chimbo" in text and "Auditora" in text
    for certificate in _authorities(services).values():
        fingerprint = sha256_hex(certificate.public_bytes(Encoding.DER)).upper()
        assert re.sub(r"(.{4})(?=.)", r"\1 ", fingerprint) in text
    with services.database.reading() as session:
        records = session.scalars(select(CeremonyRecord).order_by(CeremonyRecord.rehearsal)).all()
        types = session.scalars(select(AuditEvent.type).where(AuditEvent.type.startswith("ca:ceremony"))).all()
    assert [(record.rehearsal, record.minutes_sha256 == held["minutes_sha256"]) for record in records] == [
        (False, True),
        (True, False),
    ]
    assert sorted(types) == ["ca:ceremony:held", "ca:ceremony:rehearsed"]


def test_constraints_policies_and_lengths_stand_as_the_file_says(stage: Stage) -> None:
    """Certificate authority 4, 15: RFC 5280 §4.2.1.10 critical subtrees, §4.2.1.4 policies with the file's CPS."""
    stage.hold(FIRST)
    made = _authorities(stage.services)
    assert set(made) == {"root", "issuing-tls", "issuing-people"}
    root, tls, people = made["root"], made["issuing-tls"], made["issuing-people"]
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 2
    assert tls.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    constraints = tls.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical and constraints.value.excluded_subtrees is None
    assert [str(name.value) for name in constraints.value.permitted_subtrees or ()] == ["gob.ec", "10.0.0.0/8"]
    excluded = people.extensions.get_extension_for_class(x509.NameConstraints).value.excluded_subtrees
    assert [name.value for name in excluded or ()] == ["example"]
    policies = tls.extensions.get_extension_for_class(x509.CertificatePolicies).value
    assert [policy.policy_identifier.dotted_string for policy in policies] == [
        "2.23.140.1.2.2",
        "1.3.6.1.4.1.32473.1.2.7",
    ]
    assert {qualifier for policy in policies for qualifier in policy.policy_qualifiers or ()} == {
        "https://ca.example/cps"
    }


def test_each_authority_issues_its_profiles_and_openssl_agrees(stage: Stage, tmp_path: Path) -> None:
    """Several authorities side by side: a profile's certificates come from its own, and verify up to the root."""
    stage.hold(FIRST)
    services, now = stage.services, stage.services.clock.now()
    made = _authorities(services)
    server, seal = issue(services, "tls-server", now), issue(services, "institution-seal", now)
    assert server.issuer == made["issuing-tls"].subject
    assert seal.issuer == made["issuing-people"].subject
    openssl = find_program("openssl", package="openssl")
    for name, leaf, above in (("server", server, "issuing-tls"), ("seal", seal, "issuing-people")):
        for part, certificate in (("leaf", leaf), ("above", made[above]), ("root", made["root"])):
            (tmp_path / f"{part}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        command = [openssl, "verify", "-x509_strict", "-CAfile", "root.pem", "-untrusted", "above.pem", "leaf.pem"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (name, done.stderr)


def test_a_name_outside_of_the_authority_s_constraints_is_not_signed(stage: Stage) -> None:
    """Certificate authority 15: RFC 5280 §4.2.1.10, found by the lint before anyone approves."""
    narrow = FIRST.replace("dns: [gob.ec]", "dns: [salud.gob.ec]")
    stage.hold(narrow)
    with stage.services.database.reading() as session:
        preview = preview_request(
            session,
            services=stage.services,
            profile="tls-server",
            csr=make_csr(),
            institution_ruc=RUC,
            now=stage.services.clock.now(),
        )
    assert "name_outside_constraints" in {finding.code for finding in preview.findings}
    with pytest.raises(Rejected) as caught:
        issue(stage.services, "tls-server", stage.services.clock.now())
    assert caught.value.code == "lint_blocked"


def test_a_profile_moves_to_another_authority_and_back(stage: Stage) -> None:
    """What was issued stays; what is requested from now on is the other's; each move is on record once."""
    stage.hold(FIRST)
    services = stage.services
    profile = services.profiles.get("tls-server")
    for name in ("issuing-people", "issuing-people", "issuing-tls"):
        assert stage.json("profile", "move", "tls-server", "--to", name)["authority"] == name
        with services.database.reading() as session:
            assert issuing_authority(session, profile).name == name
            assert read_label(session, services, "tls-server").authority == issuing_authority(session, profile)
    assert stage.refused("profile", "move", "tls-server", "--to", "root").code == "authority_is_root"
    assert stage.refused("profile", "move", "tls-server", "--to", "nowhere").code == "unknown_authority"
    with services.database.reading() as session:
        query = select(AuditEvent.object_id).where(AuditEvent.type == "ca:profile:moved")
        moves = session.scalars(query).all()
    assert moves.count("tls-server") == 3  # the ceremony's, there, and back


def test_another_authority_is_added_by_another_file(stage: Stage) -> None:
    """A later ceremony opens the root again; it makes no second root, and repeating it makes nothing."""
    stage.hold(FIRST)
    before = _authorities(stage.services)
    assert stage.run("ceremony", stage.file(LATER), "--rehearse", "--minutes", str(stage.folder)).exit_code == 0
    assert _authorities(stage.services) == before
    stage.hold(LATER)
    after = _authorities(stage.services)
    assert set(after) - set(before) == {"issuing-seals"}
    after["issuing-seals"].verify_directly_issued_by(before["root"])
    assert (
        issue(stage.services, "institution-seal", stage.services.clock.now()).issuer == after["issuing-seals"].subject
    )
    (stage.folder / "again").mkdir()
    stage.json("ceremony", stage.file(LATER), "--without-rehearsal", "--yes", "--minutes", str(stage.folder / "again"))
    assert _authorities(stage.services) == after


def test_the_root_s_passphrase_is_in_shares_and_nowhere_else(stage: Stage) -> None:
    """Certificate authority 21: no passphrase file; two of three open the root for its list, one does not."""
    held = stage.hold(SHARES, "--shares-to", str(stage.folder / "envelopes"))
    settings = stage.services.settings
    assert not root_passphrase_file(settings).exists()
    first, second, _ = held["shares"]
    assert stage.refused("publish", "--root").code == "root_key_away"
    assert stage.refused("publish", "--root", "--share", first).code == "shares_missing"
    published = stage.json("publish", "--root", "--share", first, "--share", second)
    assert [(item["authority"], item["number"]) for item in published] == [("root", 2)]
    words = [" ".join(re.findall(r"\d+\. ([a-z]+)", Path(page).read_text("utf-8"))) for page in held["shares"]]
    typed = stage.run("publish", "--root", "--ask-shares", typed=f"{words[2]}\n{words[0]}\n\n")
    assert typed.exit_code == 0 and words[0] not in typed.output
    minutes = Path(held["minutes"][0]).read_text("utf-8")
    with stage.services.database.reading() as session:
        events = [str(leaf) for leaf in session.scalars(select(AuditEvent.leaf))]
    for share in words:
        pair = " ".join(share.split()[4:6])
        assert pair not in minutes and not any(pair in event for event in events)


def test_shares_of_another_root_are_told_so(stage: Stage, services: CaServices, tmp_path: Path) -> None:
    """Two sets look alike; the wrong one opens nothing and says so."""
    held = stage.hold(SHARES)
    strangers = Stage(services, tmp_path / "strangers")
    strangers.folder.mkdir()
    other = strangers.hold(
        SHARES.replace("name: root\n", "name: root-2\n")
        .replace("issuing-", "other-")
        .replace("Raíz de", "Raíz 2 de")
        .replace("Emisora", "Otra")
    )
    pages = [argument for page in other["shares"][:2] for argument in ("--share", page)]
    assert stage.refused("publish", "--root", "--only", "root", *pages).code == "shares_wrong"
    assert len(held["shares"]) == 3


def test_broken_off_it_goes_on_with_the_shares(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash after the key was made: the pages are there, two of them open it, and there is one root in the end."""

    def dies(*arguments: object, **keywords: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(making, "sign_to_be_signed", dies)
    file = stage.file(SHARES)
    options = ("--without-rehearsal", "--yes", "--minutes", str(stage.folder))
    stage.run("ceremony", file, *options)
    monkeypatch.undo()
    key = root_folder(stage.services.settings) / "root.key"
    before = key.read_bytes()
    assert stage.refused("ceremony", file, *options).code == "root_key_away"
    pages = sorted((stage.services.settings.home / "shares").glob("*.txt"))[:2]
    stage.json("ceremony", file, *options, *(part for page in pages for part in ("--share", str(page))))
    assert key.read_bytes() == before and len(_authorities(stage.services)) == 3


@pytest.mark.parametrize("kind", ["RSA-4096", "ML-DSA-65"])
def test_roots_of_other_keys(stage: Stage, kind: str) -> None:
    """RSA-4096 signs with SHA-384; ML-DSA-65 (FIPS 204, RFC 9881) is verified by what knows it."""
    text = FIRST.replace("key: P-384\n  path", f"key: {kind}\n  path")
    lines = text.splitlines(keepends=True)
    stage.hold("".join(lines[: next(i for i, line in enumerate(lines) if "issuing-people" in line)]))
    made = _authorities(stage.services)
    key = made["root"].public_key()
    assert isinstance(key, rsa.RSAPublicKey | mldsa.MLDSA65PublicKey)
    if isinstance(key, rsa.RSAPublicKey):
        assert key.key_size == 4096 and made["issuing-tls"].signature_hash_algorithm.name == "sha384"  # type: ignore[union-attr]
    made["root"].verify_directly_issued_by(made["root"])
    made["issuing-tls"].verify_directly_issued_by(made["root"])
    assert issue(stage.services, "tls-server", stage.services.clock.now()).issuer == made["issuing-tls"].subject


def test_no_authority_s_key_is_in_clear_anywhere(stage: Stage) -> None:
    """Certificate authority 13: neither in a file of the home nor in the database, as DER, PEM or bare number."""
    stage.hold(SHARES)
    services = stage.services
    pages = [(services.settings.home / "shares" / f"root-share-{number}.txt") for number in (1, 2)]
    root = RootKeys(services.settings, read_shares(pages, ask=False)).signer("root")
    signers = [root, *(services.keystore.open(name) for name in ("issuing-tls", "issuing-people"))]
    numbers = [
        signer.private_key.private_numbers().private_value.to_bytes(size, "big")  # type: ignore[union-attr]
        for signer, size in zip(signers, (48, 32, 48), strict=True)
    ]
    places = [path.read_bytes() for path in services.settings.home.rglob("*") if path.is_file()]
    places += [path.read_bytes() for path in stage.folder.glob("*.html")]
    with services.database.reading() as session:
        for table in Authority.metadata.sorted_tables:
            places += [repr(tuple(row)).encode() for row in session.execute(table.select())]
            places += [value for row in session.execute(table.select()) for value in row if isinstance(value, bytes)]
    for content in places:
        assert b"BEGIN PRIVATE KEY" not in content and b"BEGIN EC PRIVATE KEY" not in content
        assert not any(number in content or number.hex().encode() in content.lower() for number in numbers)


def test_a_ceremony_s_hierarchy_is_not_added_to_by_init(stage: Stage) -> None:
    """`sau init` after a ceremony makes no root and no `issuing-1` of its own."""
    stage.hold(FIRST)
    before = _authorities(stage.services)
    assert create_hierarchy(stage.services, now=stage.services.clock.now()).created == ()
    assert _authorities(stage.services) == before


def test_dry_run_reads_only_and_asking_stops(stage: Stage) -> None:
    """`--dry-run` touches nothing; a witness who is not there ends it."""
    shown = stage.json("ceremony", stage.file(FIRST), "--dry-run")
    assert shown["file_sha256"] == sha256_hex(FIRST.encode())
    stopped = stage.run("ceremony", stage.file(FIRST), "--without-rehearsal", typed="y\nn\n")
    assert stopped.exit_code == 1 and "Elena Quishpe" in stopped.output
    assert _authorities(stage.services) == {} and not root_folder(stage.services.settings).exists()


def test_errors_of_later_ceremonies_are_clear(stage: Stage) -> None:
    """Under a root that does not stand; a root whose key is away; shares given where none are."""
    assert stage.refused("ceremony", stage.file(LATER), "--rehearse").code == "unknown_authority"
    stage.hold(FIRST)
    folder = root_folder(stage.services.settings)
    folder.rename(folder.with_name("safe"))
    later = stage.refused("ceremony", stage.file(LATER), "--without-rehearsal", "--yes", "--minutes", str(stage.folder))
    assert isinstance(later, NotFound) and later.code == "root_key_away"


def test_minutes_print_as_pdf_too(stage: Stage) -> None:
    """The same page, where the extra is installed; the digest on record is that of the page."""
    try:
        import_module("weasyprint")
    except (ImportError, OSError):
        pytest.skip("WeasyPrint needs Pango, which is not installed (Debian package libpango-1.0-0)")
    held = stage.hold(FIRST, "--pdf")
    page, printed = (Path(path).read_bytes() for path in held["minutes"])
    assert printed.startswith(b"%PDF-") and sha256_hex(page) == held["minutes_sha256"]


def test_what_cannot_be_made_is_said_before_the_rehearsal(stage: Stage) -> None:
    """Certificate authority 4: path lengths hold; and two authorities never have one subject (RFC 5280 §4.1.2.4)."""
    stage.hold(FIRST.replace("path_length: 2", "path_length: 1"))

    def refused(text: str) -> str:
        return stage.refused("ceremony", stage.file(text), "--rehearse", "--minutes", str(stage.folder)).code

    assert refused(LATER.replace("    profiles:", "    path_length: 1\n    profiles:")) == "path_too_short"
    assert refused(LATER.replace("Emisora Sellos", "Emisora TLS")) == "authority_name_taken"
    assert refused(LATER.replace("under: root", "under: root-7")) == "unknown_authority"
    listed = {item["name"]: item["issues"] for item in stage.json("list")}
    assert "tls-server" in listed["issuing-tls"] and "tls-server" not in listed["issuing-people"]
