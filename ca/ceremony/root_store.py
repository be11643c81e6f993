"""The roots' key stores: each a folder and passphrase of its own, opened by a person at the command line only.

No process that serves HTTP may import this module, directly or not; an import contract and a test hold that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.services import CaServices
from kernel.errors import Conflict, Fault, NotFound, Rejected, ServiceError
from kernel.secret_text import SecretText
from kernel.settings import Settings
from keys.file_store import FileKeyStore, read_passphrase
from keys.signer import Signer
from keys.store import KeyStore
from keys.token import open_token_store

ROOT_KEY_NAME = "root"


def root_folder(settings: Settings, name: str = ROOT_KEY_NAME) -> Path:
    """Return the folder of a root's key: take it, and the passphrase, off the machine between ceremonies."""
    return settings.home / name


def root_passphrase_file(settings: Settings, name: str = ROOT_KEY_NAME) -> Path:
    """Return the file of the root's passphrase; there is none if the passphrase is in shares."""
    return settings.home / f"{name}-passphrase"


class RootKeys:
    """Opens the roots' stores for one command.

    :param passphrases: that were put together from shares; which opens what is found by trying.
    :param tell: is told the name of each store that is opened, before the caller has it, and why one was not.
    """

    def __init__(
        self,
        settings: Settings,
        passphrases: Iterable[SecretText] = (),
        *,
        tell: Callable[[str, ServiceError | None], None] | None = None,
    ) -> None:
        self._settings = settings
        self._passphrases = list(passphrases)
        self._chosen: dict[str, SecretText] = {}
        self._tell = tell
        self._told: set[str] = set()

    def keep(self, name: str, passphrase: SecretText) -> None:
        """Let ``passphrase`` be that of the root ``name``, which is about to be made: it is written nowhere.

        :raises Conflict: (``root_key_exists``) if there is a key already, under whatever passphrase.
        :raises Rejected: (``shares_of_token``) if the roots' keys are in a token, which has no passphrase of ours.
        """
        if self._settings.root_keystore:
            raise Rejected(
                "The roots' keys are in a token: split its PIN, or its cards, as its maker says, not here.",
                code="shares_of_token",
            )
        if self.has_key(name):
            raise Conflict(f"There is a key in {root_folder(self._settings, name)} already.", code="root_key_exists")
        self._chosen[name] = passphrase

    def has_key(self, name: str) -> bool:
        """Tell whether the root's key is on this machine, whether or not it can be opened."""
        if self._settings.root_keystore:
            return name in self._token().names()
        return (root_folder(self._settings, name) / f"{name}.key").exists()

    def store(self, name: str, *, create: bool = False) -> KeyStore:
        """Open the store of the root ``name``; with ``create`` make folder and passphrase if there are none.

        :raises NotFound: (``root_key_away``) if the key, or what opens it, is not on this machine.
        :raises Rejected: (``shares_wrong``) if none of the passphrases from shares opens it.
        :raises Unavailable: if the roots' token does not answer.
        """
        try:
            opened = self._open(name, create=create)
        except ServiceError as error:
            if self._tell:
                self._tell(name, error)
            raise
        if self._tell and name not in self._told:
            self._tell(name, None)
            self._told.add(name)
        return opened

    def _open(self, name: str, *, create: bool) -> KeyStore:
        if self._settings.root_keystore:
            return self._token()
        folder, passphrase_file = root_folder(self._settings, name), root_passphrase_file(self._settings, name)
        if name in self._chosen:
            return FileKeyStore(folder, self._chosen[name])
        if self.has_key(name) and not passphrase_file.exists():
            self._chosen[name] = self._fitting(name, folder, passphrase_file.name)
            return FileKeyStore(folder, self._chosen[name])
        if not create and not (folder.is_dir() and passphrase_file.exists()):
            raise NotFound(
                f"The root's key is not on this machine: bring {folder.name} and {passphrase_file.name} back to the "
                "home.",
                code="root_key_away",
            )
        return FileKeyStore(folder, read_passphrase(passphrase_file, create=create))

    def _token(self) -> KeyStore:
        return open_token_store(self._settings.root_keystore, self._settings.home / "root-token")

    def _fitting(self, name: str, folder: Path, passphrase_file: str) -> SecretText:
        if not self._passphrases:
            raise NotFound(
                f"The key of {name} is closed: bring {passphrase_file} back to the home or, if its passphrase is in "
                "shares, call the holders (--share FILE, once for each).",
                code="root_key_away",
            )
        for passphrase in self._passphrases:
            try:
                FileKeyStore(folder, passphrase).require_readable(name)
            except Fault:
                continue
            return passphrase
        raise Rejected(f"The shares do not open {name}: they are another root's.", code="shares_wrong")

    def signer(self, name: str) -> Signer:
        """Return the root's signer. :raises NotFound: as :meth:`store`, or ``key_not_found`` before its ceremony."""
        return self.store(name).open(name)


def recorded_root_keys(services: CaServices, passphrases: Iterable[SecretText] = (), *, actor: str) -> RootKeys:
    """Return what opens the roots' stores for one command, and puts each opening on record before the key signs."""

    def tell(name: str, error: ServiceError | None) -> None:
        event = Event(
            type=EventType.ROOT_KEY_OPENED,
            outcome=Outcome.FAILURE if error else Outcome.SUCCESS,
            reason=error.code if error else None,
            actor=actor,
            object_id=name,
        )
        with services.database.transaction() as session:
            services.journal.record(session, event, now=services.clock.now())

    return RootKeys(services.settings, passphrases, tell=tell)


def open_root_signer(settings: Settings, name: str = ROOT_KEY_NAME) -> Signer:
    """Return a root's signer, for its list. :raises NotFound: as :meth:`RootKeys.signer`."""
    return RootKeys(settings).signer(name)
