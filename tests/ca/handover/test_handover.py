"""A key made here for a person: seen by nobody else, handed over once, destroyed (Certificate authority, line 13)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key, pkcs12
from flask.testing import FlaskClient
from sqlalchemy import select, text

from audit.model import AuditEvent
from ca.ceremony.hierarchy import Hierarchy
from ca.command_line import requests as request_commands
from ca.commands import commands
from ca.handover.collect import MAX_TRIES, Proof, collect_file, open_handover
from ca.handover.jobs import TIME_TO_COME, upkeep_handovers
from ca.handover.model import KeyHandover
from ca.handover.prepare import MadeKey, PreparedHandover, make_key, prepare_handover
from ca.issuance.issue import issue_approved
from ca.profiles.profile import KeyType
from ca.profiles.registry import packaged_profiles
from ca.requests.decide import approve_request, refuse_request
from ca.services import CaServices
from ca.transparency.promise import sequence_waiting
from composition import Composition
from idp.accounts.person import Person, add_person
from idp.authentication.browser_session import start_browser_session
from idp.notices.mail import list_stored_mails
from kernel.clock import ManualClock
from kernel.database import Base
from kernel.errors import AlreadyConsumed, NotFound, Rejected, ServiceError
from tests.ca.ground import RUC
from tests.ca.issued import INPUTS

SERVANT, PERSON = "public-servant-signature", "person-authentication"
CEDULA = "1710034065"
MAIL = "holder@example.ec"


@pytest.fixture(scope="module")
def made_key() -> MadeKey:
    """One key for the tests in which it does not matter."""
    return make_key(KeyType.P256)


def prepare(services: CaServices, key: MadeKey, *, profile: str = SERVANT) -> PreparedHandover:
    """Ask for a servant's certificate, or for one of a person with an account."""
    servant = profile == SERVANT
    with services.database.transaction() as session:
        return prepare_handover(
            session,
            services=services,
            profile=profile,
            key=key,
            inputs=INPUTS[SERVANT] if servant else {"cedula": CEDULA},
            institution_ruc=RUC if servant else None,
            email=MAIL if servant else None,
            requested_by="ana",
            now=services.clock.now(),
        )


def issue(services: CaServices, prepared: PreparedHandover) -> None:
    """Let another person approve, and the worker send the link."""
    now = services.clock.now()
    with services.database.transaction() as session:
        approve_request(
            session,
            services=services,
            request_id=prepared.request.id,
            approver="luis",
            tbs_sha256=prepared.request.tbs_sha256,
            now=now,
        )
    issue_approved(services, prepared.request.id, now=now)
    sequence_waiting(services.certificate_log, now=now)
    upkeep_handovers(services)


def link_in_mail(composition: Composition) -> str:
    """The secret of the link in the newest mail."""
    with composition.database.reading() as session:
        mail = list_stored_mails(session, services=composition.idp)[0]
    found = re.search(r"/pki/handover/([\w-]{43})\s", mail.body)
    assert found is not None
    return found.group(1)


def offered(composition: Composition, services: CaServices, key: MadeKey) -> tuple[str, str]:
    """A servant's hand-over with its link and its code."""
    prepared = prepare(services, key)
    issue(services, prepared)
    assert prepared.code is not None
    return link_in_mail(composition), prepared.code.reveal()


def status(services: CaServices) -> str:
    """How the one hand-over stands."""
    with services.database.reading() as session:
        return session.scalars(select(KeyHandover.status)).one()


def kinds(services: CaServices) -> Counter[str]:
    """How often each event of hand-overs happened."""
    with services.database.reading() as session:
        return Counter(session.scalars(select(AuditEvent.type).where(AuditEvent.type.like("ca:handover:%"))))


def test_the_whole_way_at_the_page(
    composition: Composition, services: CaServices, browser_of_holder: FlaskClient, made_key: MadeKey, tmp_path: Path
) -> None:
    """Cédula and code, password once, file once; OpenSSL opens the file; nothing of it stays."""
    link, code = offered(composition, services, made_key)
    path = f"/pki/handover/{link}"
    first = browser_of_holder.get(path)
    assert first.status_code == 200
    assert first.headers["Cache-Control"] == "no-store"
    assert "María" not in first.text, "who finds the link learns nobody's name"
    wrong = browser_of_holder.post(path, data={"cedula": CEDULA, "code": "00000000"})
    assert wrong.status_code == 422
    shown = browser_of_holder.post(path, data={"cedula": CEDULA, "code": f"{code[:4]} {code[4:]}"})
    assert shown.status_code == 200
    assert shown.headers["Cache-Control"] == "no-store"
    password = re.search(r'id="password">([^<]+)<', shown.text)
    download = re.search(r'name="download" value="([^"]+)"', shown.text)
    assert password is not None
    assert download is not None
    again = browser_of_holder.post(path, data={"cedula": CEDULA, "code": code})
    assert again.status_code == 409
    assert password.group(1) not in again.text
    assert browser_of_holder.post(path, data={"step": "download", "download": "x" * 43}).status_code == 404
    file = browser_of_holder.post(path, data={"step": "download", "download": download.group(1)})
    assert file.status_code == 200
    assert file.mimetype == "application/x-pkcs12"
    once_more = browser_of_holder.post(path, data={"step": "download", "download": download.group(1)})
    assert once_more.status_code == 409

    (tmp_path / "f.p12").write_bytes(file.data)
    command = ["openssl", "pkcs12", "-in", str(tmp_path / "f.p12"), "-passin", f"pass:{password.group(1)}", "-info"]
    opened = subprocess.run([*command, "-nodes"], capture_output=True, encoding="latin-1", check=True)
    assert opened.stdout.count("BEGIN PRIVATE KEY") == 1
    assert opened.stdout.count("BEGIN CERTIFICATE") == 3
    assert "PBES2, PBKDF2, AES-256-CBC" in opened.stderr
    assert "IDCEC-1710034065" in opened.stdout
    with services.database.reading() as session:
        row = session.scalars(select(KeyHandover)).one()
        assert (row.status, row.sealed_key, row.sealed_file, row.email, row.code_sha256) == (
            "collected", None, None, None, None,
        )  # fmt: skip
    assert kinds(services) == {
        "ca:handover:prepared": 1,
        "ca:handover:offered": 1,
        "ca:handover:refused": 3,
        "ca:handover:opened": 1,
        "ca:handover:collected": 1,
    }


def test_password_link_and_code_are_stored_nowhere(
    composition: Composition,
    services: CaServices,
    hierarchy: Hierarchy,
    made_key: MadeKey,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither in a row, nor in an event, nor in a log; the key stands nowhere unsealed."""
    link, code = offered(composition, services, made_key)
    opened = open_handover(
        services, link=link, proof=Proof(cedula=CEDULA, code=code), old_format=False, now=services.clock.now()
    )
    secrets = [opened.password.reveal(), opened.download.reveal(), link, code]
    dump = []
    with services.database.reading() as session:
        for table in composition_tables():
            for row in session.execute(text(f'SELECT * FROM "{table}"')):
                dump += [bytes(value) if isinstance(value, memoryview) else value for value in row]
    held = b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in dump)
    for secret in secrets:
        assert secret.encode() not in held
        assert secret not in caplog.text
        assert secret not in repr(opened)
    assert made_key.key_der not in held
    key = load_der_private_key(made_key.key_der, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.private_numbers().private_value.to_bytes(32, "big") not in held


def composition_tables() -> list[str]:
    """The names of all tables."""
    return sorted(Base.metadata.tables)


def test_old_readers_get_a_file_that_they_know(
    composition: Composition, services: CaServices, hierarchy: Hierarchy, made_key: MadeKey, tmp_path: Path
) -> None:
    """3DES and SHA-1 for who asks for it; NSS (Firefox) reads both forms."""
    link, code = offered(composition, services, made_key)
    proof, now = Proof(cedula=CEDULA, code=code), services.clock.now()
    opened = open_handover(services, link=link, proof=proof, old_format=True, now=now)
    with services.database.transaction() as session:
        file = collect_file(session, services=services, link=link, download=opened.download.reveal(), now=now)
    key, certificate, above = pkcs12.load_key_and_certificates(file, opened.password.reveal().encode())
    assert key is not None
    assert certificate is not None
    assert key.public_key() == certificate.public_key()
    assert len(above) == 2
    if shutil.which("pk12util") is None:
        pytest.skip("needs pk12util (Debian package libnss3-tools)")
    (tmp_path / "f.p12").write_bytes(file)
    subprocess.run(["certutil", "-N", "-d", str(tmp_path), "--empty-password"], check=True)
    done = subprocess.run(
        ["pk12util", "-i", str(tmp_path / "f.p12"), "-d", str(tmp_path), "-W", opened.password.reveal()],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_of_two_at_once_one_sees_the_password(
    composition: Composition, services: CaServices, hierarchy: Hierarchy, made_key: MadeKey
) -> None:
    link, code = offered(composition, services, made_key)
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def go() -> None:
        start.wait()
        try:
            open_handover(
                services, link=link, proof=Proof(cedula=CEDULA, code=code), old_format=False, now=services.clock.now()
            )
            outcomes.append("password")
        except AlreadyConsumed as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(outcomes) == {"password": 1, "handover_opened": 3}


def test_wrong_codes_destroy_the_key(
    composition: Composition, services: CaServices, hierarchy: Hierarchy, made_key: MadeKey
) -> None:
    """Eight digits and five tries: who has the mail alone does not get in."""
    link, code = offered(composition, services, made_key)
    for _ in range(MAX_TRIES):
        with pytest.raises(Rejected, match="wrong_code"):
            open_handover(
                services, link=link, proof=Proof(cedula=CEDULA, code="1"), old_format=False, now=services.clock.now()
            )
    assert status(services) == "ended"
    with pytest.raises(NotFound):
        open_handover(
            services, link=link, proof=Proof(cedula=CEDULA, code=code), old_format=False, now=services.clock.now()
        )
    with services.database.reading() as session:
        assert session.scalars(select(KeyHandover.sealed_key)).all() == [None]


def test_the_right_code_needs_the_right_cedula(
    composition: Composition, services: CaServices, hierarchy: Hierarchy, made_key: MadeKey
) -> None:
    link, code = offered(composition, services, made_key)
    with pytest.raises(Rejected, match="wrong_code"):
        open_handover(
            services, link=link, proof=Proof(cedula="1710034073", code=code), old_format=False,
            now=services.clock.now(),
        )  # fmt: skip


@pytest.mark.parametrize("when", ["offered", "opened"])
def test_what_nobody_collects_is_destroyed(
    composition: Composition,
    services: CaServices,
    hierarchy: Hierarchy,
    made_key: MadeKey,
    clock: ManualClock,
    when: str,
) -> None:
    link, code = offered(composition, services, made_key)
    proof = Proof(cedula=CEDULA, code=code)
    if when == "opened":
        open_handover(services, link=link, proof=proof, old_format=False, now=clock.now())
        clock.advance(timedelta(minutes=31))
    else:
        clock.advance(TIME_TO_COME)
    with pytest.raises(NotFound, match="unknown_handover"):
        open_handover(services, link=link, proof=proof, old_format=False, now=clock.now())
    upkeep_handovers(services)
    with services.database.reading() as session:
        row = session.scalars(select(KeyHandover)).one()
        assert (row.status, row.end_reason, row.sealed_key, row.sealed_file) == ("ended", "expired", None, None)


def test_a_refused_request_destroys_its_key(services: CaServices, hierarchy: Hierarchy, made_key: MadeKey) -> None:
    prepared = prepare(services, made_key)
    with services.database.transaction() as session:
        refuse_request(
            session,
            services=services,
            request_id=prepared.request.id,
            actor="luis",
            reason="No es su cargo",
            now=services.clock.now(),
        )
    upkeep_handovers(services)
    assert status(services) == "ended"


def test_no_link_before_the_certificate_is_in_the_public_log(
    services: CaServices, hierarchy: Hierarchy, made_key: MadeKey
) -> None:
    """Certificate authority, line 26."""
    prepare(services, made_key)
    upkeep_handovers(services)
    assert status(services) == "prepared"


@pytest.fixture
def person(composition: Composition, now) -> Person:  # type: ignore[no-untyped-def]
    """A person with a verified account."""
    with composition.database.transaction() as session:
        return add_person(
            session,
            journal=composition.journal,
            cedula=CEDULA,
            given_names="María José",
            surnames="Ñaupari Güiza",
            email="mj@example.ec",
            level=2,
            now=now,
        )


def log_in(composition: Composition, client: FlaskClient, person_id: str) -> None:
    """Give the browser a session of the person."""
    with composition.database.transaction() as session:
        _, secret = start_browser_session(
            session, journal=composition.journal, person_id=person_id, amr=("pwd", "otp"), now=composition.clock.now()
        )
    client.set_cookie(composition.ca.signed_in.cookie, secret)


def test_a_holder_with_an_account_logs_in(
    composition: Composition, services: CaServices, browser_of_holder: FlaskClient, made_key: MadeKey, person: Person
) -> None:
    """Then no code exists that an operator could see; another person's session opens nothing."""
    prepared = prepare(services, made_key, profile=PERSON)
    assert prepared.code is None
    issue(services, prepared)
    path = f"/pki/handover/{link_in_mail(composition)}"
    assert 'href="/login"' in browser_of_holder.get(path).text
    assert browser_of_holder.post(path).status_code == 403
    log_in(composition, browser_of_holder, "0" * 26)
    other = browser_of_holder.post(path)
    assert other.status_code == 403
    assert status(services) == "offered"
    log_in(composition, browser_of_holder, person.id)
    assert 'id="password"' in browser_of_holder.post(path).text
    assert status(services) == "opened"


@pytest.mark.parametrize("profile", packaged_profiles().list(), ids=lambda profile: profile.name)
def test_no_profile_of_servers_lets_keys_be_made_here(profile) -> None:  # type: ignore[no-untyped-def]
    """BR §6.1.1.3: a server's key never leaves the server."""
    assert not profile.keys_made_here or (profile.is_personal and "serverAuth" not in profile.extended_key_usage)


def test_refuses_to_make_keys_where_the_profile_does_not_say_so(
    services: CaServices, hierarchy: Hierarchy, made_key: MadeKey
) -> None:
    with (
        services.database.transaction() as session,
        pytest.raises(Rejected, match="keys_not_made_here"),
    ):
        prepare_handover(
            session,
            services=services,
            profile="tls-server",
            key=made_key,
            inputs={},
            institution_ruc=RUC,
            email=MAIL,
            requested_by="ana",
            now=services.clock.now(),
        )


def test_makes_rsa_keys_of_3072_bits() -> None:
    made = make_key(KeyType.RSA)
    key = load_der_private_key(made.key_der, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == 3072
    assert "key" in repr(made).lower()
    assert made.key_der.hex() not in repr(made)
    with pytest.raises(Rejected, match="key_type_refused"):
        make_key(KeyType.ED25519)


def test_commands(services: CaServices, hierarchy: Hierarchy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator prepares, sees the code once, follows, and destroys; nothing shows key, link or password."""
    monkeypatch.setattr(request_commands, "login_name", lambda: "ana")
    group = commands(lambda: services)[0]

    def run(*arguments: str) -> dict[str, str]:
        result = CliRunner().invoke(group, ["handover", *arguments, "--json"])
        assert result.exit_code == 0, (result.output, result.exception)
        found: dict[str, str] = json.loads(result.stdout)
        return found

    fields = [item for name, value in INPUTS[SERVANT].items() for item in ("--field", f"{name}={value}")]
    made = run(
        "prepare", "--profile", SERVANT, "--institution", RUC, "--email", MAIL, "--key", "P-256", *fields
    )  # fmt: skip
    assert re.fullmatch(r"\d{8}", made["code"])
    shown = run("show", made["handover"])
    assert shown["status"] == "prepared"
    assert made["code"] not in str(shown)
    assert run("cancel", made["handover"])["end_reason"] == "cancelled"
    again = CliRunner().invoke(group, ["handover", "cancel", made["handover"]])
    assert isinstance(again.exception, ServiceError)
    assert again.exception.code == "handover_over"
    assert made["handover"] in CliRunner().invoke(group, ["handover", "list"]).stdout
