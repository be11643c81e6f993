"""The archive of ceremonies at the console: papers kept with their digests, checked again, nothing else changed."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from admin.permissions import Role
from audit.sequencer import Sequencer
from audit.services import ensure_log_key
from ca.archive.model import CeremonyPaper
from ca.issuance.model import CeremonyRecord
from composition import Composition
from kernel.clock import ManualClock
from tests.admin.conftest import MakeOperator, Operator
from tests.ca.ceremony.files import FIRST
from tests.ca.ceremony.stage import Stage

ALL = "/admin/ceremonies"


@pytest.fixture
def held(composition: Composition, tmp_path: Path, clock: ManualClock) -> str:
    """A ceremony that was rehearsed and held; its id."""
    stage = Stage(composition.ca, tmp_path)
    file = stage.file(FIRST)
    stage.json("ceremony", file, "--rehearse", "--minutes", str(tmp_path))
    clock.advance(timedelta(minutes=5))
    stage.json("ceremony", file, "--yes", "--minutes", str(tmp_path))
    with composition.database.reading() as session:
        return session.scalars(select(CeremonyRecord.id).where(CeremonyRecord.rehearsal.is_(False))).one()


def _compare(auditor: Operator, ceremony: str, content: bytes) -> str:
    sent: dict[str, object] = {"minutes": (io.BytesIO(content), "acta.html")}
    return auditor.post(f"{ALL}/{ceremony}/compare", sent, page=f"{ALL}/{ceremony}").text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_written_is_kept_and_checked_again(
    make_operator: MakeOperator, held: str, composition: Composition, tmp_path: Path
) -> None:
    """Minutes and file octet by octet, who was there, when it was rehearsed; each check by itself."""
    auditor = make_operator(Role.AUDITOR)
    listed = auditor.get(ALL).text
    assert "Ensayo" in listed
    assert "Ceremonia de prueba" in listed
    page = auditor.get(f"{ALL}/{held}").text
    assert "Rosa Chimbo" in page
    assert "No se hizo" not in page
    (written,) = tmp_path.glob("minutes-*.html")
    minutes = auditor.get(f"{ALL}/{held}/minutes")
    assert minutes.data == written.read_bytes()
    assert "sandbox" in minutes.headers["Content-Security-Policy"]
    assert auditor.get(f"{ALL}/{held}/minutes?save=1").headers["Content-Disposition"].startswith("attachment")
    assert auditor.get(f"{ALL}/{held}/file").data == FIRST.encode()
    assert "El sello llega poco después" in auditor.get(f"{ALL}/{held}/check").text
    ensure_log_key(composition.keystore)
    Sequencer(composition.audit).run()
    checked = auditor.get(f"{ALL}/{held}/check").text
    assert "Todo lo que se pudo comprobar está bien" in checked
    assert "Sin comprobar" not in checked
    assert checked.count("El certificado que se hizo está aquí") == 3
    assert "octeto por octeto" in _compare(auditor, held, written.read_bytes())
    assert "cambió en algo" in _compare(auditor, held, written.read_bytes() + b" ")
    assert "Elija un archivo" in _compare(auditor, held, b"")
    assert auditor.get(f"{ALL}/{'0' * 26}").status_code == 404
    assert make_operator(Role.SUPPORT, name="Eva").get(ALL).status_code == 403


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_changed_since_is_told(make_operator: MakeOperator, held: str, composition: Composition) -> None:
    """Changed minutes, a changed digest, papers that are not here: each is named."""
    auditor = make_operator(Role.AUDITOR)
    with composition.database.engine.begin() as raw:
        raw.execute(update(CeremonyPaper).where(CeremonyPaper.ceremony_id == held).values(minutes=b"<p>otra</p>"))
    changed = auditor.get(f"{ALL}/{held}/check").text
    assert "Algo no coincide" in changed
    with composition.database.engine.begin() as raw:
        raw.execute(delete(CeremonyPaper))
        raw.execute(update(CeremonyRecord).values(minutes_sha256="0" * 64))
    gone = auditor.get(f"{ALL}/{held}/check").text
    assert "Está solo en papel" in gone
    assert "Algo no coincide" in gone
    assert "Solo en papel" in auditor.get(ALL).text
    assert auditor.get(f"{ALL}/{held}/minutes").status_code == 404
