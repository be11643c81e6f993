"""Signing ahead: the worker's part. Page after page, a little of a second at a time, only what is missing or grows old.

Whoever did it all at once would keep lists and the log waiting; so each run stops when its time is up, and the next one
goes on. What is not on a page yet is signed when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.issuance.model import Authority
from ca.revocation.ahead.due import Known, Place, due_places
from ca.revocation.ahead.page import AnswerPage, SignedAhead, fits, pack
from ca.revocation.ahead.stored import claim, give_back, known_pages, read_page, read_serials, store, where_news_is
from ca.revocation.answer_octets import GOOD
from ca.revocation.cert_id import IssuerId
from ca.revocation.ocsp_answer import ANSWER_LIFETIME, OcspSigningKey, answer_until
from ca.revocation.signing_keys import SigningKeys
from ca.services import CaServices
from kernel.errors import NotFound

RENEW_AFTER = ANSWER_LIFETIME / 2 - timedelta(hours=1)  # an hour before nobody gives it any more
SECONDS_A_RUN = 0.25
_CLAIM = timedelta(minutes=1)
_LATE_COMMIT = timedelta(minutes=2)  # a certificate may be committed this long after its own clock reading
_LOOK_EVERY = timedelta(minutes=1)


@dataclass
class _View:
    """What one look at the database told, and what was heard since."""

    looked_at: datetime
    news_until: datetime
    keys: dict[str, tuple[OcspSigningKey, IssuerId]]
    pages: dict[Place, Known]
    news: set[Place] = field(default_factory=set)
    unfinished: set[Place] = field(default_factory=set)


@dataclass(frozen=True)
class _Made:
    """A page that is ready to be stored."""

    place: Place
    page: Known
    octets: bytes
    signed: int
    is_whole: bool


class SigningAhead:
    """Keeps the pages. One a worker; others beside it do no harm, for each page is claimed before it is made.

    :param seconds: that a run may take.
    """

    def __init__(self, services: CaServices, *, seconds: float = SECONDS_A_RUN) -> None:
        self._services = services
        self._seconds = seconds
        self._keys = SigningKeys(services.keystore)
        self._view: _View | None = None

    def run(self) -> int:
        """Make what is due, as far as the time goes; return how many answers were signed."""
        now, end = self._services.clock.now(), monotonic() + self._seconds
        with self._services.database.reading() as session:
            view = self._view = self._look(session, now=now)
            view.news |= where_news_is(session, since=view.news_until - _LATE_COMMIT)
            view.news_until = now
        signers = {authority_id: key.serial for authority_id, (key, _) in view.keys.items()}
        due = due_places(
            signers, view.pages, news=view.news, unfinished=view.unfinished, renew_before=now - RENEW_AFTER, now=now
        )
        if not due:
            return 0
        with self._services.database.transaction() as session:
            claimed = claim(session, due, now=now, until=now + _CLAIM)
        made: list[_Made] = []
        for place in claimed:
            if made and monotonic() >= end:
                break
            made.append(self._make(view, place, now=now, is_over=lambda: monotonic() >= end))
        self._store(view, made, claimed, claimed_until=now + _CLAIM)
        return sum(each.signed for each in made)

    def _store(self, view: _View, made: list[_Made], claimed: list[Place], *, claimed_until: datetime) -> None:
        stored = []
        with self._services.database.transaction() as session:
            for each in made:
                # Where it took so long that another worker has the page, that one's stands.
                if store(session, each.place, each.page, octets=each.octets, claimed_until=claimed_until):
                    stored.append(each)
            give_back(session, claimed[len(made) :], claimed_until=claimed_until)
        for each in stored:
            view.pages[each.place] = each.page
            view.news.discard(each.place)
            (view.unfinished.discard if each.is_whole else view.unfinished.add)(each.place)

    def _look(self, session: Session, *, now: datetime) -> _View:
        view = self._view
        if view is not None and timedelta(0) <= now - view.looked_at < _LOOK_EVERY:
            return view
        self._keys.forget()  # one of them may be revoked
        keys, pages = self._read_keys(session, now=now), known_pages(session)
        if view is None:
            first = min((page.read_at for page in pages.values()), default=now)
            return _View(now, first, keys, pages)
        return _View(now, view.news_until, keys, pages, view.news, view.unfinished)

    def _read_keys(self, session: Session, *, now: datetime) -> dict[str, tuple[OcspSigningKey, IssuerId]]:
        keys = {}
        authorities = select(Authority.id, Authority.certificate_der).where(
            Authority.issuer_id.is_not(None), Authority.not_after > now
        )
        for authority_id, certificate_der in session.execute(authorities):
            try:
                key = self._keys.choose(session, authority_id=authority_id, now=now)
            except NotFound:
                continue  # its renewal is another job's
            keys[authority_id] = key, IssuerId.of(certificate_der, "sha1")
        return keys

    def _make(self, view: _View, place: Place, *, now: datetime, is_over: Callable[[], bool]) -> _Made:
        key, issuer = view.keys[place[0]]
        with self._services.database.reading() as session:
            old = read_page(session, place)
            serials = read_serials(session, place, now=now)
        before = AnswerPage(old.octets if old is not None and old.signer == key.serial else b"")
        signed, is_whole, answers = 0, True, []
        for serial in serials:
            answer = before.find(serial)
            if answer is None or answer.signed_at <= now - RENEW_AFTER:
                if signed and is_over():
                    is_whole = False  # an old answer is better than none
                else:
                    answer, signed = _sign(serial, key, issuer, now=now), signed + 1
            if answer is not None:
                answers.append(answer)
        oldest = min((answer.signed_at for answer in answers), default=None)
        page = Known(signer=key.serial, read_at=now, oldest=oldest, answers=len(answers))
        return _Made(place, page, pack(answers), signed, is_whole)


def _sign(serial: int, key: OcspSigningKey, issuer: IssuerId, *, now: datetime) -> SignedAhead | None:
    this_update = now.replace(microsecond=0)
    to_be_signed = key.frame.to_be_signed(
        issuer.cert_id(serial), GOOD, this_update, answer_until(this_update, key=key, known=True)
    )
    signature = key.signer.sign(to_be_signed)
    return SignedAhead(serial, int(this_update.timestamp()), signature) if fits(signature) else None
