"""What the certificate authority is given by the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from audit.journal import Journal
from ca.ports import Institutions, RevocationListener
from kernel.clock import Clock
from kernel.database import Database
from kernel.settings import Settings
from keys.store import KeyStore


@dataclass(frozen=True)
class CaServices:
    """Adapters and shared values of the authority. The root's key store is not here: see ``ca.ceremony``.

    :ivar revocation_listeners: told of each revocation by the worker.
    """

    settings: Settings
    clock: Clock
    database: Database
    keystore: KeyStore
    journal: Journal
    institutions: Institutions
    revocation_listeners: tuple[RevocationListener, ...] = ()
