"""New shares of a root's passphrase from enough of the old ones (certificate authority 21)."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from audit.model import AuditEvent
from audit.vocabulary import EventType
from ca.ceremony.root_store import root_folder, root_passphrase_file
from ca.services import CaServices
from kernel.clock import ManualClock
from kernel.errors import Fault
from kernel.secret_text import SecretText
from keys.file_store import FileKeyStore
from keys.signer import Algorithm
from tests.ca.ceremony.files import SHARES
from tests.ca.ceremony.stage import Stage

WHO = ("--holder", "Dora", "--holder", "Elías", "--holder", "Flor", "--holder", "Gil", "--witness", "Hugo: notario")


@pytest.fixture
def clock() -> ManualClock:
    """The machine's own time, for programs that know no other."""
    return ManualClock(datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
def stage(services: CaServices, tmp_path: Path) -> Stage:
    """The room of the ceremony."""
    return Stage(services, tmp_path)


def _pages(*pages: str) -> list[str]:
    return [part for page in pages for part in ("--share", page)]


def _reshare(stage: Stage, *more: str) -> Any:
    command = ("reshare", "root", "--needed", "3", *WHO, "--minutes", str(stage.folder), *more)
    return stage.json(*command)


def _events(services: CaServices) -> list[tuple[str, str | None]]:
    with services.database.reading() as session:
        rows = session.execute(
            select(AuditEvent.type, AuditEvent.object_id)
            .where(AuditEvent.type.like("ca:root_key:%"))
            .order_by(AuditEvent.id)
        )
        return [(row.type, row.object_id) for row in rows]


def test_the_old_shares_open_the_key_once_more_and_never_again(stage: Stage) -> None:
    """Refused before its rehearsal; the key stays the same, under a new passphrase; three of the new four open it."""
    held = stage.hold(SHARES)
    key = root_folder(stage.services.settings) / "root.key"
    before, old = key.read_bytes(), _pages(*held["shares"][:2])
    unready = stage.refused("reshare", "root", "--needed", "3", *WHO, "--yes", *old)
    assert unready.code == "not_rehearsed"
    rehearsed = _reshare(stage, "--rehearse")
    assert rehearsed["rehearsal"] and not rehearsed["shares"] and key.read_bytes() == before
    assert "ENSAYO" in Path(rehearsed["minutes"]).read_text("utf-8")
    assert stage.refused("reshare", "root", "--needed", "2", *WHO, "--yes", *old).code == "not_rehearsed"

    done = _reshare(stage, *old)
    assert done["plan_sha256"] == rehearsed["plan_sha256"] and len(done["shares"]) == 4
    assert key.read_bytes() != before
    assert stage.refused("publish", "--root", *old).code == "shares_wrong"
    assert stage.refused("publish", "--root", *_pages(*done["shares"][:2])).code == "shares_missing"
    published = stage.json("publish", "--root", *_pages(*done["shares"][1:]))
    assert [item["authority"] for item in published] == ["root"]
    assert not [path for path in key.parent.parent.iterdir() if path.name.startswith(".")]

    minutes = Path(done["minutes"]).read_text("utf-8")
    assert "Hugo" in minutes and "Flor" in minutes and str(done["share_set"]) in minutes
    with stage.services.database.reading() as session:
        leaves = [str(leaf) for leaf in session.scalars(select(AuditEvent.leaf))]
    for page in done["shares"]:
        pair = " ".join(re.findall(r"\d+\. ([a-z]+)", Path(page).read_text("utf-8"))[4:6])
        assert pair not in minutes and not any(pair in leaf for leaf in leaves)
    kinds = [kind for kind, about in _events(stage.services) if about == "root"]
    place = kinds.index(EventType.ROOT_KEY_RESHARED.value)
    assert kinds[place - 1] == EventType.ROOT_KEY_OPENED.value
    rehearsals = [about for kind, about in _events(stage.services) if kind.endswith("reshare_rehearsed")]
    assert rehearsals == [done["plan_sha256"]]


def test_a_passphrase_in_a_file_goes_into_shares(stage: Stage, hierarchy: object) -> None:
    """A root that was made without shares gets some; the file that opened it is of no use any more, and goes."""
    settings = stage.services.settings
    assert root_passphrase_file(settings).exists()
    done = _reshare(stage, "--without-rehearsal")
    assert not root_passphrase_file(settings).exists()
    assert stage.refused("publish", "--root").code == "root_key_away"
    assert stage.json("publish", "--root", *_pages(*done["shares"][:3]))
    assert stage.refused("reshare", "issuing", "--needed", "3", *WHO, "--yes", "--without-rehearsal").code in (
        "not_a_root",
        "unknown_authority",
    )


def test_what_is_not_on_record_is_not_done(stage: Stage, hierarchy: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the event cannot be written the key's file stays as it was, and so does what opens it."""
    key = root_folder(stage.services.settings) / "root.key"
    before, killed = key.read_bytes(), key.parent.with_name(f".{key.parent.name}.killed")
    killed.mkdir()
    (killed / "root.key").write_bytes(b"of one that was killed")

    def fails(*_given: object, **_more: object) -> None:
        raise Fault("no")

    monkeypatch.setattr(type(stage.services.journal), "record", _refusing(stage, fails))
    stage.run("reshare", "root", "--needed", "3", *WHO, "--minutes", str(stage.folder), "--without-rehearsal", "--yes")
    monkeypatch.undo()
    assert key.read_bytes() == before
    assert not [path for path in key.parent.parent.iterdir() if path.name.startswith(".")]
    assert stage.json("publish", "--root")


def _refusing(stage: Stage, fails: Any) -> Any:
    record = type(stage.services.journal).record

    def choose(self: Any, session: Any, event: Any, **more: Any) -> Any:
        return fails() if event.type is EventType.ROOT_KEY_RESHARED else record(self, session, event, **more)

    return choose


@pytest.mark.parametrize(
    "wrong",
    [
        ("--needed", "5"),
        ("--needed", "1"),
        ("--holder", "dora", "--needed", "3"),
        ("--witness", "Iris", "--needed", "3"),
    ],
    ids=["more than there are", "one", "a holder twice", "a witness without a role"],
)
def test_what_cannot_be_is_refused(stage: Stage, hierarchy: object, wrong: tuple[str, ...]) -> None:
    """Before anything is opened."""
    assert stage.refused("reshare", "root", *WHO, *wrong, "--yes", "--without-rehearsal").code == "bad_resharing"


def test_a_key_goes_whole_from_one_passphrase_to_another(tmp_path: Path) -> None:
    """The old passphrase opens old copies of the file, and no others."""
    old, new = SecretText("old"), SecretText("new")
    store, other = FileKeyStore(tmp_path / "a", old), FileKeyStore(tmp_path / "b", new)
    public = store.create("root", Algorithm.ES256).public_key
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    store.copy("root", other)
    store.replace("root", other)
    assert FileKeyStore(tmp_path / "a", new).open("root").public_key == public
    with pytest.raises(Fault):
        store.open("root")
    assert FileKeyStore(tmp_path / "copy", old).open("root").public_key == public
    assert not list((tmp_path / "b").iterdir())
