"""Forms of changes of applications by the API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from admin.api.applications import ApplicationDocument
from admin.api.bounds import Ruc, Sha256
from admin.api.operation import Document
from admin.applications.kinds import KINDS

_Uri = Annotated[str, Field(min_length=1, max_length=2000)]
_Scope = Annotated[str, Field(min_length=1, max_length=100)]
_URIS: Any = Field(default=[], max_length=20, examples=[["https://portal.gob.ec/vuelta"]])


class NewApplication(Document):
    """An application in plain words; what it registers follows from its kind."""

    institution_ruc: Ruc
    kind: str = Field(min_length=1, max_length=20, examples=["web"], description=f"One of {', '.join(KINDS)}.")
    name: str = Field(min_length=1, max_length=100, examples=["Portal de trámites"])
    redirect_uris: list[_Uri] = _URIS
    post_logout_redirect_uris: list[_Uri] = Field(default=[], max_length=20, examples=[["https://portal.gob.ec/"]])
    scopes: list[_Scope] = Field(default=[], max_length=60, examples=[["profile"]])
    method: str = Field(default="", max_length=40, description="Empty: what is recommended for its kind.")
    jwks_uri: str = Field(default="", max_length=2000)
    resources: list[_Uri] = Field(default=[], max_length=20)
    contacts: list[Annotated[str, Field(max_length=254)]] = Field(
        default=[], max_length=10, examples=[["soporte@mintel.gob.ec"]]
    )
    policy_uri: str = Field(default="", max_length=2000)


class RegisteredDocument(Document):
    """What was registered. The secret is told here alone."""

    application: ApplicationDocument
    client_secret: str | None = Field(examples=["b64url-de-32-octetos"], description="Null for one that has none.")


class RegistrationChange(Document):
    """Members of the registration that are to be otherwise; null takes one away, the others stay."""

    registration: dict[Annotated[str, Field(max_length=64)], Any] = Field(
        min_length=1, max_length=40, examples=[{"client_name": "Portal de trámites en línea"}]
    )


class ProposedChange(RegistrationChange):
    """The same, for an application in production: somebody else decides."""

    why: str = Field(min_length=1, max_length=300, examples=["El trámite cambió de nombre"])


class ProposalDocument(Document):
    """A change that waits for somebody else. A decision names ``seen_sha256``: what was seen is what is decided."""

    id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XP"])
    client_id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XD"])
    before: dict[str, Any] = Field(examples=[{"client_name": "Portal de trámites"}])
    after: dict[str, Any] = Field(examples=[{"client_name": "Portal de trámites en línea"}])
    undoes: int | None
    why: str = Field(examples=["El trámite cambió de nombre"])
    asked_by: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XC"])
    asked_at: datetime
    stale: bool = Field(description="Whether something else is registered by now: propose it anew.")
    seen_sha256: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015" * 2])


class Decision(Document):
    """What was seen is what is decided."""

    seen_sha256: Sha256


class NoTo(Decision):
    """Why not: who proposed it reads it."""

    reason: str = Field(min_length=1, max_length=300, examples=["La dirección es de otra institución"])


class HistoryDocument(Document):
    """A change that was made."""

    version: int
    kind: str = Field(examples=["changed"])
    before: dict[str, Any] = Field(examples=[{"client_name": "Portal"}])
    after: dict[str, Any] = Field(examples=[{"client_name": "Portal de trámites"}])
    undoes: int | None
    changed_by: str | None
    approved_by: str | None
    changed_at: datetime


class Undo(Document):
    """Which change is taken back: the last one, by the version it made."""

    version: int = Field(ge=1, le=2**31 - 1)
    why: str = Field(default="", max_length=300, examples=["La dirección nueva no responde"])


class UndoneDocument(Document):
    """What came of it: taken back at once, or proposed to somebody else."""

    application: ApplicationDocument
    proposal: ProposalDocument | None
