"""What happens to the service itself is on record: starts, settings, schema, the root's key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from audit.model import AuditEvent
from ca.ceremony.root_store import recorded_root_keys
from ca.profiles.registry import profile_digests
from composition import Composition
from kernel.errors import NotFound
from operations.starting import record_start, setting_digests, upgrade_schema


def _leaves(composition: Composition, kind: str) -> list[dict[str, object]]:
    with composition.database.reading() as session:
        found = session.scalars(select(AuditEvent.leaf).where(AuditEvent.type == kind).order_by(AuditEvent.id)).all()
    return [json.loads(leaf) for leaf in found]


def test_a_start_is_on_record_and_tells_no_setting(composition: Composition) -> None:
    """Release, roles and a keyed digest of each setting: an address with a password stays out of the log."""
    record_start(composition, process="web")
    (started,) = _leaves(composition, "service:process:started")
    details = started["details"]
    assert isinstance(details, dict)
    assert details["roles"] == ["idp", "pki", "admin"]
    assert len(details["settings"]) == len(type(composition.settings).model_fields)
    assert composition.settings.issuer not in json.dumps(details)
    assert str(composition.settings.home) not in json.dumps(details)
    record_start(composition, process="web")
    assert _leaves(composition, "service:settings:changed") == []


def test_a_changed_setting_is_named_at_the_next_start(composition: Composition) -> None:
    """Configuration changes are on record with the names of what changed; each process is compared with itself."""
    record_start(composition, process="web")
    changed = Composition(composition.settings.model_copy(update={"log_level": "debug"}), clock=composition.clock)
    record_start(changed, process="worker")
    assert _leaves(composition, "service:settings:changed") == []
    record_start(changed, process="web")
    (told,) = _leaves(composition, "service:settings:changed")
    assert told["details"] == {"changed": ["SAU_LOG_LEVEL"]}
    changed.database.dispose()


def test_a_profile_that_a_release_changes_is_on_record(
    composition: Composition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Certificate authority, line 26: the worker tells at its next start which, from what to what, once."""
    record_start(composition, process="worker")
    before = profile_digests()
    after = before | {"tls-client": "99 0123456789abcdef"}
    monkeypatch.setattr("operations.starting.profile_digests", lambda: after)
    record_start(composition, process="web")
    assert _leaves(composition, "ca:profile:changed") == []
    record_start(composition, process="worker")
    record_start(composition, process="worker")
    (told,) = _leaves(composition, "ca:profile:changed")
    assert told["object_id"] == "tls-client"
    details = told["details"]
    assert isinstance(details, dict)
    assert (details["before"], details["after"]) == (before["tls-client"], "99 0123456789abcdef")


def test_lists_longer_than_an_event_takes_are_told_in_parts(
    composition: Composition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what was cut off would look changed at every start."""
    monkeypatch.setattr("operations.starting._MOST_ITEMS", 9)
    record_start(composition, process="web")
    record_start(composition, process="web")
    assert _leaves(composition, "service:settings:changed") == []
    details = _leaves(composition, "service:process:started")[0]["details"]
    assert isinstance(details, dict)
    assert len(details["settings"]) == len(details["settings_2"]) == 9


def test_digests_need_the_secret(composition: Composition) -> None:
    """Whoever reads the log cannot try likely values."""
    ours = setting_digests(composition.settings, composition.sealing_secret)
    assert ours != setting_digests(composition.settings, b"another" * 5)
    assert len(set(ours.values())) == len(ours)


def test_an_upgrade_is_on_record_when_it_changed_something(composition: Composition, tmp_path: Path) -> None:
    """``sau db upgrade`` changes what everything else rests on; one that finds nothing to do says nothing."""
    empty = composition.settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'empty.sqlite'}"})
    fresh = Composition(empty, clock=composition.clock)
    revision = upgrade_schema(fresh)
    assert upgrade_schema(fresh) == revision
    (told,) = _leaves(fresh, "service:schema:upgraded")
    assert isinstance(told["details"], dict)
    assert (told["details"]["from"], told["details"]["to"]) == (None, revision)
    fresh.database.dispose()


def test_a_root_that_cannot_be_opened_is_on_record(composition: Composition) -> None:
    """Keys: each opening of the root's key is on record before it signs, and each try that failed."""
    keys = recorded_root_keys(composition.ca, actor="command:ana")
    with pytest.raises(NotFound):
        keys.signer("root")
    (told,) = _leaves(composition, "ca:root_key:opened")
    assert (told["outcome"], told["reason"], told["actor"]) == ("failure", "root_key_away", "command:ana")
    assert told["object_id"] == "root"
