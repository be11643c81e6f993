"""The whole service with its keys in a security module (certificate authority 23)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from click.testing import CliRunner
from cryptography import x509

import wsgi
from ca.ceremony.root_store import RootKeys, root_folder
from ca.issuance.authority import list_authorities
from ca.issuance.issue import issue_approved
from ca.issuance.recovery import finish_issuance
from ca.requests.decide import approve_request
from ca.requests.submit import submit_request
from ca.revocation.publish import current_list
from ca.services import CaServices
from composition import Composition
from idp.tokens.commands import key_commands
from kernel.clock import ManualClock
from kernel.errors import Rejected, Unavailable
from kernel.identifiers import new_id
from kernel.secret_text import SecretText
from kernel.settings import Settings, load_settings
from operations.doctor import examine
from operations.finding import Severity
from operations.installation import install
from tests.ca.ceremony.files import LATER
from tests.ca.ceremony.stage import Stage
from tests.ca.csr import make_csr
from tests.ca.ground import FakePeople
from tests.idp.relying_party import register
from tests.servers.softhsm import SoftHsm

pytestmark = [
    pytest.mark.slow,
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
API = "https://api.example/"


@pytest.fixture
def settings(tmp_path: Path, softhsm: SoftHsm) -> Settings:
    """Online keys in one token, the roots' in another."""
    online, roots = (softhsm.new_token(f"{name}{new_id()[:8]}") for name in ("online", "roots"))
    home = str(tmp_path / "home")
    return load_settings({"SAU_HOME": home, "SAU_KEYSTORE": online, "SAU_ROOT_KEYSTORE": roots})


@pytest.fixture
def installed(settings: Settings, clock: ManualClock) -> Iterator[Composition]:
    """The service, installed into the tokens."""
    composed = Composition(settings, clock=clock)
    install(composed, demo=False)
    yield composed
    composed.database.dispose()


def _pull_out(softhsm: SoftHsm, away: Path) -> None:
    softhsm.tokens.rename(away)
    softhsm.tokens.mkdir()
    pkcs11.lib(str(softhsm.module)).reinitialize()


def _put_back(softhsm: SoftHsm, away: Path) -> None:
    softhsm.tokens.rmdir()
    away.rename(softhsm.tokens)


def _approved(services: CaServices, ruc_free_profile: str, now: datetime) -> str:
    with services.database.transaction() as session:
        request = submit_request(
            session,
            services=services,
            profile=ruc_free_profile,
            csr=make_csr(common_name=None, dns=()),
            institution_ruc=None,
            requested_by="ana",
            inputs={"cedula": "1710034065"},
            now=now,
        )
    with services.database.transaction() as session:
        approve_request(
            session, services=services, request_id=request.id, approver="luis", tbs_sha256=request.tbs_sha256, now=now
        )
    return request.id


def test_everything_signs_from_the_token_and_waits_while_it_is_away(
    installed: Composition, softhsm: SoftHsm, clock: ManualClock, tmp_path: Path
) -> None:
    """Tokens, certificates, lists; 503 while the module is gone; what was recorded is signed when it is back."""
    settings, services = installed.settings, replace(installed.ca, people=FakePeople())
    # Nothing of a signing key is on the disk, and no passphrase is needed.
    assert not settings.passphrase_file.exists() and not root_folder(settings).exists()
    kinds = {path.name.split("-")[0] for path in settings.keystore_folder.glob("*.key")}
    assert not any(kind.startswith(("issuing", "token", "ocsp", "root")) for kind in kinds)
    findings = examine(installed)
    assert [finding for finding in findings if finding.severity is Severity.BROKEN and finding.check != "mail"] == []
    assert any(finding.check == "key store" and "token online" in finding.said for finding in findings)
    listed: Any = CliRunner().invoke(key_commands(lambda: installed.idp), ["list", "--json"])
    assert listed.exit_code == 0 and '"place": "token online' in listed.output

    app = wsgi.create_app(installed)
    http = app.test_client(use_cookies=False)
    register(installed, resource=API)
    service = register(
        installed,
        redirect_uris=[],
        post_logout_redirect_uris=[],
        grant_types=["client_credentials"],
        scope="",
        optional_scope="",
        resources=[API],
    )

    def ask() -> int:
        answer = http.post("/token", data={"grant_type": "client_credentials"}, headers=service.basic())
        return answer.status_code

    assert ask() == 200 and http.get("/ready").status_code == 200
    issue_approved(services, _approved(services, "person-authentication", clock.now()), now=clock.now())
    waiting = _approved(services, "person-authentication", clock.now())
    away = tmp_path / "away"
    _pull_out(softhsm, away)
    try:
        assert ask() == 503 and http.get("/ready").status_code == 503
        with pytest.raises(Unavailable):
            issue_approved(services, waiting, now=clock.now())
        broken = [finding for finding in examine(installed) if finding.severity is Severity.BROKEN]
        assert any("does not answer" in finding.said and finding.remedy for finding in broken)
    finally:
        _put_back(softhsm, away)
    deadline = time.monotonic() + 60
    while ask() != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert ask() == 200 and http.get("/ready").status_code == 200
    clock.advance(timedelta(minutes=2))
    assert finish_issuance(services) >= 1
    with services.database.reading() as session:
        published = current_list(session, authority_name="issuing-1", shard=0, now=clock.now())
        authority = next(record for record in list_authorities(session) if record.name == "issuing-1")
    revocations = x509.load_der_x509_crl(published.der)
    assert revocations.is_signature_valid(authority.certificate.public_key())  # type: ignore[arg-type]


def test_a_ceremony_makes_its_keys_in_the_tokens(installed: Composition, tmp_path: Path) -> None:
    """The rehearsal tries the token and leaves no key in it; the root signs from its own; shares are its maker's."""
    stage = Stage(installed.ca, tmp_path)
    before = installed.keystore.names()
    rehearsed = stage.run("ceremony", stage.file(LATER), "--rehearse", "--minutes", str(tmp_path / "m"))
    assert rehearsed.exit_code == 0, (rehearsed.output, rehearsed.exception)
    assert "módulo de seguridad" in rehearsed.output
    assert installed.keystore.names() == before
    stage.json("ceremony", stage.file(LATER), "--yes", "--minutes", str(tmp_path / "m"))
    assert installed.keystore.place("issuing-seals").startswith("token online")
    assert RootKeys(installed.settings).store("root").place("root").startswith("token roots")
    with pytest.raises(Rejected) as caught:
        RootKeys(installed.settings).keep("root-2", SecretText("x"))
    assert caught.value.code == "shares_of_token"
