"""A configuration on its way into the register: what every section's part of the work is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from admin.as_code.yaml_text import Lines, Path
from admin.services import AdminServices
from audit.journal import Journal
from idp.broker.provider import Discovered
from kernel.errors import Rejected, ServiceError


@dataclass
class Work:
    """One transaction's work.

    :ivar prune: what stands in the register and not in a section of the file is closed.
    :ivar checked_sectors: ``sector_identifier_uri`` and redirect URIs that were checked before the transaction.
    :ivar hidden: paths of secrets that were replaced: the difference of two documents cannot show them.
    :ivar discovered: what new providers say of themselves, by name, asked before the transaction.
    :ivar approver: who agreed to what goes from the sandbox to production; empty: nobody.
    :ivar closings: what is done last, so that nothing that still refers to it is refused.
    """

    session: Session
    services: AdminServices
    lines: Lines
    prune: bool
    actor: str
    now: datetime
    checked_sectors: frozenset[tuple[str, tuple[str, ...]]] = frozenset()
    hidden: list[Path] = field(default_factory=list)
    closings: list[tuple[Path, Callable[[], object]]] = field(default_factory=list)
    discovered: Mapping[str, Discovered] = field(default_factory=dict)
    approver: str = ""
    _path: Path = ()
    _placed: ServiceError | None = None

    @property
    def journal(self) -> Journal:
        """Where events go."""
        return self.services.journal

    @contextmanager
    def at(self, *path: str) -> Iterator[None]:
        """Let errors of what is done within say where in the file it stands."""
        outer, self._path = self._path, path
        try:
            yield
        except ServiceError as error:
            if error is not self._placed:  # an inner block may have said it already
                detail = error.public_detail or error.code
                member, _, rest = detail.partition(": ")  # rules of registration begin with the member's name
                if rest and (*path, member) in self.lines.by_path:
                    path, detail = (*path, member), rest
                error.public_detail = f"{self.lines.place(path)}: {detail}"
                self._placed = error
            raise
        finally:
            self._path = outer

    def wrong(self, what: str) -> Rejected:
        """Return an error for the place that the work is at."""
        return Rejected(what, code="bad_configuration")

    def close_later(self, path: Path, close: Callable[[], object]) -> None:
        """Do ``close`` at the end."""
        self.closings.append((path, close))

    def close(self) -> None:
        """Do what waits for the end."""
        for path, close in self.closings:
            with self.at(*path):
                close()
