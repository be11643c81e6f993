"""A session with a security module: opened when it is needed, again after a fork, and again after it was lost."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import TypeVar

import pkcs11
from pkcs11 import exceptions

from kernel.errors import Fault, NotFound, Unavailable
from keys.file_store import read_passphrase
from keys.token_address import TokenAddress

T = TypeVar("T")

_RETRY_AFTER = 1.0  # seconds: a module that waits for its network must not hold up every request anew
# What a call is told about itself; anything else says that session, token or module are gone.
_ABOUT_THE_CALL = (
    exceptions.NoSuchKey,
    exceptions.MultipleObjectsReturned,
    exceptions.MechanismInvalid,
    exceptions.MechanismParamInvalid,
    exceptions.AttributeTypeInvalid,
    exceptions.AttributeValueInvalid,
    exceptions.AttributeSensitive,
    exceptions.TemplateIncomplete,
    exceptions.TemplateInconsistent,
    exceptions.KeySizeRange,
    exceptions.DataLenRange,
    exceptions.TokenWriteProtected,
    exceptions.FunctionNotSupported,
)
_WRONG_PIN = (exceptions.PinIncorrect, exceptions.PinLocked, exceptions.PinExpired, exceptions.PinInvalid)


class _Module:
    """A PKCS#11 library in this process. It was told nothing of threads, so one call goes on at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = RLock()
        self.process = os.getpid()
        self.generation = 0  # raised when the library begins anew: every session before is void

    def library(self) -> pkcs11._pkcs11.lib:
        """Return the library, ready in this process.

        :raises Unavailable: (``token_module_missing``) if the file cannot be loaded.
        """
        if self.process != os.getpid():
            self.begin_anew()
        try:
            return pkcs11.lib(str(self.path))
        except (exceptions.PKCS11Error, RuntimeError) as error:
            raise Unavailable(f"The PKCS#11 module {self.path} does not load.", code="token_module_missing") from error

    def begin_anew(self) -> None:
        """Initialise the library again: after a fork (PKCS#11 §6.7.1), or for a token that has come back."""
        self.process = os.getpid()
        self.generation += 1
        with suppress(exceptions.PKCS11Error, RuntimeError):
            pkcs11.lib(str(self.path)).finalize()


_MODULES: dict[Path, _Module] = {}


def _after_fork() -> None:
    for module in _MODULES.values():
        module.lock = RLock()  # another thread may have held it when this process began


os.register_at_fork(after_in_child=_after_fork)


class TokenConnection:
    """Work on one token; one session a process. Safe among threads, which take turns.

    :param address: the token. Its PIN is read from the file for each login, and not kept.
    """

    def __init__(self, address: TokenAddress) -> None:
        self.address = address
        self._module = _MODULES.setdefault(address.module, _Module(address.module))
        self._session: pkcs11.Session | None = None
        self.kept: dict[str, pkcs11.PrivateKey] = {}  # of this session; for work that is being run
        self._generation = -1
        self._failed_at: float | None = None
        self._refused_pin: tuple[int, int] | None = None

    def run(self, work: Callable[[pkcs11.Session], T]) -> T:
        """Return what ``work`` makes of the session; a session that was lost is opened again, once, before giving up.

        ``work`` may be called twice, and keeps objects of the session in :attr:`kept` only.

        :raises Unavailable: (``token_unavailable``, ``token_pin_refused``, ``token_module_missing``).
        """
        with self._turn():
            if self._failed_at is not None and time.monotonic() - self._failed_at < _RETRY_AFTER:
                raise self._unavailable()
            try:
                return self._try_twice(work)
            except Unavailable:
                self._failed_at = time.monotonic()
                raise

    def close(self) -> None:
        """Give the session up; the next work opens another."""
        with self._turn():
            self._drop()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self._module.lock:
            yield

    def _try_twice(self, work: Callable[[pkcs11.Session], T]) -> T:
        for last in (False, True):
            try:
                result = work(self._open())
            except _ABOUT_THE_CALL:
                raise
            except _WRONG_PIN as error:
                self._drop()
                self._refused_pin = self._pin_stamp()
                raise self._pin_refused() from error
            except exceptions.PKCS11Error as error:
                current = self._generation == self._module.generation
                self._drop()
                if last:
                    raise self._unavailable() from error
                if current:  # else another connection has begun anew meanwhile
                    self._module.begin_anew()
            else:
                self._failed_at = None
                return result
        raise AssertionError

    def _open(self) -> pkcs11.Session:
        library = self._module.library()
        if self._session is not None and self._generation == self._module.generation:
            return self._session
        self._generation, self._session = self._module.generation, None
        self.kept.clear()
        if self._refused_pin is not None and self._refused_pin == self._pin_stamp():
            # Some tokens lock themselves for good after a few wrong PINs: the same one is not tried again.
            raise self._pin_refused()
        found = self.address
        serial = found.serial.encode() if found.serial else None
        token = library.get_token(token_label=found.label, token_serial=serial)
        try:
            pin = read_passphrase(found.pin_file)
        except NotFound as error:
            raise Unavailable(f"There is no PIN file {found.pin_file}.", code="token_pin_refused") from error
        try:
            self._session = token.open(rw=True, user_pin=pin.reveal())
        except exceptions.UserAlreadyLoggedIn:  # by another connection of this process
            self._session = token.open(rw=True)
        return self._session

    def _drop(self) -> None:
        session, self._session = self._session, None
        self.kept.clear()
        if session is not None and self._generation == self._module.generation:
            with suppress(exceptions.PKCS11Error):
                session.close()

    def _pin_stamp(self) -> tuple[int, int]:
        try:
            found = self.address.pin_file.stat()
        except OSError:
            return (0, 0)
        return (found.st_mtime_ns, found.st_ino)

    def _pin_refused(self) -> Unavailable:
        return Unavailable(
            f"The token {self.address.name} does not take the PIN of {self.address.pin_file}.",
            code="token_pin_refused",
        )

    def _unavailable(self) -> Unavailable:
        return Unavailable(f"The token {self.address.name} does not answer.", code="token_unavailable")


def explain(error: exceptions.PKCS11Error, what: str) -> Fault:
    """Return the fault that a call which the token refused is to its caller."""
    return Fault(f"The token refused {what} ({type(error).__name__}).", code="token_refused")
