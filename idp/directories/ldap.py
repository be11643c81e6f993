"""Directories by LDAP: which server is asked, with what connection, how many wait, and when one is left alone."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import TypeVar

from idp.accounts.identity import parse_cedula
from idp.directories.account_state import CLOSED, STATE_ATTRIBUTES, state_in_refusal, state_of_entry
from idp.directories.breaker import Breaker
from idp.directories.directory import Directory, DirectoryServer, Entry
from idp.directories.errors import (
    FINAL,
    DirectoryAccountError,
    DirectoryError,
    DirectoryMismatchError,
    DirectoryReason,
)
from idp.directories.ldap_connection import LdapConnection, Patience, RawEntry, open_connection
from idp.directories.ldap_socket import trust
from idp.directories.names import InstitutionalName, fill_bind_name, fill_filter
from idp.directories.nested_groups import with_nested
from idp.directories.port import ServerReport
from kernel.errors import Rejected, Unavailable
from kernel.identifiers import new_id
from kernel.turns import Turns
from outgoing.deadline import Deadline
from outgoing.errors import OutgoingError

_WAITING = 4
_PATIENCE = timedelta(seconds=1)
_IDLE_CONNECTIONS = 2
_IDLE_SECONDS = 60.0
_BAD_SECONDS = 60.0
_MOST_GROUPS = 500
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Bounds:
    """How long a directory may take, in seconds, and how many people of a process may wait for one at once."""

    connect: float = 3.0
    operation: float = 5.0
    whole: float = 8.0
    at_once: int = 4


@dataclass
class _State:
    """What this process remembers of one directory."""

    version: int
    turns: Turns
    breaker: Breaker
    context: ssl.SSLContext
    bad: dict[DirectoryServer, float] = field(default_factory=dict)
    idle: dict[DirectoryServer, list[tuple[float, LdapConnection]]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class LdapDirectories:
    """Implements :class:`idp.directories.port.DirectoryServers`. One instance serves all threads of a process."""

    def __init__(
        self, *, bounds: Bounds = Bounds(), ca_file: Path | None = None, tick: Callable[[], float] = monotonic
    ) -> None:
        self._bounds = bounds
        self._ca_file = ca_file
        self._tick = tick
        self._states: dict[str, _State] = {}
        self._lock = threading.Lock()

    def authenticate(
        self, directory: Directory, *, name: InstitutionalName | None, cedula: str, password: bytes, now: datetime
    ) -> Entry:
        """See the port."""
        places = _places(name, cedula)
        question = directory.username_filter if name else directory.cedula_filter

        def ask(server: DirectoryServer, deadline: Deadline) -> Entry:
            found = None
            if directory.searches:
                found = self._search(directory, server, fill_filter(question, **places), deadline=deadline)
                # For a name that is not there as many questions as for one that is.
                bind_name = found.dn if found else f"cn={new_id()},{directory.search_base}"
            else:
                bind_name = fill_bind_name(directory.bind_template, **places)
            with self._opened(directory, server, deadline) as connection:
                answer = connection.bind(bind_name, password, deadline=deadline)
                if answer.fits and found is None and not directory.searches:
                    found = self._one(connection, directory, fill_filter(question, **places), deadline)
            if not answer.fits or found is None:
                state = state_in_refusal(answer.message)
                if state and found:
                    raise DirectoryAccountError(state, entry_key=_entry(directory, found).key)
                raise DirectoryMismatchError
            _require_open(directory, found, now=now)
            return self._with_groups(directory, server, _entry(directory, found), deadline)

        return self._ask(directory, ask)

    def find(self, directory: Directory, *, cedula: str, now: datetime) -> Entry | None:
        """See the port."""
        if not directory.searches:
            raise DirectoryError(DirectoryReason.NO_SECRET)
        question = fill_filter(directory.cedula_filter, **_places(None, cedula))

        def ask(server: DirectoryServer, deadline: Deadline) -> Entry | None:
            found = self._search(directory, server, question, deadline=deadline)
            if found is None or state_of_entry(_texts(found), now=now) in CLOSED:
                return None
            return self._with_groups(directory, server, _entry(directory, found), deadline)

        return self._ask(directory, ask)

    def examine(self, directory: Directory) -> tuple[ServerReport, ...]:
        """See the port."""
        return tuple(self._examine(directory, server) for server in directory.servers)

    def _examine(self, directory: Directory, server: DirectoryServer) -> ServerReport:
        began, reason, deadline = self._tick(), None, Deadline(self._bounds.whole)
        try:
            with self._opened(directory, server, deadline) as connection:
                if directory.searches:
                    self._introduce(directory, connection, deadline)
                    with suppress(DirectoryMismatchError):
                        self._one(connection, directory, f"(cn={new_id()})", deadline)
        except DirectoryError as error:
            reason = error.reason
        except OutgoingError:
            reason = DirectoryReason.TIMED_OUT
        return ServerReport(server, self._tick() - began, reason)

    def _ask(self, directory: Directory, ask: Callable[[DirectoryServer, Deadline], Answer]) -> Answer:
        """Ask the servers in turn, within the whole time, while few others do."""
        state, ends = self._state(directory), self._tick() + self._bounds.whole
        try:
            with state.turns.turn():
                state.breaker.require_closed()
                try:
                    answer = self._ask_servers(directory, state, ask, ends)
                except DirectoryError as error:
                    if error.reason in (DirectoryReason.AMBIGUOUS,):
                        state.breaker.note_answer()
                    else:
                        state.breaker.note_failure()
                    raise
                except BaseException:  # it answered: no
                    state.breaker.note_answer()
                    raise
                state.breaker.note_answer()
                return answer
        except DirectoryError:
            raise
        except Unavailable as error:
            raise DirectoryError(DirectoryReason.BUSY) from error

    def _ask_servers(
        self, directory: Directory, state: _State, ask: Callable[[DirectoryServer, Deadline], Answer], ends: float
    ) -> Answer:
        failure = DirectoryError(DirectoryReason.TIMED_OUT)
        servers = sorted(directory.servers, key=lambda each: self._tick() - state.bad.get(each, -1e9) < _BAD_SECONDS)
        for left, server in zip(range(len(servers), 0, -1), servers, strict=True):
            seconds = (ends - self._tick()) / left
            if seconds <= 0.05:
                break
            try:
                answer = ask(server, Deadline(seconds))
            except OutgoingError:
                failure = DirectoryError(DirectoryReason.TIMED_OUT)
            except DirectoryError as error:
                if error.reason in FINAL:
                    raise
                failure = error
            else:
                state.bad.pop(server, None)
                return answer
            state.bad[server] = self._tick()
        raise failure

    def _search(
        self, directory: Directory, server: DirectoryServer, question: str, *, deadline: Deadline
    ) -> RawEntry | None:
        return self._as_searcher(
            directory, server, lambda connection: self._one(connection, directory, question, deadline), deadline
        )

    def _with_groups(self, directory: Directory, server: DirectoryServer, entry: Entry, deadline: Deadline) -> Entry:
        """Add the groups that its groups are in, where the operator wants them."""
        attribute = directory.attributes.groups
        if not directory.nested_groups or not directory.searches or not entry.groups:
            return entry

        def walk(connection: LdapConnection) -> Entry:
            def above(group: str) -> Sequence[str]:
                found = connection.read(group, (attribute,), deadline=deadline)
                return _texts(found).get(attribute.lower(), ()) if found else ()

            source, floors = directory.source, directory.nested_groups
            return replace(entry, groups=with_nested(entry.groups, floors=floors, above=above, plain=source.plain))

        return self._as_searcher(directory, server, walk, deadline)

    def _as_searcher(
        self,
        directory: Directory,
        server: DirectoryServer,
        ask: Callable[[LdapConnection], Answer],
        deadline: Deadline,
    ) -> Answer:
        """Ask with this service's own name; a connection that was kept may have been closed at the other end."""
        kept = self._take_idle(directory, server)
        if kept is not None:
            try:
                found = ask(kept)
            except DirectoryError as error:
                kept.close()
                if error.reason is not DirectoryReason.UNREACHABLE:
                    raise
            else:
                self._keep_idle(directory, server, kept)
                return found
        opened = self._open(directory, server, deadline)
        try:
            self._introduce(directory, opened, deadline)
            found = ask(opened)
        except BaseException:
            opened.close()
            raise
        self._keep_idle(directory, server, opened)
        return found

    def _one(
        self, connection: LdapConnection, directory: Directory, question: str, deadline: Deadline
    ) -> RawEntry | None:
        wanted = (*directory.attributes.names, *STATE_ATTRIBUTES)
        found = connection.search(directory.search_base, question, wanted, most=1, deadline=deadline)
        return found[0] if found else None

    def _introduce(self, directory: Directory, connection: LdapConnection, deadline: Deadline) -> None:
        password = _service_password(directory)
        if not connection.bind(directory.bind_dn, password, deadline=deadline).fits:
            raise DirectoryError(DirectoryReason.SERVICE_REFUSED)

    @contextmanager
    def _opened(self, directory: Directory, server: DirectoryServer, deadline: Deadline) -> Iterator[LdapConnection]:
        connection = self._open(directory, server, deadline)
        try:
            yield connection
        finally:
            connection.close()

    def _open(self, directory: Directory, server: DirectoryServer, deadline: Deadline) -> LdapConnection:
        patience = Patience(self._bounds.connect, self._bounds.operation)
        return open_connection(server, self._state(directory).context, patience=patience, deadline=deadline)

    def _take_idle(self, directory: Directory, server: DirectoryServer) -> LdapConnection | None:
        state = self._state(directory)
        with state.lock:
            idle = state.idle.setdefault(server, [])
            old = [held for since, held in idle if self._tick() - since >= _IDLE_SECONDS]
            idle[:] = [each for each in idle if each[1] not in old]
            taken = idle.pop()[1] if idle else None
        for held in old:
            held.close()
        return taken

    def _keep_idle(self, directory: Directory, server: DirectoryServer, connection: LdapConnection) -> None:
        state = self._state(directory)
        with state.lock:
            idle = state.idle.setdefault(server, [])
            if len(idle) < _IDLE_CONNECTIONS:
                idle.append((self._tick(), connection))
                return
        connection.close()

    def _state(self, directory: Directory) -> _State:
        with self._lock:
            state = self._states.get(directory.id)
            if state is None or state.version != directory.version:
                state = self._states[directory.id] = _State(
                    directory.version,
                    Turns(at_once=self._bounds.at_once, waiting=_WAITING, patience=_PATIENCE),
                    Breaker(tick=self._tick),
                    trust(directory.ca_pem or self._usual_ca()),
                )
            return state

    def _usual_ca(self) -> str:
        if self._ca_file is None:
            return ""
        try:
            return self._ca_file.read_text()
        except OSError as error:
            raise DirectoryError(DirectoryReason.BAD_CERTIFICATE) from error


def _places(name: InstitutionalName | None, cedula: str) -> Mapping[str, str]:
    return {
        "username": name.username if name else cedula,
        "domain": name.domain if name else "",
        "cedula": cedula,
    }


def _service_password(directory: Directory) -> bytes:
    try:
        text = directory.password_file.read_text().rstrip("\r\n") if directory.password_file else ""
    except (OSError, UnicodeDecodeError) as error:
        raise DirectoryError(DirectoryReason.NO_SECRET) from error
    password = (text or directory.password.reveal()).encode()
    if not password:
        raise DirectoryError(DirectoryReason.NO_SECRET)
    return password


def _require_open(directory: Directory, found: RawEntry, *, now: datetime) -> None:
    state = state_of_entry(_texts(found), now=now)
    if state is not None:
        raise DirectoryAccountError(state, entry_key=_entry(directory, found).key)


def _texts(found: RawEntry) -> Mapping[str, tuple[str, ...]]:
    return {
        name: tuple(value.decode(errors="replace")[:1000] for value in values[:_MOST_GROUPS])
        for name, values in found.attributes.items()
    }


def _entry(directory: Directory, found: RawEntry) -> Entry:
    texts, names = _texts(found), directory.attributes
    return Entry(
        dn=found.dn,
        key=_key(found.attributes.get(names.key.lower(), ())),
        cedula=_cedula(texts.get(names.cedula.lower(), ())),
        given_names=_first(texts, names.given_names),
        surnames=_first(texts, names.surnames),
        mail=_first(texts, names.mail),
        groups=tuple(texts.get(names.groups.lower(), ())) if names.groups else (),
        attributes=texts,
    )


def _first(texts: Mapping[str, Sequence[str]], name: str) -> str:
    values = texts.get(name.lower(), ()) if name else ()
    return values[0] if values else ""


def _cedula(values: Sequence[str]) -> str:
    """A cédula that stands there once and is one; else nothing: it links nobody."""
    if len(values) != 1:
        return ""
    try:
        return parse_cedula(values[0])
    except Rejected:
        return ""


def _key(values: Sequence[bytes]) -> str:
    if not values:
        return ""
    value = values[0][:100]
    return value.decode() if value.isascii() and value.decode().isprintable() and len(value) != 16 else value.hex()
