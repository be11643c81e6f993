"""What the console is given by the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from audit.journal import Journal
from audit.services import AuditServices
from ca.services import CaServices
from idp.services import IdpServices
from kernel.clock import Clock
from kernel.database import Database
from kernel.settings import Settings


@dataclass(frozen=True)
class AdminServices:
    """Adapters of the console and the houses that it is a window onto. It owns no rule of theirs."""

    settings: Settings
    clock: Clock
    database: Database
    journal: Journal
    idp: IdpServices
    ca: CaServices
    audit: AuditServices
