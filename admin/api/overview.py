"""The front page by the API: what waits, what is about to break, how people logged in; and where institutions' people
come from: their directories and providers."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import Field
from sqlalchemy.orm import Session

from admin.api.hidden import hidden
from admin.api.operation import Call, Document, Operation
from admin.hierarchy import authority_tree
from admin.hour_counts import login_figures
from admin.level_counts import level_figures
from admin.overview import logins_by_hour, start_of_day
from admin.permissions import Permission
from admin.what_breaks import what_breaks
from admin.what_waits import what_waits
from idp.broker.change import find_provider_by_id
from idp.broker.health import provider_health
from idp.broker.provider import Provider
from idp.broker.register import list_providers
from idp.directories.directory import Directory
from idp.directories.health import list_health
from idp.directories.register import find_directory, list_directories
from idp.directory.institutions import find_institution, list_institutions

_ID = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XQ"])
_P = Permission


class BreakingDocument(Document):
    """Something that will break if nobody acts. ``at``: when; null: it is broken now."""

    code: str = Field(examples=["list_expires"])
    about: str = Field(examples=["emisora-1"])
    at: datetime | None


class HomeDocument(Document):
    """What waits for a decision of yours, or of others on what you asked for, by kind; what is about to break."""

    waits: dict[str, int] = Field(examples=[{"certificate_requests": 3}])
    breaks: list[BreakingDocument]


class HourDocument(Document):
    """Logins of one hour of today, in Ecuador."""

    hour: int
    started: int
    failed: int


class FiguresDocument(Document):
    """How people logged in: today by the hour, in the last seven days by factor and by strength; accounts by level."""

    today: list[HourDocument]
    factors: dict[str, int] = Field(examples=[{"pwd": 120, "otp": 80}])
    strengths: dict[str, int] = Field(examples=[{"2fa": 80}])
    levels: dict[str, int] = Field(
        examples=[{"1": 900, "2": 300}], description="Accounts by level of identity, counted once a day."
    )


class DirectoryDocument(Document):
    """A directory of an institution. No password is among it."""

    id: str = _ID
    name: str = Field(examples=["mintel"])
    institution_ruc: str = Field(examples=["1768152560001"])
    domains: list[str] = Field(examples=[["mintel.gob.ec"]])
    active: bool
    checked_at: datetime | None
    failing_since: datetime | None
    reason: str | None


class ProviderDocument(Document):
    """Another provider that people sign in through. No secret is among it."""

    id: str = _ID
    name: str = Field(examples=["salud"])
    title: str = Field(examples=["Ministerio de Salud"])
    institution_ruc: str = Field(examples=["1768152560001"])
    issuer: str = Field(examples=["https://sso.salud.gob.ec"])
    domains: list[str] = Field(examples=[["salud.gob.ec"]])
    active: bool
    checked_at: datetime | None
    failing_since: datetime | None
    reason: str | None


def home(call: Call) -> Document:
    """Return what waits and what is about to break."""
    powers = call.caller.powers
    waits = what_waits(call.session, services=call.services, powers=powers, actor=call.caller.actor, now=call.now)
    tree = authority_tree(call.session, now=call.now) if powers.allow(_P.AUTHORITIES_READ) else []
    return HomeDocument(
        waits={each.code: each.count for each in waits},
        breaks=[
            BreakingDocument(code=each.code, about=each.about, at=each.at)
            for each in what_breaks(call.session, powers=powers, tree=tree, now=call.now)
        ],
    )


def figures(call: Call) -> Document:
    """Return how people logged in."""
    week = login_figures(call.session, since=start_of_day(call.now) - timedelta(days=7))
    return FiguresDocument(
        today=[
            HourDocument(hour=each.hour, started=each.started, failed=each.failed)
            for each in logins_by_hour(call.session, now=call.now)
        ],
        factors=dict(week.factors),
        strengths=dict(week.strengths),
        levels={str(level): number for level, number in level_figures(call.session).accounts.items()},
    )


def directories(call: Call) -> list[Document]:
    """Return the directories of the institutions within reach."""
    reach = call.caller.powers.institutions(_P.DIRECTORIES_READ)
    rucs = {each.id: each.ruc for each in list_institutions(call.session) if reach is None or each.ruc in reach}
    found = list_directories(call.session, services=call.services.idp)
    return [
        directory_document(call.session, each, rucs[each.institution_id])
        for each in found
        if each.institution_id in rucs
    ]


def show_directory(call: Call) -> Document:
    """Return one."""
    with hidden("directory"):
        found = find_directory(call.session, services=call.services.idp, directory_id=call.path["directory_id"])
        ruc = find_institution(call.session, found.institution_id).ruc
        call.caller.powers.require_institution(_P.DIRECTORIES_READ, ruc)
    return directory_document(call.session, found, ruc)


def providers(call: Call) -> list[Document]:
    """Return the providers of the institutions within reach."""
    reach = call.caller.powers.institutions(_P.PROVIDERS_READ)
    rucs = {each.id: each.ruc for each in list_institutions(call.session) if reach is None or each.ruc in reach}
    found = list_providers(call.session, services=call.services.idp, open_only=False)
    return [
        provider_document(call.session, each, rucs[each.institution_id])
        for each in found
        if each.institution_id in rucs
    ]


def show_provider(call: Call) -> Document:
    """Return one."""
    with hidden("provider"):
        found = find_provider_by_id(call.session, services=call.services.idp, provider_id=call.path["provider_id"])
        ruc = find_institution(call.session, found.institution_id).ruc
        call.caller.powers.require_institution(_P.PROVIDERS_READ, ruc)
    return provider_document(call.session, found, ruc)


def directory_document(session: Session, found: Directory, ruc: str) -> DirectoryDocument:
    """Return a directory as it is answered."""
    told = next((each for each in list_health(session) if each.name == found.name), None)
    return DirectoryDocument(
        id=found.id,
        name=found.name,
        institution_ruc=ruc,
        domains=list(found.domains),
        active=found.active,
        checked_at=told.checked_at if told else None,
        failing_since=told.failing_since if told else None,
        reason=told.reason if told else None,
    )


def provider_document(session: Session, found: Provider, ruc: str) -> ProviderDocument:
    """Return a provider as it is answered."""
    told = provider_health(session).get(found.id)
    return ProviderDocument(
        id=found.id,
        name=found.name,
        title=found.title,
        institution_ruc=ruc,
        issuer=found.discovered.issuer,
        domains=list(found.domains),
        active=found.active,
        checked_at=told.checked_at if told else None,
        failing_since=told.failing_since if told else None,
        reason=told.reason if told else None,
    )


OPERATIONS = (
    Operation(
        name="show_home",
        path="/home",
        summary="What waits for a decision of yours, and what is about to break.",
        permission=_P.CONSOLE_OPEN,
        item=HomeDocument,
        handler=home,
        pages=("admin_home.show",),
    ),
    Operation(
        name="show_figures",
        path="/figures",
        summary="How people logged in, and how well it is known who they are, in numbers.",
        permission=_P.FIGURES_READ,
        item=FiguresDocument,
        handler=figures,
        pages=("admin_figures.logins",),
    ),
    Operation(
        name="list_directories",
        path="/directories",
        summary="Directories of the institutions you reach, and how they are.",
        permission=_P.DIRECTORIES_READ,
        item=DirectoryDocument,
        handler=directories,
        key="id",
        pages=("admin_directories.show_all",),
    ),
    Operation(
        name="show_directory",
        path="/directories/{directory_id}",
        summary="One of them.",
        permission=_P.DIRECTORIES_READ,
        item=DirectoryDocument,
        handler=show_directory,
        pages=("admin_directories.show",),
    ),
    Operation(
        name="list_providers",
        path="/providers",
        summary="Other providers that people sign in through, and how they are.",
        permission=_P.PROVIDERS_READ,
        item=ProviderDocument,
        handler=providers,
        key="id",
        pages=("admin_providers.show_all",),
    ),
    Operation(
        name="show_provider",
        path="/providers/{provider_id}",
        summary="One of them.",
        permission=_P.PROVIDERS_READ,
        item=ProviderDocument,
        handler=show_provider,
        pages=("admin_providers.show",),
    ),
)
