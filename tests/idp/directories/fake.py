"""Directories that answer as a test wants, in place of those that answer over a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from composition import Composition
from idp.directories.directory import Directory, Entry
from idp.directories.errors import DirectoryMismatchError
from idp.directories.names import InstitutionalName
from idp.directories.port import ServerReport
from idp.directories.register import Wanted, add_directory, directory_wanted
from idp.directory.institutions import add_institution
from kernel.secret_text import SecretText

RUC = "1760013210001"
PASSWORD = "neblina-tambor-74"


def entry(cedula: str = "0912345675", **more: object) -> Entry:
    """Return an entry of Rosa's."""
    values: dict[str, object] = {
        "dn": "uid=rchimbo,ou=gente,dc=salud,dc=test",
        "key": "11112222333344445555666677778888",
        "cedula": cedula,
        "given_names": "Rosa Elena",
        "surnames": "Chimbo Andi",
        "mail": "rchimbo@salud.gob.ec",
        "groups": ("CN=Caja, OU=Grupos,dc=salud",),
    }
    return Entry(**{**values, **more})  # type: ignore[arg-type]


@dataclass
class FakeDirectories:
    """Knows people by what they type.

    :ivar error: raised instead of any answer. :ivar asked: how often a password was sent.
    """

    people: dict[str, Entry] = field(default_factory=lambda: {"rchimbo": entry()})
    error: Exception | None = None
    asked: int = 0

    def authenticate(
        self, directory: Directory, *, name: InstitutionalName | None, cedula: str, password: bytes, now: datetime
    ) -> Entry:
        """See the port."""
        self.asked += 1
        if self.error:
            raise self.error
        found = self._find(name.username.casefold() if name else "", cedula)
        if found is None or password != PASSWORD.encode():
            raise DirectoryMismatchError
        return found

    def find(self, directory: Directory, *, cedula: str, now: datetime) -> Entry | None:
        """See the port."""
        if self.error:
            raise self.error
        return self._find("", cedula)

    def examine(self, directory: Directory) -> tuple[ServerReport, ...]:
        """See the port."""
        reason = getattr(self.error, "reason", None)
        return tuple(ServerReport(server, 0.01, reason) for server in directory.servers)

    def _find(self, username: str, cedula: str) -> Entry | None:
        if username:
            return self.people.get(username)
        return next((each for each in self.people.values() if each.cedula == cedula), None)


def add_salud(composition: Composition, **more: object) -> Directory:
    """Register the institution and its directory."""
    services, now = composition.idp, composition.clock.now()
    values: dict[str, object] = {
        "name": "salud",
        "ruc": RUC,
        "domains": ["salud.gob.ec"],
        "urls": ["ldaps://ad1.salud.gob.ec"],
        "kind": "active-directory",
        "search_base": "dc=salud,dc=test",
        "attributes": {},
        "bind_dn": "cn=sau,dc=salud,dc=test",
        "password": SecretText("laguna-cuaderno-58"),
        "creates_people": True,
        "level": 2,
    }
    with composition.database.transaction() as session:
        add_institution(
            session,
            journal=services.journal,
            ruc=RUC,
            name="Ministerio de Salud Pública",
            domains=["salud.gob.ec", "salud.test"],
            now=now,
        )
        made, _ = directory_wanted(services, session, Wanted(**{**values, **more}))  # type: ignore[arg-type]
        return add_directory(session, services=services, directory=made, now=now)
