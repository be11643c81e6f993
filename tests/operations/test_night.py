"""The guide for the night, and the tutorials: each command in them runs, on a service of today, and says something."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyrage
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

import sau
from audit.model import AuditEvent
from audit.sequencer import Sequencer
from ca.revocation.model import OcspSigner
from composition import Composition
from idp.accounts.model import PersonRow
from idp.clients.model import ClientRow
from kernel.clock import SystemClock
from kernel.settings import load_settings
from operations.installation import install
from scripts.tutorial_pictures import ROLES
from tests.architecture.source import ROOT
from tests.documents.addresses import named_addresses, not_served
from tests.documents.test_tutorials import commands
from wsgi import create_app

_GUIDE = (ROOT / "docs" / "night.md").read_text("utf-8")


def _commands() -> list[str]:
    blocks = re.findall(r"```\n(.*?)```", _GUIDE, re.S)
    inline = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"```.*?```", "", _GUIDE, flags=re.S))
    lines = [line for block in blocks for line in block.splitlines()] + inline
    found = [line.removeprefix("sau ") for line in lines if re.match(r"sau [a-z]", line)]
    return list(dict.fromkeys(found))


# In this order: what destroys comes last. After each, the exit statuses that are an answer.
_RUN = {
    "doctor": (0, 1, 2),
    "db current": (0,),
    "db upgrade": (0,),
    "config check": (0,),
    "keys list": (0,),
    "audit status": (0,),
    "audit verify": (0,),
    "audit verify --since 0": (0,),
    "ca log status": (0,),
    "ca log verify": (0,),
    "ca log backfill --dry-run": (0,),
    "audit search": (0,),
    "audit search --type idp:login:throttled --limit 20": (0,),
    "audit search --since 2026-11-22 --limit 100": (0,),
    "audit search --actor ID": (0,),
    "role list": (0,),
    "ca publish": (0,),
    "ca publish --root": (0,),
    "ca key-list update": (0, 1),  # nobody has fetched a list here
    "recovery-key FILE": (0,),
    "backup FILE": (0,),
    "restore FILE --verify --key recovery.age": (0,),
    "keys rotate": (0, 1),  # a key of today is too young to take over
    "client rotate-secret ID": (0,),
    "delivery list": (0,),
    "delivery repeat ID": (1,),  # of nothing that waits
    "client disable ID": (0,),
    "user disable ID": (0,),
    "ca revoke SERIAL --reason keyCompromise": (0,),
    "keys rotate --emergency": (0,),
    "keys rotate --emergency --whole-store": (0,),
    "restore FILE --key recovery.age --heads FOLDER": (0,),
    'audit accept-loss --dry-run --reason "REASON"': (0,),
}


@dataclass
class Night:
    """A service, and the one that is restored from its backup."""

    home: Path
    folder: Path
    person: str
    client: str
    serial: str
    event: str

    def run(self, command: str) -> Result:
        """Run a command of the guide with its placeholders filled in."""
        words = shlex.split(command)
        file = self.folder / ("new.age" if words[0] == "recovery-key" else "backup.age")
        is_client = words[0] == "client"
        filled = {
            "FILE": str(file),
            "ID": self.client if is_client else self.person,
            "SERIAL": self.serial,
            "FOLDER": str(self.home),
            "recovery.age": str(self.folder / "recovery.txt"),
        }
        words = [filled.get(word, word) for word in words]
        if words[0] == "recovery-key":
            words += ["--passphrase-file", str(self.folder / "passphrase")]
        sau._composition.cache_clear()
        return CliRunner().invoke(sau.main, words)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """A demonstration, installed once."""
    folder = tmp_path_factory.mktemp("night")
    home = folder / "home"
    composed = Composition(load_settings({"SAU_HOME": str(home), "SAU_DEMO": "1"}), clock=SystemClock())
    install(composed, demo=True)
    for log in (composed.audit, composed.ca.certificate_log):
        sequencer = Sequencer(log)
        sequencer.run()
        sequencer.release()
    identity = pyrage.x25519.Identity.generate()
    (folder / "recovery.txt").write_text(f"{identity}\n")
    (folder / "passphrase").write_text("doce colibríes verdes\n")
    (folder / "passphrase").chmod(0o600)
    with composed.database.reading() as session:
        person = session.scalars(select(PersonRow.id).limit(1)).one()
        secret = ClientRow.token_endpoint_auth_method == "client_secret_basic"
        client = session.scalars(select(ClientRow.client_id).where(secret)).first()
        serial = session.scalars(select(OcspSigner.serial).limit(1)).one()
        event = session.scalars(select(AuditEvent.id).limit(1)).one()
    composed.database.dispose()
    patch = pytest.MonkeyPatch()
    patch.setenv("SAU_HOME", str(home))
    patch.setenv("SAU_DEMO", "1")
    patch.setenv("SAU_BACKUP_KEYS", str(identity.to_public()))
    yield Night(home, folder, person, str(client), serial, event)
    patch.undo()
    sau._composition.cache_clear()


def test_the_list_here_is_the_guide() -> None:
    """A command that is added to the guide is run here."""
    assert sorted(set(_commands()) - set(_RUN)) == []
    assert sorted(set(_RUN) - set(_commands())) == []


def test_every_address_that_a_document_names_is_served(night: Night) -> None:
    """Who types what a page says gets something else than 404."""
    composed = Composition(load_settings({"SAU_HOME": str(night.home), "SAU_DEMO": "1"}), clock=SystemClock())
    rules = [rule.rule for rule in create_app(composed).url_map.iter_rules()]
    composed.database.dispose()
    assert len(list(named_addresses())) > 140
    assert not_served(rules) == []


def test_each_command_of_a_tutorial_does_what_it_says(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the tutorials, with the options that they name; before the guide, whose last commands destroy."""
    monkeypatch.chdir(night.folder)
    (night.folder / "roles.yaml").write_text(ROLES, "utf-8")
    wrong, run = [], 0
    for command in commands():
        words = [night.event if word == "EVENTO" else word for word in shlex.split(command)]
        if words[0] in ("init", "serve"):
            continue  # the one made all this, the other does not end by itself
        if words[0] in ("recovery-key", "backup", "restore"):
            options = {word for word in words if word.startswith("--")}
            assert any({words[0], *options} <= set(shlex.split(each)) for each in _RUN), command
            continue
        sau._composition.cache_clear()
        done = CliRunner().invoke(sau.main, words)
        run += 1
        traceback = done.exception is not None and not isinstance(done.exception, SystemExit)
        if traceback or done.exit_code not in _RUN.get(words[0], (0,)):
            wrong.append((command, done.exit_code, done.output[-300:], done.exception))
    assert wrong == []
    assert run > 20


def test_each_command_of_the_guide_answers(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the exit status that it should have, and never with a traceback."""
    wrong = []
    for command, statuses in _RUN.items():
        if command.startswith("restore FILE --key"):
            _let_things_happen(night)
            monkeypatch.setenv("SAU_HOME", str(night.folder / "new"))
        done = night.run(command)
        traceback = done.exception is not None and not isinstance(done.exception, SystemExit)
        if done.exit_code not in statuses or traceback or not done.output.strip():
            wrong.append((command, done.exit_code, done.output[-300:], done.exception))
    assert not wrong, wrong


def _let_things_happen(night: Night) -> None:
    """More is signed after the backup: what a restore then lacks."""
    composed = Composition(load_settings({"SAU_HOME": str(night.home), "SAU_DEMO": "1"}), clock=_Later())
    Sequencer(composed.audit).run()
    composed.database.dispose()


class _Later(SystemClock):
    """After the lease of whoever sequenced before."""

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=30)
