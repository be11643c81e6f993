"""Keys in files: encrypted PKCS#8, one a file, in a folder that nobody else can read."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast, get_args

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes, PrivateKeyTypes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from kernel.errors import Conflict, Fault, NotFound, Rejected
from kernel.identifiers import new_secret
from kernel.secret_text import SecretText
from keys.decrypter import (
    Decrypter,
    EncryptionKind,
    PrivateKeyDecrypter,
    generate_decryption_key,
    require_decryption_key,
)
from keys.signer import RSA_BITS, Algorithm, PrivateKeySigner, Signer, generate_private_key, require_fitting_key

_HEADER = "SAU-Algorithm: "
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,79}")


class FileKeyStore:
    """A folder of ``NAME.key`` (PKCS#8 with PBES2, AES-256) and ``NAME.secret`` (AES-256-GCM under scrypt).

    :param folder: made with mode 0700 if absent.
    :param passphrase: opens every file of the folder.
    :raises Fault: (``key_readable_by_others``) if the folder or a file in it is open to group or others.
    """

    def __init__(self, folder: Path, passphrase: SecretText) -> None:
        if not passphrase:
            raise Rejected("The key store needs a passphrase.", code="no_passphrase")
        self.folder = folder
        self._passphrase = passphrase
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (folder, *folder.iterdir()):
            with suppress(FileNotFoundError):  # another process's draft, gone meanwhile
                require_private(path)

    def create(self, name: str, algorithm: Algorithm, *, rsa_bits: int = RSA_BITS) -> Signer:
        """See :meth:`keys.store.KeyStore.create`."""
        private_key = generate_private_key(algorithm, rsa_bits=rsa_bits)
        self._write(name, algorithm.value, private_key)
        return PrivateKeySigner(name, private_key, algorithm)

    def open(self, name: str) -> Signer:
        """See :meth:`keys.store.KeyStore.open`. :raises Fault: if the file is damaged or the passphrase is wrong."""
        return self._signer(name, *self._read(name))

    def create_decrypter(self, name: str, kind: EncryptionKind) -> Decrypter:
        """See :meth:`keys.store.KeyStore.create_decrypter`."""
        private_key = generate_decryption_key(kind)
        self._write(name, kind.value, private_key)
        return PrivateKeyDecrypter(name, private_key, kind)

    def open_decrypter(self, name: str) -> Decrypter:
        """See :meth:`keys.store.KeyStore.open_decrypter`. :raises Fault: as :meth:`open` does."""
        return self._decrypter(name, *self._read(name))

    def require_readable(self, name: str) -> None:
        """See :meth:`keys.store.KeyStore.require_readable`."""
        purpose, key = self._read(name)
        if purpose in set(EncryptionKind):
            self._decrypter(name, purpose, key)
        else:
            self._signer(name, purpose, key)

    def place(self, name: str) -> str:
        """See :meth:`keys.store.KeyStore.place`."""
        return "file" if self._path(name, "key").exists() else "-"

    def names(self) -> list[str]:
        """See :meth:`keys.store.KeyStore.names`."""
        return sorted(path.name.removesuffix(".key") for path in self.folder.glob("*.key"))

    def destroy(self, name: str) -> None:
        """See :meth:`keys.store.KeyStore.destroy`."""
        self._path(name, "key").unlink(missing_ok=True)

    def copy(self, name: str, other: FileKeyStore) -> None:
        """Write the key ``name`` into ``other`` as well, under that store's passphrase.

        :raises Conflict: if it has a key of that name. :raises Fault: as :meth:`open` does.
        """
        other._write(name, *self._read(name))

    def replace(self, name: str, other: FileKeyStore) -> None:
        """Put the file of ``other`` (of the same disk) in the place of this store's: whole, or not at all.

        Its passphrase opens it from then on, and this store's does not.
        """
        other._path(name, "key").replace(self._path(name, "key"))
        for folder in (self.folder, other.folder):
            _sync(folder)

    def secret(self, name: str) -> bytes:
        """See :meth:`keys.store.KeyStore.secret`."""
        path = self._path(name, "secret")
        if not path.exists():
            value, salt, nonce = os.urandom(32), os.urandom(16), os.urandom(12)
            sealed = AESGCM(self._derive(salt)).encrypt(nonce, value, name.encode())
            document = {"salt": salt.hex(), "nonce": nonce.hex(), "sealed": sealed.hex()}
            try:
                write_private(path, json.dumps(document).encode())
            except Conflict:
                return self.secret(name)  # another process made it first
            return value
        try:
            document = json.loads(_read_private(path))
            salt, nonce, sealed = (bytes.fromhex(document[part]) for part in ("salt", "nonce", "sealed"))
            return AESGCM(self._derive(salt)).decrypt(nonce, sealed, name.encode())
        except (ValueError, KeyError, TypeError, InvalidTag) as error:
            raise Fault(f"Secret {name} does not open with this passphrase.", code="key_unreadable") from error

    def _write(self, name: str, purpose: str, private_key: PrivateKeyTypes) -> None:
        pem = private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(self._passphrase.reveal().encode()),
        )
        write_private(self._path(name, "key"), f"{_HEADER}{purpose}\n".encode() + pem)

    def _read(self, name: str) -> tuple[str, PrivateKeyTypes]:
        header, _, pem = _read_private(self._path(name, "key")).partition(b"\n")
        try:
            key = serialization.load_pem_private_key(pem, self._passphrase.reveal().encode())
            return header.decode().removeprefix(_HEADER), key
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:  # TypeError: the file is not encrypted
            raise Fault(f"Key {name} does not open with this passphrase.", code="key_unreadable") from error

    def _signer(self, name: str, purpose: str, key: PrivateKeyTypes) -> Signer:
        if not isinstance(key, get_args(CertificateIssuerPrivateKeyTypes)):
            raise Fault(f"Key {name} is not a signing key.", code="key_unreadable")
        private_key = cast(CertificateIssuerPrivateKeyTypes, key)
        # The header stands outside the encryption: it may have been changed.
        with _unreadable(name, purpose):
            algorithm = Algorithm(purpose)
            require_fitting_key(private_key, algorithm)
        return PrivateKeySigner(name, private_key, algorithm)

    def _decrypter(self, name: str, purpose: str, key: PrivateKeyTypes) -> Decrypter:
        with _unreadable(name, purpose):
            kind = EncryptionKind(purpose)
            private_key = require_decryption_key(key, kind)
        return PrivateKeyDecrypter(name, private_key, kind)

    def _derive(self, salt: bytes) -> bytes:
        return Scrypt(salt=salt, length=32, n=2**14, r=8, p=1).derive(self._passphrase.reveal().encode())

    def _path(self, name: str, kind: str) -> Path:
        require_key_name(name)
        return self.folder / f"{name}.{kind}"


@contextmanager
def _unreadable(name: str, purpose: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, Rejected) as error:
        raise Fault(f"Key {name} is not a key for {purpose}.", code="key_unreadable") from error


def require_key_name(name: str) -> None:
    """Check that ``name`` can be a key's. :raises Rejected: (``bad_key_name``)."""
    if not _NAME.fullmatch(name):
        raise Rejected(f"{name!r} is not a key name.", code="bad_key_name")


def require_private(path: Path) -> None:
    """Check that only the owner can read or write ``path``.

    :raises Fault: (``key_readable_by_others``), naming the path and the command that mends it.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        wanted = "700" if path.is_dir() else "600"
        raise Fault(
            f"{path} is open to other users (mode {mode:o}): chmod {wanted} {path}", code="key_readable_by_others"
        )


def write_private(path: Path, content: bytes) -> None:
    """Write a new file that only the owner can read, whole and on disk, or not at all.

    :raises Conflict: if it exists.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{new_secret(6)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # fails if the name is taken: exactly one winner
    except FileExistsError as error:
        raise Conflict(f"{path.name} exists already.", code="key_exists") from error
    finally:
        draft.unlink(missing_ok=True)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_passphrase(path: Path, *, create: bool = False) -> SecretText:
    """Return the passphrase that the file holds (one line); with ``create`` make a random one if there is no file.

    :raises NotFound: if there is no file. :raises Fault: if others can read it.
    """
    if create and not path.exists():
        with suppress(Conflict):
            write_private(path, new_secret().encode() + b"\n")
    return SecretText(_read_private(path).decode().strip())


def _read_private(path: Path) -> bytes:
    try:
        require_private(path)
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"There is no {path.name}.", code="key_not_found") from error
