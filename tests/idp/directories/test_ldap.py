"""The adapter against OpenLDAP, and against servers that hang, lie, or are somebody else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.directories.account_state import AccountState
from idp.directories.directory import Directory
from idp.directories.errors import DirectoryAccountError, DirectoryError, DirectoryMismatchError, DirectoryReason
from idp.directories.ldap import Bounds, LdapDirectories
from idp.directories.names import InstitutionalName
from kernel.secret_text import SecretText
from tests.idp.directories.conftest import MakeDirectory
from tests.servers.process import free_port
from tests.servers.slapd import BASE, PASSWORD, Slapd
from tests.servers.tls import write_localhost_certificate

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
ROSA = InstitutionalName("rchimbo", "salud.test")
RIGHT = PASSWORD.encode()
_SILENT_SECONDS = 60
pytestmark = pytest.mark.server


def ask(ldap: LdapDirectories, directory: Directory, password: bytes = RIGHT, name: InstitutionalName = ROSA) -> str:
    """Log Rosa in; return her cédula."""
    return ldap.authenticate(directory, name=name, cedula="", password=password, now=NOW).cedula


def reason_of(ldap: LdapDirectories, directory: Directory) -> DirectoryReason:
    """Return why it did not go."""
    with pytest.raises(DirectoryError) as caught:
        ask(ldap, directory)
    return caught.value.reason


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Listen on a local port and do ``answer`` with each connection."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            while True:
                try:
                    accepted, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=[accepted], daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def silent(accepted: socket.socket) -> None:
    """Accept, and say nothing."""
    threading.Event().wait(_SILENT_SECONDS)
    accepted.close()


class TestOpenLdap:
    """What the directory itself says."""

    def test_right_password(self, ldap: LdapDirectories, salud: Directory) -> None:
        """The entry comes with the cédula, the names, the mail, and a key for good."""
        entry = ldap.authenticate(salud, name=ROSA, cedula="", password=RIGHT, now=NOW)
        assert (entry.cedula, entry.given_names, entry.surnames) == ("0912345675", "Rosa Elena", "Chimbo Andi")
        assert entry.mail == "rchimbo@salud.test"
        assert len(entry.key) == 36

    def test_by_cedula(self, ldap: LdapDirectories, salud: Directory) -> None:
        """Whoever types the cédula is found by it."""
        entry = ldap.authenticate(salud, name=None, cedula="0912345675", password=RIGHT, now=NOW)
        assert entry.dn == f"uid=rchimbo,ou=gente,{BASE}"

    def test_shaped_like_active_directory(
        self, ldap: LdapDirectories, slapd: Slapd, directory_at: MakeDirectory
    ) -> None:
        """Found by sAMAccountName or by userPrincipalName, known by objectGUID."""
        directory = directory_at(slapd.url, kind="active-directory", ca_pem=slapd.ca.read_text())
        entry = ldap.authenticate(directory, name=ROSA, cedula="", password=RIGHT, now=NOW)
        assert (entry.cedula, len(bytes.fromhex(entry.key))) == ("0912345675", 16)

    def test_start_tls(self, ldap: LdapDirectories, slapd: Slapd, directory_at: MakeDirectory) -> None:
        """The server refuses a bind in clear: TLS stood before it."""
        assert ask(ldap, directory_at(slapd.start_tls_url, ca_pem=slapd.ca.read_text())) == "0912345675"

    @pytest.mark.parametrize("name", [ROSA, InstitutionalName("nadie", "salud.test")], ids=["there", "absent"])
    def test_wrong_password_and_absent_name_are_one_answer(
        self, ldap: LdapDirectories, salud: Directory, name: InstitutionalName
    ) -> None:
        """Neither says which of them it was."""
        with pytest.raises(DirectoryMismatchError):
            ask(ldap, salud, b"otra-cosa", name)

    def test_a_star_is_a_star(self, ldap: LdapDirectories, salud: Directory) -> None:
        """Even if a name came here without being parsed, it is a value (attacks-and-faults 10)."""
        for evil in ("*", "*)(uid=*", "rchimbo)(|(uid=*", "\x00", "rchimbo\\2a"):
            with pytest.raises(DirectoryMismatchError):
                ask(ldap, salud, RIGHT, InstitutionalName(evil, "salud.test"))

    def test_a_bind_template_needs_no_searcher(
        self, ldap: LdapDirectories, slapd: Slapd, directory_at: MakeDirectory
    ) -> None:
        """The person is bound first and then reads the own entry."""
        template = f"uid={{username}},ou=gente,{BASE}"
        directory = directory_at(slapd.url, ca_pem=slapd.ca.read_text(), bind_dn="", bind_template=template)
        assert ask(ldap, directory) == "0912345675"
        with pytest.raises(DirectoryMismatchError):
            ask(ldap, directory, b"otra-cosa")
        with pytest.raises(DirectoryMismatchError):
            ask(ldap, directory, RIGHT, InstitutionalName("x,ou=gente", "salud.test"))

    @pytest.mark.parametrize(
        ("attribute", "value", "state"),
        [
            ("userAccountControl", "514", AccountState.DISABLED),
            ("userAccountControl", "528", AccountState.LOCKED),
            ("userAccountControl", "8389120", AccountState.PASSWORD_EXPIRED),
            ("accountExpires", "133000000000000000", AccountState.EXPIRED),
        ],
        ids=["disabled", "locked", "password", "expired"],
    )
    def test_an_account_that_is_closed_there(
        self, ldap: LdapDirectories, salud: Directory, slapd: Slapd, attribute: str, value: str, state: AccountState
    ) -> None:
        """Told to who has the right password, and to nobody else."""
        before = "512" if attribute == "userAccountControl" else None
        slapd.set("rchimbo", attribute, value)
        try:
            with pytest.raises(DirectoryAccountError) as caught:
                ask(ldap, salud)
            assert caught.value.state is state
            with pytest.raises(DirectoryMismatchError):
                ask(ldap, salud, b"otra-cosa")
        finally:
            slapd.set("rchimbo", attribute, before)

    def test_two_entries_of_one_name_are_nobody(
        self, ldap: LdapDirectories, salud: Directory, directory_at: MakeDirectory, slapd: Slapd
    ) -> None:
        """Which of them it is cannot be guessed; and no other server is asked, nor the directory left alone."""
        both = directory_at(
            slapd.url, ca_pem=slapd.ca.read_text(), username_filter="(|(uid={username})(objectClass=inetOrgPerson))"
        )
        for _ in range(4):
            assert reason_of(ldap, both) is DirectoryReason.AMBIGUOUS

    def test_wrong_words_of_our_own(self, ldap: LdapDirectories, slapd: Slapd, directory_at: MakeDirectory) -> None:
        """The operator's password does not fit: a reason for the operator, not a wrong password of the person."""
        directory = directory_at(slapd.url, ca_pem=slapd.ca.read_text(), password=SecretText("no"))
        assert reason_of(ldap, directory) is DirectoryReason.SERVICE_REFUSED

    def test_connections_are_kept_and_renewed(self, ldap: LdapDirectories, salud: Directory) -> None:
        """The second search goes over the first one's connection; one that was closed meanwhile costs nothing."""
        assert ask(ldap, salud) == ask(ldap, salud)
        (idle,) = ldap._state(salud).idle.values()
        assert len(idle) == 1
        idle[0][1]._held._socket.shutdown(socket.SHUT_RDWR)
        assert ask(ldap, salud) == "0912345675"

    def test_find(self, ldap: LdapDirectories, salud: Directory, slapd: Slapd) -> None:
        """The periodic look: there, disabled, gone."""
        assert ldap.find(salud, cedula="0912345675", now=NOW)
        assert ldap.find(salud, cedula="1712345678", now=NOW) is None
        slapd.set("rchimbo", "userAccountControl", "514")
        try:
            assert ldap.find(salud, cedula="0912345675", now=NOW) is None
        finally:
            slapd.set("rchimbo", "userAccountControl", "512")

    def test_examine(self, ldap: LdapDirectories, slapd: Slapd, directory_at: MakeDirectory) -> None:
        """Each server by itself."""
        reports = ldap.examine(directory_at(slapd.url, f"ldaps://localhost:{free_port()}", ca_pem=slapd.ca.read_text()))
        assert [report.reason for report in reports] == [None, DirectoryReason.UNREACHABLE]


class TestNobodyThere:
    """Down, hung, slow, somebody else (attacks-and-faults 10)."""

    def test_the_next_server_is_asked(self, ldap: LdapDirectories, slapd: Slapd, directory_at: MakeDirectory) -> None:
        """And the one that failed comes last for a minute."""
        directory = directory_at(f"ldaps://localhost:{free_port()}", slapd.url, ca_pem=slapd.ca.read_text())
        assert ask(ldap, directory) == "0912345675"
        assert list(ldap._state(directory).bad) == [directory.servers[0]]

    def test_a_hung_first_server_leaves_time_for_the_second(self, slapd: Slapd, directory_at: MakeDirectory) -> None:
        """Each gets its share of the whole."""
        ldap = LdapDirectories(bounds=Bounds(connect=5, operation=5, whole=20))
        with answering(silent) as port:
            directory = directory_at(f"ldaps://127.0.0.1:{port}", slapd.url, ca_pem=slapd.ca.read_text())
            assert ask(ldap, directory) == "0912345675"

    def test_another_authority(
        self, ldap: LdapDirectories, slapd: Slapd, directory_at: MakeDirectory, tmp_path: Path
    ) -> None:
        """Its certificate is not of the authority that the operator named: nothing is sent."""
        other, _ = write_localhost_certificate(tmp_path)
        for url in (slapd.url, slapd.start_tls_url):
            assert reason_of(ldap, directory_at(url, ca_pem=other.read_text())) is DirectoryReason.BAD_CERTIFICATE

    def test_another_host_name(self, ldap: LdapDirectories, slapd: Slapd, directory_at: MakeDirectory) -> None:
        """A right certificate of another host is a wrong one."""
        directory = directory_at(f"ldaps://127.0.0.1:{slapd.tls_port}", ca_pem=slapd.ca.read_text())
        assert reason_of(ldap, directory) is DirectoryReason.BAD_CERTIFICATE

    def test_down(self, ldap: LdapDirectories, directory_at: MakeDirectory) -> None:
        """Nobody listens."""
        assert reason_of(ldap, directory_at(f"ldap://127.0.0.1:{free_port()}")) is DirectoryReason.UNREACHABLE

    @pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
    def test_hung(self, hasty: LdapDirectories, directory_at: MakeDirectory, scheme: str) -> None:
        """It accepts and says nothing: the answer comes in bounded time."""
        with answering(silent) as port:
            began = monotonic()
            assert reason_of(hasty, directory_at(f"{scheme}://127.0.0.1:{port}")) is DirectoryReason.TIMED_OUT
            assert monotonic() - began < _SILENT_SECONDS

    def test_an_octet_now_and_then_wins_no_time(self, hasty: LdapDirectories, directory_at: MakeDirectory) -> None:
        """The end is of the whole, not from one octet to the next."""

        def drip(accepted: socket.socket) -> None:
            with closing(accepted), pytest.MonkeyPatch.context():
                accepted.recv(4096)
                for octet in b"\x30\x84\x00\x00\xff\xff" + bytes(1000):
                    try:
                        accepted.sendall(bytes([octet]))
                    except OSError:
                        return
                    threading.Event().wait(0.1)

        with answering(drip) as port:
            assert reason_of(hasty, directory_at(f"ldap://127.0.0.1:{port}")) is DirectoryReason.TIMED_OUT

    def test_more_than_allowed(self, ldap: LdapDirectories, directory_at: MakeDirectory) -> None:
        """A megabyte is not read to its end."""

        def flood(accepted: socket.socket) -> None:
            with closing(accepted):
                try:
                    accepted.recv(4096)
                    accepted.sendall(b"\x30\x84\x00\x10\x00\x00" + bytes(1024 * 1024))
                except OSError:
                    return

        with answering(flood) as port:
            assert reason_of(ldap, directory_at(f"ldap://127.0.0.1:{port}")) is DirectoryReason.TOO_LARGE

    def test_left_alone_after_three_failures(self, directory_at: MakeDirectory) -> None:
        """Then asked once; the others are told at once meanwhile."""
        moment = [1000.0]
        ldap = LdapDirectories(bounds=Bounds(30, 30, 60), tick=lambda: moment[0])
        down = directory_at(f"ldap://127.0.0.1:{free_port()}")
        told = [reason_of(ldap, down) for _ in range(4)]
        assert told == [DirectoryReason.UNREACHABLE] * 3 + [DirectoryReason.RESTING]
        moment[0] += 16
        assert reason_of(ldap, down) is DirectoryReason.UNREACHABLE
        assert reason_of(ldap, down) is DirectoryReason.RESTING

    def test_few_wait_for_a_hung_directory(self, directory_at: MakeDirectory) -> None:
        """Of twenty at once eight take a thread, and all are told within the bounds."""
        ldap, start = LdapDirectories(bounds=Bounds(3, 3, 3)), threading.Barrier(20)

        def come(directory: Directory) -> DirectoryReason:
            start.wait(60)
            return reason_of(ldap, directory)

        with answering(silent) as port, ThreadPoolExecutor(20) as people:
            began = monotonic()
            told = list(people.map(come, [directory_at(f"ldap://127.0.0.1:{port}")] * 20))
        assert told.count(DirectoryReason.BUSY) >= 12
        assert monotonic() - began < _SILENT_SECONDS


ENTRY_SHAPED = st.binary(max_size=200).map(lambda inner: bytes([0x30, 0x81, min(len(inner), 255)]) + inner)


class TestFuzz:
    """Whatever octets come: one error with a reason, never a crash or a hang (attacks-and-faults 27)."""

    @settings(max_examples=60)
    @given(
        answers=st.lists(
            st.one_of(
                st.binary(max_size=300),
                ENTRY_SHAPED,
                st.just(bytes.fromhex("300c02010178070a010004000400")),
                st.just(bytes.fromhex("300c02010161070a010004000400")),
                st.just(b"\x30" * 2000),
                st.just(b"\x30\x80" * 1000),
                st.just(bytes.fromhex("3084000000060201ff6484ffffffff")),
            ),
            max_size=4,
        )
    )
    def test_octets_of_a_liar(self, answers: list[bytes]) -> None:
        """Answers to a bind and to a search."""
        from idp.directories.directory import DirectoryServer
        from idp.directories.ldap_connection import LdapConnection, Patience
        from idp.directories.ldap_socket import LdapSocket
        from outgoing.deadline import Deadline

        ours, theirs = socket.socketpair()
        with closing(ours), closing(theirs):
            for answer in answers:
                theirs.sendall(answer)
            theirs.shutdown(socket.SHUT_WR)
            held = LdapSocket(ours, Deadline(5))
            connection = LdapConnection(DirectoryServer("localhost", 389, False), held, Patience(1, 5))
            try:
                assert not connection.bind("cn=x", b"y", deadline=Deadline(5)).fits or answers
                connection.search("dc=x", "(uid=x)", ["uid"], most=1, deadline=Deadline(5))
            except DirectoryError:
                pass
