"""The certificate log as sequencing, proofs and publication know it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from audit.anchor import AnchorFolder
from audit.checkpoint import LogKey
from audit.model import LogTables
from audit.services import ensure_log_key
from audit.tree_store import find_head
from audit.witnesses import WitnessPolicy
from ca.locations import PKI_PREFIX
from ca.transparency.listing import list_publicly
from ca.transparency.model import LOG_TABLES
from ca.transparency.passes import Passes
from ca.units.chain import unit_chain
from kernel.clock import Clock
from kernel.database import Database
from kernel.errors import Fault, NotFound
from kernel.settings import Settings
from keys.signer import Signer
from keys.store import KeyStore

LOG_KEY = "certificate-log"
LOG_PATH = f"{PKI_PREFIX}/log"


@dataclass(frozen=True)
class CertificateLog:
    """The log of certificates: a :class:`audit.signed_log.SignedLog`."""

    settings: Settings
    clock: Clock
    database: Database
    keystore: KeyStore

    @cached_property
    def passes(self) -> Passes:
        """The passes of this process that give entries their places."""
        return Passes()

    @property
    def tables(self) -> LogTables:
        """Its tables."""
        return LOG_TABLES

    @property
    def origin(self) -> str:
        """The name that the log begins under: its address without scheme (C2SP tlog-tiles, "Parameters")."""
        return urlsplit(self.settings.issuer).netloc + LOG_PATH

    @cached_property
    def log_signer(self) -> Signer:
        """The key that signs checkpoints, made when the log begins: an installation from before has none.

        :raises Fault: (``log_key_lost``) if the log has begun and its key is away; a new one would be another log's.
        """
        try:
            return self.keystore.open(LOG_KEY)
        except NotFound:
            with self.database.reading() as session:
                head = find_head(session, LOG_TABLES)
            if head is not None and head.size:
                raise Fault(f"The key {LOG_KEY} is not in the key store.", code="log_key_lost") from None
            return ensure_log_key(self.keystore, LOG_KEY)

    def open_signer(self) -> None:
        """Have the key at hand: opening takes a moment, and whoever waits for the database should not wait for it."""
        _ = self.log_signer

    @property
    def anchors(self) -> AnchorFolder:
        """Checkpoints outside the database."""
        return AnchorFolder(self.settings.home / "certificate-log-checkpoints")

    def log_key(self, origin: str) -> LogKey:
        """Return the public key that checkpoints of ``origin`` are verified with."""
        return LogKey.of(origin, self.log_signer)

    @cached_property
    def policy(self) -> WitnessPolicy:
        """Who witnesses it. :raises CheckpointError: if a witness's key in the settings is none."""
        return WitnessPolicy.from_settings(self.settings)

    def certificate_chain(self, session: Session) -> tuple[bytes, ...]:
        """Return the certificate of its key and those above it, DER; empty: it was not certified."""
        return unit_chain(session, LOG_KEY)

    def placed(self, session: Session, entries: Sequence[tuple[str, bytes]], *, first: int) -> None:
        """Put the public ones among the certificates that got their places on the public list."""
        list_publicly(session, entries, first=first)
