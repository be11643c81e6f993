"""Profiles for the operator: what each is for, who issues it, its versions, and what changed between two of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, request
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.certificate_counts import counted_certificates, counted_until
from admin.permissions import Permission
from admin.web import words
from admin.web.accessor import services
from admin.web.gate import operator, requires
from admin.web.listing import Filter, Head, asked_listing, contains
from ca.issuance.authority import AuthorityRecord, find_issuing_authority
from ca.issuance.model import ProfileAuthority
from ca.profiles.compare import Compared, compare
from ca.profiles.explain import explain
from ca.profiles.former import kept_versions, profile_at
from ca.profiles.profile import Profile
from ca.profiles.sentences import Words, change_words
from kernel.errors import NotFound
from web.locale import current_language
from web.pages import render

blueprint = Blueprint("admin_profiles", __name__, url_prefix="/admin/profiles", template_folder="../templates")


_HEADS = (
    Head("title", _l("Perfil"), "up"),
    Head("version", _l("Versión"), numeric=True),
    Head("issuer", _l("Lo emite"), "up"),
    Head("people", _l("Personas"), "down", numeric=True),
    Head("lasts", _l("Dura hasta"), "down"),
)
_COUNTED = (
    Head("issued", _l("Emitidos"), "down", numeric=True),
    Head("in_force", _l("En plazo"), "down", numeric=True),
)
_FILTERS = (
    Filter("q", _l("Perfil")),
    Filter(
        "use",
        _l("Para qué"),
        [("", _l("Todos")), ("asked", _l("Los que se piden")), ("own", _l("Los del propio servicio"))],
    ),
)


@dataclass(frozen=True)
class Counts:
    """Certificates of one version. ``in_force``: those that have not run out, the revoked among them."""

    issued: int
    in_force: int


@blueprint.get("")
@requires(Permission.PROFILES_READ)
def show_all() -> Response:
    """Every profile: who issues it, how many people it takes, how many certificates it has."""
    service = services()
    now = service.clock.now()
    counted = _sees_all()
    listing = asked_listing(
        ".show_all", heads=[*_HEADS, *(_COUNTED if counted else [])], filters=_FILTERS, order="title"
    )
    typed = listing.typed
    profiles = [
        each
        for each in service.ca.profiles.list()
        if contains(typed["q"], words.translated(each.title), each.name) and typed["use"] in ("", _use(each))
    ]
    with service.database.reading() as session:
        issuers = {each.name: find_issuing_authority(session, each) for each in profiles}
        names = {name: issuer.name for name, issuer in issuers.items() if issuer}
        counts = _summed(_counts(session, None, now=now))
        until = counted_until(session)
    none = Counts(0, 0)
    return render(
        "admin/profiles/all.html",
        listing=listing.arranged(
            profiles,
            {
                "title": lambda each: words.translated(each.title),
                "issuer": lambda each: names.get(each.name),
                "people": lambda each: each.people,
                "lasts": lambda each: each.lifetime_days,
                "issued": lambda each: counts.get(each.name, none).issued,
                "in_force": lambda each: counts.get(each.name, none).in_force,
            },
        ),
        issuers=issuers,
        counts=counts,
        counted=counted,
        until=until,
    )


def _use(profile: Profile) -> str:
    return "asked" if profile.requestable else "own"


@blueprint.get("/<name>")
@requires(Permission.PROFILES_READ)
def show(name: str) -> Response:
    """One profile, part by part, and its versions."""
    service = services()
    profile, now = service.ca.profiles.get(name), service.clock.now()
    with service.database.reading() as session:
        issuer, since = _issuer(session, profile)
        counts = _counts(session, profile, now=now)
        until = counted_until(session)
    kept = kept_versions(profile)
    return render(
        "admin/profiles/one.html",
        profile=profile,
        issuer=issuer,
        since=since,
        versions=[
            (
                number,
                said(change_words(profile.changes[number])),
                counts.get((name, number), Counts(0, 0)),
                number in kept,
            )
            for number in sorted(profile.changes, reverse=True)
        ],
        kept=kept,
        counted=_sees_all(),
        until=until,
        parts=[(item, said(item.words)) for item in explain(profile, private_arc=service.settings.pki_arc)],
    )


@blueprint.get("/<name>/compare")
@requires(Permission.PROFILES_READ)
def compare_versions(name: str) -> Response:
    """Two versions side by side."""
    service = services()
    profile = service.ca.profiles.get(name)
    kept = kept_versions(profile)
    newer = _asked("to", kept, kept[-1])
    older = _asked("from", kept, max((each for each in kept if each < newer), default=kept[0]))
    before, after = profile_at(profile, older), profile_at(profile, newer)
    if before is None or after is None:
        raise NotFound("This version is not kept.", code="not_found")
    found = compare(before, after, private_arc=service.settings.pki_arc)
    return render(
        "admin/profiles/compare.html",
        profile=profile,
        older=older,
        newer=newer,
        versions=[(str(each), str(each)) for each in kept],
        brought=[
            (each, said(change_words(profile.changes[each]))) for each in profile.changes if older < each <= newer
        ],
        changed=[_row(item) for item in found if item.changed],
        same=[_row(item) for item in found if not item.changed],
    )


def said(words: Words) -> str:
    """Return the sentence in the reader's language."""
    return words.en if current_language() == "en" else words.es


def _row(item: Compared) -> dict[str, object]:
    before, after = [[said(each) for each in values] for values in (item.before, item.after)]
    if not item.changed:
        change = "same"
    elif not before:
        change = "more"
    else:
        change = "edit" if after else "less"
    return {"part": item.part, "words": said(item.words), "asked": before, "granted": after, "change": change}


def _asked(name: str, kept: tuple[int, ...], otherwise: int) -> int:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 and int(text) in kept else otherwise


def _issuer(session: Session, profile: Profile) -> tuple[AuthorityRecord | None, datetime | None]:
    since = session.scalar(select(ProfileAuthority.since).where(ProfileAuthority.profile == profile.name))
    return find_issuing_authority(session, profile), since


def _sees_all() -> bool:
    """Whether the operator is told what the whole authority did."""
    powers = operator().powers
    allowed = powers.allow(Permission.CERTIFICATES_READ)
    return allowed and powers.institutions(Permission.CERTIFICATES_READ) is None


def _counts(session: Session, profile: Profile | None, *, now: datetime) -> dict[tuple[str, int], Counts]:
    if not _sees_all():
        return {}
    issued, in_force = Counter[tuple[str, int]](), Counter[tuple[str, int]]()
    for each in counted_certificates(session, now=now, profiles=[profile.name] if profile else None):
        issued[each.profile, each.version] += each.issued
        in_force[each.profile, each.version] += each.in_force
    return {kind: Counts(issued[kind], in_force[kind]) for kind in issued}


def _summed(counts: dict[tuple[str, int], Counts]) -> dict[str, Counts]:
    sums: dict[str, Counts] = {}
    for (name, _version), each in counts.items():
        before = sums.get(name, Counts(0, 0))
        sums[name] = Counts(before.issued + each.issued, before.in_force + each.in_force)
    return sums
