"""``sau restore``: a backup brought back, here or into a scratch place, and verified before it is called good."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyrage
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from audit.anchor import Anchor, AnchorFolder
from audit.event import Details, Event
from audit.vocabulary import EventType
from composition import Composition
from kernel.clock import Clock
from kernel.errors import Conflict, Rejected
from kernel.identifiers import new_secret
from kernel.settings import Settings
from keys.file_store import require_private
from operations.backup.archive import read_archive
from operations.backup.check import Behind, Checked, check_restored
from operations.backup.contents import ANCHORS, KEYS, PASSPHRASE, SETTINGS, parts, place
from operations.backup.database_copy import PART, bring_back
from operations.backup.make import scratch_place
from operations.backup.manifest import Manifest

LOGS = {"audit": ANCHORS[0], "certificates": ANCHORS[1]}


@dataclass(frozen=True)
class RestoreReport:
    """What was restored, and what was found.

    :ivar scratch: whether it was thrown away again. :ivar apart: what the backup does not have and the service needs.
    """

    manifest: Manifest
    checked: Checked
    scratch: bool
    apart: Sequence[str]

    @property
    def behind(self) -> tuple[Behind, ...]:
        """What was signed after the backup."""
        return self.checked.behind


def verify_backup(
    settings: Settings,
    file: Path,
    *,
    identities: Sequence[pyrage.x25519.Identity],
    clock: Clock,
    database_url: str = "",
    heads: Path | None = None,
) -> RestoreReport:
    """Restore into a scratch place, verify, and throw away. The service that runs here is not touched.

    :param database_url: an empty PostgreSQL database to use; none: one is made beside the service's, and dropped.
    :param heads: a folder with copies of the logs' heads; none: those of the home.
    :raises BackupError: and others as :func:`operations.backup.check.check_restored` and ``read_archive``.
    """
    folder = settings.home if settings.home.is_dir() else file.parent
    with scratch_place(folder) as scratch:
        manifest = _read(file, scratch, identities)
        with _scratch_database(settings, manifest, scratch, database_url) as url:
            checked = _fill(settings, url, scratch, manifest, clock, known_heads(heads or settings.home))
    return RestoreReport(manifest, checked, scratch=True, apart=_apart(manifest))


def restore_backup(
    settings: Settings,
    file: Path,
    *,
    identities: Sequence[pyrage.x25519.Identity],
    clock: Clock,
    heads: Path | None = None,
) -> RestoreReport:
    """Restore to where the settings say: an empty database and a home without other keys. Nothing is overwritten.

    Heads of the logs that stand in the home or in ``heads`` are kept: they say what was signed after the backup, and
    the logs stop until a person has accepted that loss (``sau audit accept-loss``).

    :raises Conflict: (``database_not_empty``, ``home_in_use``) before anything is changed.
    :raises Fault: (``restored_damaged``) if it is not good; then no key was put in place, and nothing starts.
    """
    home = settings.home
    if not home.exists():
        home.mkdir(mode=0o700, parents=True)
    require_private(home)
    with scratch_place(home) as unpacked:
        manifest = _read(file, unpacked, identities)
        if manifest.issuer != settings.issuer:
            raise Rejected(f"The backup is of {manifest.issuer}, this is {settings.issuer}.", code="other_service")
        _require_backend(manifest, settings.effective_database_url)
        targets = _targets(settings, unpacked)
        checked = _fill(settings, settings.effective_database_url, unpacked, manifest, clock, known_heads(home, heads))
        for path, target in targets.items():
            place(path, target)
        for name in ANCHORS:
            for source in filter(None, (unpacked, heads)):
                AnchorFolder(home / name).add(AnchorFolder(source / name))
    _record(Composition(settings, clock=clock), manifest, checked)
    return RestoreReport(manifest, checked, scratch=False, apart=_apart(manifest))


def _read(file: Path, unpacked: Path, identities: Sequence[pyrage.x25519.Identity]) -> Manifest:
    try:
        with file.open("rb") as sealed:
            return read_archive(sealed, unpacked, identities)
    except OSError as error:
        raise Rejected(f"{file}: {error.strerror}.", code="no_backup") from error


def _fill(
    settings: Settings,
    url: str,
    unpacked: Path,
    manifest: Manifest,
    clock: Clock,
    elsewhere: dict[str, list[Anchor]],
) -> Checked:
    """Fill the database and examine it with the keys and heads of the backup alone."""
    there = settings.model_copy(
        update={
            "home": unpacked,
            "database_url": url,
            "keystore": settings.keystore if settings.keys_in_token else "",
            "keystore_passphrase_file": unpacked / PASSPHRASE if manifest.passphrase else settings.passphrase_file,
            "issuer": manifest.issuer,
        }
    )
    composition = Composition(there, clock=clock)
    try:
        bring_back(unpacked / PART, composition.database)
        return check_restored(composition, manifest, elsewhere=elsewhere)
    finally:
        composition.database.dispose()


def _record(composition: Composition, manifest: Manifest, checked: Checked) -> None:
    details: Details = {"made_at": manifest.made_at, **{f"{each.log}_missing": each.missing for each in checked.behind}}
    try:
        with composition.database.transaction() as session:
            event = Event(type=EventType.BACKUP_RESTORED, details=details)
            composition.journal.record(session, event, now=composition.clock.now())
    finally:
        composition.database.dispose()


def _targets(settings: Settings, unpacked: Path) -> dict[Path, Path]:
    """Return where each file goes that is not there yet. :raises Conflict: if another one is."""
    targets = {}
    for name, path in parts(unpacked):
        target = _target(settings, name)
        if target is None:
            continue
        if not target.exists():
            targets[path] = target
        elif target.read_bytes() != path.read_bytes():
            raise Conflict(f"{target} is another one: move the old home aside.", code="home_in_use")
    return targets


def _target(settings: Settings, name: str) -> Path | None:
    first, _, rest = name.partition("/")
    if name == PART or (first in ANCHORS and "/" not in rest):
        return None  # heads are added to those that are there
    if name == SETTINGS:
        return settings.home / "restored-settings.env"
    if name == PASSPHRASE:
        return settings.passphrase_file
    return settings.keystore_folder / rest if first == KEYS else settings.home / name


def known_heads(*folders: Path | None) -> dict[str, list[Anchor]]:
    """Return the heads of each log that stand in the folders, homes or copies of their folders."""
    return {
        log: [anchor for folder in folders if folder is not None for anchor in AnchorFolder(folder / name)]
        for log, name in LOGS.items()
    }


def _apart(manifest: Manifest) -> list[str]:
    apart = ["the root's key"]
    apart += [] if manifest.passphrase else ["the key store's passphrase"]
    return apart + (["the keys in the token"] if manifest.keystore == "pkcs11" else [])


def _require_backend(manifest: Manifest, url: str) -> None:
    backend = make_url(url).get_backend_name()
    if manifest.backend != backend:
        raise Rejected(f"The backup is of {manifest.backend}, the settings name {backend}.", code="other_database")


@contextmanager
def _scratch_database(settings: Settings, manifest: Manifest, scratch: Path, given: str) -> Iterator[str]:
    if manifest.backend == "sqlite":
        yield f"sqlite:///{scratch.resolve() / 'scratch.sqlite'}"
        return
    if given:
        _require_backend(manifest, given)
        yield given
        return
    _require_backend(manifest, settings.effective_database_url)
    name = f"sau_scratch_{new_secret(8).lower().replace('-', '_')}"
    server = create_engine(settings.effective_database_url, isolation_level="AUTOCOMMIT", hide_parameters=True)
    try:
        with server.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE template0'))
    except SQLAlchemyError as error:
        server.dispose()
        raise Rejected(
            "No scratch database can be made beside the service's: name an empty one by --database.",
            code="no_scratch_database",
        ) from error
    try:
        yield make_url(settings.effective_database_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        server.dispose()
