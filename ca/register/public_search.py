"""Searching the public register: by domain, institution, serial number or fingerprint, each by an index of its own."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, islice

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from ca.issuance.model import Certificate
from ca.register.public_certificate import PublicCertificate, load_public_certificates
from ca.serial import parse_serial
from ca.transparency.listing import fold, reversed_labels
from ca.transparency.model import PublicInstitution, PublicListing, PublicName
from kernel.errors import Rejected

PAGE_SIZE = 20
MIN_WORDS = 3
MAX_WORDS = 200
MOST_INSTITUTIONS = 30
MAX_PAGE = 500
_SHORTEST_SERIAL = 8  # digits; ours have 16 at least
_FETCHED = 100  # rows of the index at a time
_DOMAIN = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)+[a-z0-9-]{2,63}")


class Scope(StrEnum):
    """How far a search for a domain reaches."""

    BELOW = "below"  # the name, what is below it, and the wildcards that cover it
    EXACT = "exact"


@dataclass(frozen=True)
class FoundInstitution:
    """An institution whose name has the words that were searched for."""

    ruc: str
    name: str


@dataclass(frozen=True)
class Found:
    """One page of what was found.

    :ivar institutions: several institutions have such a name: their certificates are found by RUC.
    :ivar has_more: whether further certificates follow.
    """

    certificates: tuple[PublicCertificate, ...] = ()
    institutions: tuple[FoundInstitution, ...] = ()
    has_more: bool = False


def search_certificates(
    session: Session, *, words: str, scope: Scope = Scope.BELOW, page: int = 1, page_size: int = PAGE_SIZE
) -> Found:
    """Return public certificates by what ``words`` are: a domain (also ``*.ejemplo.gob.ec``) or address, a RUC, a
    serial number, a SHA-256 fingerprint, or else words of an institution's name.

    Of one domain or institution the newest come first.

    :param page: from 1 to ``MAX_PAGE``.
    :raises Rejected: ``search_too_short``, ``search_too_long``.
    """
    words = words.strip()
    if len(words) < MIN_WORDS:
        raise Rejected(f"Write at least {MIN_WORDS} characters.", code="search_too_short")
    if len(words) > MAX_WORDS:
        raise Rejected(f"Write at most {MAX_WORDS} characters.", code="search_too_long")
    name = _as_name(words)
    if name is not None:
        serials = _by_name(session, name, scope)
    elif re.fullmatch(r"\d{13}", words):
        serials = chain(_by_ruc(session, words), _by_serial(words))
    elif (numbers := _by_number(session, words)) is not None:
        serials = iter(numbers)
    else:
        institutions = _by_institution(session, words)
        if len({each.ruc for each in institutions}) != 1:
            return Found(institutions=tuple(institutions))
        serials = _by_ruc(session, institutions[0].ruc)
    first = (page - 1) * page_size
    on_page = list(islice(_once(serials), first, first + page_size + 1))
    certificates = load_public_certificates(session, on_page[:page_size])
    return Found(tuple(certificates), has_more=len(on_page) > page_size)


def _by_name(session: Session, name: str, scope: Scope) -> Iterator[str]:
    """A page reads no more of the index than it needs, however many certificates a domain has."""
    found = _names(session, select(PublicName.serial).where(PublicName.name == name))
    if scope is Scope.EXACT or " " not in name:
        return found
    parent, _, first_label = name.rpartition(" ")
    covering = select(PublicName.serial).where(PublicName.name == f"{parent} *")
    below = select(PublicName.serial).where(PublicName.name >= f"{name} ", PublicName.name < f"{name}!")
    if first_label == "*":
        return found
    return chain(found, _names(session, covering), _names(session, below))


def _names(session: Session, wanted: Select[str]) -> Iterator[str]:
    ordered = wanted.order_by(PublicName.name, PublicName.not_before.desc(), PublicName.serial)
    with session.execute(ordered.execution_options(yield_per=_FETCHED)) as rows:
        yield from rows.scalars()


def _by_ruc(session: Session, ruc: str) -> Iterator[str]:
    wanted = (
        select(PublicListing.serial)
        .where(PublicListing.ruc == ruc)
        .order_by(PublicListing.ruc, PublicListing.not_before.desc(), PublicListing.serial)
    )
    with session.execute(wanted.execution_options(yield_per=_FETCHED)) as rows:
        yield from rows.scalars()


def _by_serial(words: str) -> list[str]:
    try:
        return [parse_serial(words)]
    except Rejected:
        return []


def _by_number(session: Session, words: str) -> list[str] | None:
    """Return serials if ``words`` are a serial number or a fingerprint as people copy them; None: they are neither."""
    digest = re.sub(r"[\s:]", "", words).lower()
    if re.fullmatch(r"[0-9a-f]{64}", digest):
        return list(session.scalars(select(Certificate.serial).where(Certificate.certificate_sha256 == digest)))
    if len(digest) < _SHORTEST_SERIAL or not re.search(r"\d", words):
        return None  # "2000" and "fachada" are words
    return _by_serial(words) or None


def _by_institution(session: Session, words: str) -> list[FoundInstitution]:
    """Institutions are few: looking through all their names takes a moment."""
    wanted = select(PublicInstitution.ruc, PublicInstitution.name)
    for word in fold(words).split():
        wanted = wanted.where(PublicInstitution.folded.contains(word, autoescape=True))
    rows = session.execute(wanted.order_by(PublicInstitution.folded, PublicInstitution.ruc).limit(MOST_INSTITUTIONS))
    return [FoundInstitution(ruc, name) for ruc, name in rows]


def _once(serials: Iterator[str]) -> Iterator[str]:
    """Leave out those that came before: a certificate may have a hundred names under one domain."""
    seen = set()
    for serial in serials:
        if serial not in seen:
            seen.add(serial)
            yield serial


def _as_name(words: str) -> str | None:
    """Return a domain or address in the form of the register, None if ``words`` are neither.

    The register holds A-labels: what a reader types as ``ñ`` is looked for as ``xn--``.
    """
    try:
        return str(ipaddress.ip_address(words))
    except ValueError:
        pass
    text = words.lower().rstrip(".")
    if not text.isascii():
        try:
            text = text.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    return reversed_labels(text) if _DOMAIN.fullmatch(text) else None
