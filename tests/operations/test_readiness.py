"""``/ready`` says no where nothing could be put on record."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from kernel.database import Database
from kernel.errors import Unavailable
from operations.readiness import LEAST_ROOM, require_writable


def test_a_database_that_takes_records_is_writable(database: Database) -> None:
    """Both databases, as they are."""
    require_writable(database)


def test_without_room_for_a_transaction_nobody_is_sent_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks and faults, line 22: a full disk shows before the first login fails on it."""
    full = SimpleNamespace(free=LEAST_ROOM - 1)
    monkeypatch.setattr("operations.readiness.shutil.disk_usage", lambda _folder: full)
    small = Database(f"sqlite:///{tmp_path}/sau.sqlite")
    (tmp_path / "sau.sqlite").touch()
    with pytest.raises(Unavailable) as refused:
        require_writable(small)
    small.dispose()
    assert refused.value.code == "disk_full"
