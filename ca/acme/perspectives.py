"""A proof is looked at from every configured resolver's point of view, and enough of them must see it.

Whoever deceives one name server (a poisoned cache, a hijacked delegation seen by some) is not believed by the others
(BR §3.2.2.9). All views connect from this machine: what deceives its own network is not found so.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from ca.acme.proof import Claim, NotProvedError, View, look_at_proof
from kernel.settings import Settings
from outgoing.name_server import NameServer
from outgoing.probe import Probe


class Prover(Protocol):
    """Whoever looks at proofs."""

    def look(self, claim: Claim) -> int:
        """Return from how many points of view the proof was seen. :raises NotProvedError: if from too few."""
        ...


class Perspectives:
    """Looks from each of ``views``. :param quorum: how many must see a proof."""

    def __init__(self, views: Sequence[View], *, quorum: int) -> None:
        self._views = tuple(views)
        self._quorum = quorum

    @classmethod
    def from_settings(cls, settings: Settings) -> Perspectives:
        """Return the points of view that the operator configured, or the system's one."""
        views = []
        for where in settings.acme_resolvers or (None,):
            names = NameServer(where)
            probe = Probe(
                names.addresses,
                networks=settings.outgoing_networks,
                http_port=settings.acme_http_port,
                https_port=settings.acme_tls_port,
                is_bounded=names.is_bounded,
            )
            views.append(View(names, probe))
        return cls(views, quorum=required_quorum(len(views), settings.acme_quorum))

    def look(self, claim: Claim) -> int:
        """See :class:`Prover`. All look at once; the first failure is the one that is told, a final one before it."""
        if len(self._views) == 1:
            failures = [each for each in [_failure(claim, self._views[0])] if each]
        else:
            with ThreadPoolExecutor(len(self._views), thread_name_prefix="acme-view") as threads:
                failures = [each for each in threads.map(lambda view: _failure(claim, view), self._views) if each]
        seen = len(self._views) - len(failures)
        final = next((each for each in failures if each.final), None)
        if final is not None:
            raise final
        if failures and seen < self._quorum:
            raise _told_of_quorum(failures[0], seen=seen, views=len(self._views))
        return seen


def _failure(claim: Claim, view: View) -> NotProvedError | None:
    try:
        look_at_proof(claim, view)
    except NotProvedError as error:
        return error
    return None


def required_quorum(views: int, configured: int) -> int:
    """Return how many of ``views`` must agree: as configured, never more than there are.

    Otherwise all of one or two, and all but one of three and more (BR §3.2.2.9).
    """
    if configured:
        return min(configured, views)
    return views if views < 3 else views - 1


def _told_of_quorum(failure: NotProvedError, *, seen: int, views: int) -> NotProvedError:
    if views == 1:
        return failure
    detail = f"{failure.detail} ({seen} of {views} points of view saw the proof.)"
    return NotProvedError(failure.kind, detail, final=failure.final)
