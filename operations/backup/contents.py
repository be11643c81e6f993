"""Which files of the service's home belong into a backup, and which must stay apart."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from kernel.settings import Settings

KEYS, PASSPHRASE, SETTINGS = "keys", "passphrase", "settings.env"
ANCHORS = ("audit-checkpoints", "certificate-log-checkpoints")
# Their part names are their places in the home.
_FOLDERS = (*ANCHORS, "demo", "witness")


def copy_keys(settings: Settings, scratch: Path, *, passphrase: bool) -> None:
    """Copy the sealed keys into ``scratch``; what is there already stays. A token's keys are not to be had.

    :param passphrase: whether what opens them comes along.
    """
    folder = settings.keystore_folder
    for path in sorted(folder.glob("[!.]*")) if folder.is_dir() else ():
        _copy(path, scratch / KEYS / path.name)
    if passphrase and settings.passphrase_file.exists():
        _copy(settings.passphrase_file, scratch / PASSPHRASE)


def copy_home(settings: Settings, scratch: Path) -> None:
    """Copy the heads of the logs that stand outside of the database, and what else belongs to the service."""
    for name in _FOLDERS:
        for path in sorted((settings.home / name).rglob("*")):
            if path.is_file() and not path.is_symlink():
                _copy(path, scratch / name / path.relative_to(settings.home / name))


def write_settings(environ: Mapping[str, str], scratch: Path) -> None:
    """Keep the settings as they are in force: the file that ``SAU_CONFIG`` names, and the environment over it."""
    lines = ["# As in force when the backup was made. Not read by itself: compare, then name it by SAU_CONFIG."]
    file = environ.get("SAU_CONFIG")
    if file:
        lines += [f"# {file}", Path(file).read_text("utf-8").rstrip()]
    own = {name: value for name, value in environ.items() if name.startswith("SAU_") and name != "SAU_CONFIG"}
    lines += ["# environment", *(f"{name}={value}" for name, value in sorted(own.items()))]
    _write(scratch / SETTINGS, "\n".join(lines).encode() + b"\n")


def left_out(settings: Settings) -> list[str]:
    """Return what else is in the home: the root's key for one, which is kept apart and in no backup."""
    database = Path(settings.effective_database_url.removeprefix("sqlite:///")).name
    taken = {*_FOLDERS, settings.keystore_folder.name, settings.passphrase_file.name}
    names = (path.name for path in settings.home.iterdir() if not path.name.startswith("."))
    return sorted(name for name in names if name not in taken and not name.startswith(database))


def parts(scratch: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files below ``scratch`` with their names in the archive, in one order for all time."""
    for path in sorted(scratch.rglob("*")):
        if path.is_file():
            yield path.relative_to(scratch).as_posix(), path


def _copy(source: Path, target: Path) -> None:
    try:
        octets = source.read_bytes()
    except FileNotFoundError:
        return  # a key that was destroyed meanwhile
    if not target.exists():
        _write(target, octets)


def _write(target: Path, octets: bytes) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)


def place(source: Path, target: Path) -> None:
    """Put a file of a backup to its place, readable by the owner alone, in folders that nobody else enters."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o600)
