"""The root's key store: a folder and passphrase of its own, opened by a person at the command line only.

No process that serves HTTP may import this module, directly or not; an import contract and a test hold that.
"""

from __future__ import annotations

from pathlib import Path

from kernel.errors import NotFound
from kernel.settings import Settings
from keys.file_store import FileKeyStore, read_passphrase
from keys.signer import Signer

ROOT_KEY_NAME = "root"


def root_folder(settings: Settings) -> Path:
    """Return the folder of the root's key: take it, and the passphrase, off the machine between ceremonies."""
    return settings.home / "root"


def root_passphrase_file(settings: Settings) -> Path:
    """Return the file of the root's passphrase."""
    return settings.home / "root-passphrase"


def open_root_store(settings: Settings, *, create: bool = False) -> FileKeyStore:
    """Open the root's key store; with ``create`` make folder and passphrase if there are none.

    :raises NotFound: (``root_key_away``) if the key material is not on this machine.
    """
    folder, passphrase_file = root_folder(settings), root_passphrase_file(settings)
    if not create and not (folder.is_dir() and passphrase_file.exists()):
        raise NotFound(
            f"The root's key is not on this machine: bring {folder.name} and {passphrase_file.name} back to the home.",
            code="root_key_away",
        )
    return FileKeyStore(folder, read_passphrase(passphrase_file, create=create))


def open_root_signer(settings: Settings) -> Signer:
    """Return the root's signer, for its list and for authorities under it: from the command line only.

    :raises NotFound: ``root_key_away``, or ``key_not_found`` before the first ceremony.
    """
    return open_root_store(settings).open(ROOT_KEY_NAME)
