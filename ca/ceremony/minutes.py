"""The minutes: what was done, before whom, with every fingerprint, to be printed and signed by hand."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from importlib import import_module, resources

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from ca.archive.model import CeremonyPaper
from ca.ceremony.conduct import Held, spaced
from ca.ceremony.resharing import Reshared
from ca.issuance.model import CeremonyRecord
from ca.services import CaServices
from kernel.errors import Denied, Unavailable
from kernel.identifiers import new_id, sha256_hex


def render_minutes(held: Held, *, rehearsed_at: datetime | None) -> bytes:
    """Return the minutes as a page of HTML with nothing outside itself (UTF-8).

    :param rehearsed_at: when the same file was rehearsed; None: the ceremony was held without.
    """
    page = _template("minutes.html").render(held=held, plan=held.file.plan, rehearsed_at=rehearsed_at, style=_style())
    return page.encode("utf-8")


def render_resharing(done: Reshared, *, rehearsed_at: datetime | None) -> bytes:
    """Return the minutes of new shares, as :func:`render_minutes` does those of a ceremony."""
    page = _template("resharing.html").render(done=done, rehearsed_at=rehearsed_at, style=_style())
    return page.encode("utf-8")


def minutes_as_pdf(page: bytes) -> bytes:
    """Return the minutes as PDF. :raises Unavailable: (``no_pdf``) if WeasyPrint (the extra ``pdf``) is not here."""
    try:
        printer = import_module("weasyprint")
    except (ImportError, OSError) as error:  # OSError: it is here and Pango is not
        raise Unavailable(
            "PDF needs the extra `pdf` (WeasyPrint) and the system's Pango; the HTML page prints as well.",
            code="no_pdf",
        ) from error
    document: bytes = printer.HTML(string=page.decode("utf-8")).write_pdf()
    return document


def rehearsed_at(session: Session, file_sha256: str) -> datetime | None:
    """Return when a file with this digest was last rehearsed here, None if it never was."""
    return session.scalar(
        select(CeremonyRecord.held_at)
        .where(CeremonyRecord.rehearsal.is_(True), CeremonyRecord.file_sha256 == file_sha256)
        .order_by(CeremonyRecord.held_at.desc(), CeremonyRecord.id.desc())
        .limit(1)
    )


def require_rehearsal(session: Session, file_sha256: str) -> datetime:
    """Return when the file was rehearsed. :raises Denied: (``not_rehearsed``) if exactly this file was not."""
    found = rehearsed_at(session, file_sha256)
    if found is None:
        raise Denied(
            "A file with exactly this content was not rehearsed: run the same command with --rehearse first.",
            code="not_rehearsed",
        )
    return found


def record_ceremony(session: Session, *, services: CaServices, held: Held, minutes: bytes, actor: str) -> str:
    """Put on record that the ceremony was held, or rehearsed, and keep its papers.

    :returns: the SHA-256 of its minutes, lower-case hex.
    """
    digest = sha256_hex(minutes)
    row = CeremonyRecord(
        id=new_id(),
        file_sha256=held.file.sha256,
        title=held.file.plan.title,
        rehearsal=held.rehearsal,
        minutes_sha256=digest,
        held_at=held.ended_at,
    )
    session.add(row)
    session.flush()
    plan = held.file.plan
    session.add(
        CeremonyPaper(
            ceremony_id=row.id,
            place=plan.place[:200],
            began_at=held.began_at,
            rehearsed_at=None if held.rehearsal else rehearsed_at(session, held.file.sha256),
            witnesses=[{"name": each.name, "role": each.role} for each in plan.witnesses],
            certificates=[{"name": m.name, "kind": m.kind, "sha256": m.certificate_sha256} for m in held.made],
            file=held.file.content,
            minutes=minutes,
        )
    )
    event = Event(
        type=EventType.CEREMONY_REHEARSED if held.rehearsal else EventType.CEREMONY_HELD,
        actor=actor,
        object_id=row.id,
        details={
            "title": row.title,
            "file_sha256": row.file_sha256,
            "minutes_sha256": digest,
            "authorities": [made.name for made in held.made],
            "certificates_sha256": [made.certificate_sha256 for made in held.made],
        },
    )
    services.journal.record(session, event, now=held.ended_at)
    return digest


@cache
def _style() -> Markup:
    # A page on its own, printed from a disk: nothing else is fetched. The services' screens hold no style.
    text = (resources.files("ca.ceremony") / "templates" / "minutes.css").read_text("utf-8")
    return Markup(f"<style>\n{text}</style>")  # noqa: S704  # nosec B704 - the packaged sheet


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("ca.ceremony"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["spaced"] = spaced
    environment.filters["moment"] = lambda at: f"{at:%Y-%m-%d %H:%M:%S} UTC"
    return environment.get_template(name)
