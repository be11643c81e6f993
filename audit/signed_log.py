"""A Merkle log of ours, as sequencing, proofs and publication know it: there are several, all of one code."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Protocol

from sqlalchemy.orm import Session

from audit.anchor import AnchorFolder
from audit.checkpoint import LogKey
from audit.model import LogTables
from audit.tree_store import find_head
from audit.witnesses import WitnessPolicy
from kernel.clock import Clock
from kernel.database import Database
from keys.signer import Signer


class SignedLog(Protocol):
    """Where a log's entries stand, under which name and with which key it is signed."""

    @property
    def clock(self) -> Clock:
        """The service's clock."""
        ...

    @property
    def database(self) -> Database:
        """Where the tables are."""
        ...

    @property
    def tables(self) -> LogTables:
        """The log's tables."""
        ...

    @property
    def origin(self) -> str:
        """The name that the log begins under: its address without scheme (C2SP tlog-tiles, "Parameters")."""
        ...

    @property
    def log_signer(self) -> Signer:
        """The key that signs checkpoints."""
        ...

    @property
    def anchors(self) -> AnchorFolder:
        """Checkpoints outside the database."""
        ...

    def log_key(self, origin: str) -> LogKey:
        """Return the public key that checkpoints of ``origin`` are verified with."""
        ...

    @property
    def policy(self) -> WitnessPolicy:
        """Who witnesses it."""
        ...

    def certificate_chain(self, session: Session) -> tuple[bytes, ...]:
        """Return the certificate of its key and those above it, DER; empty: it was not certified."""
        ...

    def placed(self, session: Session, entries: Sequence[tuple[str, bytes]], *, first: int) -> None:
        """Follow entries (name, leaf) into the places from ``first`` on, in the transaction that gives them."""
        ...


def key_in_use(session: Session, log: SignedLog) -> LogKey:
    """Return the public key of ``log`` under the name that it began with, which a changed issuer does not change."""
    head = find_head(session, log.tables)
    return log.log_key(head.origin if head else log.origin)


def pem_chain(chain: Sequence[bytes]) -> str:
    """Return certificates (DER) as PEM (RFC 7468 §5)."""
    return "".join(ssl.DER_cert_to_PEM_cert(each) for each in chain)
