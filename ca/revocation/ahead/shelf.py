"""The pages that a web process has at hand, each held against what was revoked when it was read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy import Executable, bindparam, select
from sqlalchemy.orm import Session

from ca.issuance.model import Certificate
from ca.revocation.ahead.page import PREFIX_DIGITS, AnswerPage, SignedAhead, after
from ca.revocation.model import CertificateHold, OcspPage
from ca.revocation.ocsp_answer import ANSWER_LIFETIME, OcspSigningKey, answer_until, fresh_until
from ca.revocation.signing_keys import SigningKeys
from ca.serial import serial_text
from kernel.database import Database
from kernel.errors import NotFound
from kernel.loop_call import require_thread
from kernel.prepared import Prepared

MOST_OCTETS = 64 * 1024 * 1024
_READ_AGAIN = timedelta(minutes=1)  # where an answer is missing that the worker may have made since
_PATIENCE = 0.25  # seconds that others wait for who reads; then they read the one certificate that they want


def _page(_dialect: str) -> Executable:
    return select(OcspPage.signer, OcspPage.octets).where(
        OcspPage.authority_id == bindparam("authority"), OcspPage.prefix == bindparam("prefix")
    )


def _revoked(_dialect: str) -> Executable:
    """What is revoked, and what was on hold: a "good" of before the hold is older than what was said since."""
    revoked = select(Certificate.serial).where(
        Certificate.authority_id == bindparam("authority"),
        Certificate.serial >= bindparam("prefix"),
        Certificate.serial < bindparam("after"),
        Certificate.revoked_at.is_not(None),
    )
    released = select(CertificateHold.serial).where(
        CertificateHold.authority_id == bindparam("authority"),
        CertificateHold.serial >= bindparam("prefix"),
        CertificateHold.serial < bindparam("after"),
        CertificateHold.release_revision.is_not(None),
        CertificateHold.ended_at > bindparam("since"),
    )
    return revoked.union_all(released)


_PAGE, _REVOKED = Prepared(_page), Prepared(_revoked)


class ShelvedPage:
    """A page, and which of its certificates are no longer good.

    :ivar struck: serials as stored, of what was revoked before it was read; later ones are added.
    """

    __slots__ = ("answers", "key", "read_at", "struck")

    def __init__(self, answers: AnswerPage, key: OcspSigningKey | None, struck: set[str], read_at: datetime) -> None:
        self.answers = answers
        self.key = key
        self.struck = struck
        self.read_at = read_at

    def find(self, serial: int) -> SignedAhead | None:
        """Return what was signed about a certificate that is good, None if there is nothing or it is not."""
        answer = self.answers.find(serial) if self.key is not None else None
        return None if answer is None or serial_text(serial) in self.struck else answer


class Shelf:
    """Pages by authority and prefix. One a process, safe among threads; bounded, the first read go first.

    :param epoch: counts what the process was told of revocations, see :mod:`ca.revocation.answer_memory`.
    """

    def __init__(
        self, database: Database, keys: SigningKeys, *, epoch: Callable[[], int], most_octets: int = MOST_OCTETS
    ) -> None:
        self._database = database
        self._keys = keys
        self._epoch = epoch
        self._most = most_octets
        self._octets = 0
        self._lock = Lock()
        self._reading = Lock()
        self._pages: dict[tuple[str, str], ShelvedPage] = {}

    def find(self, authority_id: str, serial: int, *, now: datetime) -> tuple[SignedAhead, OcspSigningKey] | None:
        """Return what was signed about the certificate and who signed it; None: nothing that may be given still.

        :raises kernel.errors.Unavailable: if the database does not answer.
        """
        place = authority_id, serial_text(serial)[:PREFIX_DIGITS]
        page = self._pages.get(place)
        answer = _fresh(page, serial, now=now)
        if answer is None and (page is None or not timedelta(0) <= now - page.read_at < _READ_AGAIN):
            page = self._read_once(place, page, now=now)
            answer = _fresh(page, serial, now=now)
        return None if answer is None or page is None or page.key is None else (answer, page.key)

    def strike(self, serials: Iterable[str]) -> None:
        """Take out what was said of these certificates. The epoch has to be counted on before."""
        by_prefix: dict[str, set[str]] = {}
        for serial in serials:
            by_prefix.setdefault(serial[:PREFIX_DIGITS], set()).add(serial)
        with self._lock:
            for (_, prefix), page in self._pages.items():
                page.struck |= by_prefix.get(prefix, set())

    def clear(self) -> None:
        """Have every page read again. The epoch has to be counted on before."""
        with self._lock:
            self._pages, self._octets = {}, 0

    def _read_once(self, place: tuple[str, str], known: ShelvedPage | None, *, now: datetime) -> ShelvedPage | None:
        require_thread()
        if not self._reading.acquire(timeout=_PATIENCE):
            return None
        try:
            found = self._pages.get(place)
            if found is not known:
                return found  # another thread has just read it
            epoch = self._epoch()
            with self._database.reading() as session:
                page = _read(session, place, self._keys, now=now)
            return page if self._put(place, page, epoch=epoch) else None
        finally:
            self._reading.release()

    def _put(self, place: tuple[str, str], page: ShelvedPage, *, epoch: int) -> bool:
        with self._lock:
            if epoch != self._epoch():
                return False  # something was revoked since: it may be missing among what is struck
            self._drop(place)
            self._pages[place] = page
            self._octets += len(page.answers.octets)
            while self._octets > self._most and len(self._pages) > 1:
                self._drop(next(iter(self._pages)))
            return True

    def _drop(self, place: tuple[str, str]) -> None:
        page = self._pages.pop(place, None)
        if page is not None:
            self._octets -= len(page.answers.octets)


def _fresh(page: ShelvedPage | None, serial: int, *, now: datetime) -> SignedAhead | None:
    answer = page.find(serial) if page is not None else None
    if page is None or page.key is None or answer is None:
        return None
    signed_at = answer.signed_at
    return answer if now < fresh_until(signed_at, answer_until(signed_at, key=page.key, known=True)) else None


def _read(session: Session, place: tuple[str, str], keys: SigningKeys, *, now: datetime) -> ShelvedPage:
    """The page first, then what is revoked: so nothing that was revoked after the page was made is overlooked."""
    authority_id, prefix = place
    rows = _PAGE.fetch(session, {"authority": authority_id, "prefix": prefix})
    signer, octets = rows[0] if rows else ("", b"")
    if not octets:
        return ShelvedPage(AnswerPage(b""), None, set(), now)
    try:
        key = keys.open(session, signer)
    except NotFound:
        return ShelvedPage(AnswerPage(b""), None, set(), now)
    revoked = _REVOKED.fetch(
        session, {"authority": authority_id, "prefix": prefix, "after": after(prefix), "since": now - ANSWER_LIFETIME}
    )
    return ShelvedPage(AnswerPage(octets), key, {row[0] for row in revoked}, now)
