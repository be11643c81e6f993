"""Attacks and faults, line 17: a person who walked through the whole service is erased, and nothing names him."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select

import sau
from audit.inspection import verify_stored_log
from audit.jobs import periodic_jobs
from audit.model import AuditEvent, HolderKey
from audit.privacy import reveal
from audit.proofs import prove_event, verify_event_proof
from audit.sequencer import Sequencer
from audit.services import ensure_log_key
from composition import Composition
from idp.accounts.person import Person, add_person
from kernel.clock import ManualClock
from kernel.database import Base
from operations.backup.database_copy import copy_database
from tests.idp.web_people.conftest import CEDULA, PASSWORD, Walker

ADDRESS, BROWSER, NEW_MAIL = "203.0.113.77", "Navegador-Propio/7.3", "nueva.direccion@correo.test"
# What identifies the person, as it was typed, sent or shown.
NAMES = (CEDULA, "Ana María", "Quispe Toapanta", "ana65@correo.test", NEW_MAIL)


@pytest.fixture
def person(
    app: Flask,
    composition: Composition,
    clock: ManualClock,
    make_person: Callable[..., Person],
    code: Callable[[], str],
) -> Person:
    """Someone who did whatever people do, from a browser of his own, beside another person."""
    ensure_log_key(composition.keystore)
    made = make_person(totp=True)
    with composition.database.transaction() as session:
        add_person(
            session,
            journal=composition.journal,
            cedula="0926687856",
            given_names="Luis",
            surnames="Otro",
            email="luis@correo.test",
            email_verified=True,
            now=clock.now(),
        )
    browser = Walker(app, address=ADDRESS)
    agent = {"User-Agent": BROWSER}
    path = browser.get("/login", headers=agent).location
    browser.get(path, headers=agent)
    for password in ("equivocada-larga-1", PASSWORD):
        answer = browser.post(path, {"step": "password", "username": CEDULA, "password": password}, headers=agent)
    answer = browser.follow(browser.post(answer.location, {"step": "second_factor", "code": code()}, headers=agent))
    assert browser.get("/account", headers=agent).status_code == 200, answer.text[:300]
    clock.advance(timedelta(minutes=1))
    browser.get("/account/email", headers=agent)
    browser.post("/account/email", {"email": NEW_MAIL}, headers=agent)
    stranger = Walker(app, address=ADDRESS)
    stranger.get("/recovery", headers=agent)
    stranger.post("/recovery", {"username": CEDULA}, headers=agent)
    stranger.get("/signup", headers=agent)
    form = {"cedula": CEDULA, "given_names": "Ana María", "surnames": "Quispe Toapanta", "email": "ana65@correo.test"}
    stranger.post("/signup", form, headers=agent)
    return made


def test_nothing_names_an_erased_person(
    composition: Composition, clock: ManualClock, person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No table, no key that is left, no fresh backup; every proof given before is good, and new ones are."""
    audit = composition.audit
    Sequencer(audit).run()
    key = audit.log_key(audit.origin)
    with composition.database.reading() as session:
        about = session.scalars(select(AuditEvent.id).where(AuditEvent.subject == person.id)).all()
        proofs = [prove_event(session, event_id, log_key=key).as_document() for event_id in about]
    assert len(proofs) > 5
    assert set(NAMES) - {NEW_MAIL} <= _named(composition, NAMES)  # the search can find them

    monkeypatch.setattr(sau, "_installed", lambda: composition)
    _run("user", "erase", person.id, "--yes")

    assert _named(composition, NAMES) == set()
    assert _named(composition, ("0926687856",)) == {"0926687856"}
    copy = tmp_path / "copy"
    copy_database(composition.database, copy, lambda session: None)
    octets = b"".join(each.read_bytes() for each in tmp_path.glob("copy*"))
    assert [name for name in NAMES if name.encode() in octets] == []
    Sequencer(audit).run()
    for document in proofs:
        verify_event_proof(document, expected_key=key)
    with composition.database.reading() as session:
        again = [prove_event(session, event_id, log_key=key).as_document() for event_id in about]
    for document in again:
        verify_event_proof(document, expected_key=key)
    assert verify_stored_log(audit).first is None

    # What nobody known stood behind (pages opened before the login) has its address under the month's key.
    assert _named(composition, (ADDRESS, BROWSER)) <= {ADDRESS, BROWSER}
    retention = next(job for job in periodic_jobs(audit) if job.name == "audit.retention")
    clock.advance(timedelta(days=60))
    retention.run()
    assert _named(composition, (ADDRESS,)) == {ADDRESS}
    clock.advance(timedelta(days=62))
    retention.run()
    assert _named(composition, (ADDRESS, BROWSER)) == set()
    Sequencer(audit).run()
    assert verify_stored_log(audit).first is None


def test_a_past_month_is_destroyed_once_and_on_record(composition: Composition, clock: ManualClock, app: Flask) -> None:
    """Two workers at once do it once; the current month's key stays, and no new key is made for the past one."""
    ensure_log_key(composition.keystore)
    Walker(app).get("/login")
    (retention,) = [job for job in periodic_jobs(composition.audit) if job.name == "audit.retention"]
    clock.advance(timedelta(days=125))
    Walker(app).get("/login")
    retention.run()
    retention.run()
    with composition.database.reading() as session:
        keys = {row.holder: row.sealed_key is None for row in session.scalars(select(HolderKey))}
        told = session.scalars(
            select(AuditEvent.leaf).where(AuditEvent.type == "service:unattributed_data:destroyed")
        ).all()
    assert keys == {"service:2026-11": True, "service:2027-03": False}
    assert [json.loads(leaf)["details"]["holders"] for leaf in told] == [["service:2026-11"]]


def _run(*arguments: str) -> None:
    result = CliRunner().invoke(sau.main, [*arguments])
    assert result.exit_code == 0, result.output


def _named(composition: Composition, names: tuple[str, ...]) -> set[str]:
    """Return which of ``names`` stand in any table, or in what any key that is left opens."""
    return {name for text in _everything(composition) for name in names if name in text}


def _everything(composition: Composition) -> Iterator[str]:
    keys = composition.journal.holder_keys
    with composition.database.reading() as session:
        for table in Base.metadata.sorted_tables:
            for row in session.execute(select(table)):
                for value in row:
                    yield f"{table.name}: " + (value.decode("latin-1") if isinstance(value, bytes) else _text(value))
        holders = session.scalars(select(HolderKey.holder).where(HolderKey.sealed_key.is_not(None))).all()
        open_keys = {holder: keys.find(session, holder) for holder in holders}
        for event_id, leaf in session.execute(select(AuditEvent.id, AuditEvent.leaf)):
            told = json.loads(leaf)
            key = open_keys.get(told.get("holder", ""))
            if key is not None:
                yield json.dumps(reveal(told["private"], key=key, event_id=event_id), ensure_ascii=False)
    if composition.database.is_sqlite:
        composition.database.dispose()  # the last connection moves the write-ahead log into the file
        path = Path(str(composition.database.url.database))
        for each in path.parent.glob(f"{path.name}*"):
            yield f"{each.name}: {each.read_bytes().decode('utf-8', 'replace')}"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
