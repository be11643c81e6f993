"""Which pages are due: rules over what is known of them, nothing of the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ca.revocation.ahead.page import PREFIXES

Place = tuple[str, str]  # authority and prefix
MOST_AT_ONCE = 32
_LEAST_PAUSE = timedelta(seconds=10)  # between two readings of a page for the sake of new certificates
_PAUSE_AN_ANSWER = timedelta(milliseconds=20)  # longer for a long page, which costs more to read and to store
_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Known:
    """What is known of a page without reading it; the columns of :class:`ca.revocation.model.OcspPage`."""

    signer: str
    read_at: datetime
    oldest: datetime | None
    answers: int
    claimed_until: datetime | None = None

    def rests(self, now: datetime) -> bool:
        """Tell whether it was read so lately that new certificates have to wait."""
        return now - self.read_at < _LEAST_PAUSE + self.answers * _PAUSE_AN_ANSWER


def due_places(
    signers: Mapping[str, str],
    pages: Mapping[Place, Known],
    *,
    news: Collection[Place],
    unfinished: Collection[Place],
    renew_before: datetime,
    now: datetime,
) -> list[Place]:
    """Return the pages to be made, the oldest answers first, those that were never made last.

    :param signers: the certificate of each authority's responder now.
    :param news: where certificates were issued since the page was read. :param unfinished: where time ran out.
    """
    due: list[tuple[datetime, Place]] = []
    for authority_id, signer in signers.items():
        for prefix in PREFIXES:
            place = authority_id, prefix
            page = pages.get(place)
            if page is None:
                due.append((now, place))
            elif page.claimed_until is not None and page.claimed_until > now:
                continue
            elif page.signer != signer or place in unfinished or (page.oldest or now) <= renew_before:
                due.append((page.oldest or _EVER, place))
            elif place in news and not page.rests(now):
                due.append((page.read_at, place))
    return [place for _, place in sorted(due)[:MOST_AT_ONCE]]
