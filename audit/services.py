"""What the evidence is given by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from audit.anchor import AnchorFolder
from audit.checkpoint import LogKey
from audit.journal import Journal
from audit.model import AUDIT_TABLES, LogTables
from audit.witnesses import Outgoing, WitnessPolicy
from kernel.clock import Clock
from kernel.database import Database
from kernel.errors import Conflict, NotFound
from kernel.settings import Settings
from keys.signer import Algorithm, Signer
from keys.store import KeyStore

LOG_KEY = "audit-log"
LOG_PATH = "/audit/log"


@dataclass(frozen=True)
class AuditServices:
    """Adapters and shared values of the evidence.

    :ivar outgoing: the one way to witnesses; never inside a transaction.
    :ivar certificates: gives the chain (DER) of the certificate that the authority issued for a log's key, by its name.
    """

    settings: Settings
    clock: Clock
    database: Database
    keystore: KeyStore
    journal: Journal
    outgoing: Outgoing
    certificates: Callable[[Session, str], tuple[bytes, ...]]

    @property
    def tables(self) -> LogTables:
        """The audit log's tables."""
        return AUDIT_TABLES

    @property
    def origin(self) -> str:
        """The name that the log begins under: its address without scheme (C2SP tlog-tiles, "Parameters")."""
        return urlsplit(self.settings.issuer).netloc + LOG_PATH

    @cached_property
    def log_signer(self) -> Signer:
        """The key that signs checkpoints. :raises NotFound: before :func:`ensure_log_key`."""
        return self.keystore.open(LOG_KEY)

    @property
    def anchors(self) -> AnchorFolder:
        """Checkpoints outside the database."""
        return AnchorFolder(self.settings.home / "audit-checkpoints")

    def log_key(self, origin: str) -> LogKey:
        """Return the public key that checkpoints of ``origin`` are verified with."""
        return LogKey.of(origin, self.log_signer)

    @cached_property
    def policy(self) -> WitnessPolicy:
        """Who witnesses it. :raises CheckpointError: if a witness's key in the settings is none."""
        return WitnessPolicy.from_settings(self.settings)

    def certificate_chain(self, session: Session) -> tuple[bytes, ...]:
        """Return the certificate of its key and those above it, DER; empty: it was not certified."""
        return self.certificates(session, LOG_KEY)

    def placed(self, session: Session, entries: Sequence[tuple[str, bytes]], *, first: int) -> None:
        """Nothing follows events into the log."""


def ensure_log_key(keystore: KeyStore, name: str = LOG_KEY) -> Signer:
    """Return a log's key, made if there is none: ``sau init`` calls it."""
    try:
        return keystore.open(name)
    except NotFound:
        try:
            return keystore.create(name, Algorithm.EDDSA)
        except Conflict:
            return keystore.open(name)
