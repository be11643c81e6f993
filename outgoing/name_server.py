"""Questions to name servers (DNS) in bounded time: addresses, texts, and who may issue certificates (CAA)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import dns.exception
import dns.flags
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver

from kernel.settings import NameServerAddress
from outgoing.errors import OutgoingError, OutgoingReason
from outgoing.plain_questions import AAAA, CAA, A, Records, ask_plainly
from outgoing.resolution import resolve_by_system

SECONDS = 4.0
"""For one question, repetitions included."""
_PLAINLY = 0.25  # of them, for the one exchange before the library
_MOST_RECORDS = 100


@dataclass(frozen=True)
class CaaRecord:
    """A CAA record (RFC 8659 §4.1). :ivar tag: in lower case."""

    critical: bool
    tag: str
    value: str


class NameSource(Protocol):
    """Somewhere that names are looked up."""

    def addresses(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of ``host`` as text. :raises OSError: if there are none."""
        ...

    def texts(self, name: str) -> Sequence[bytes]:
        """Return the TXT records of ``name``, each with its parts joined; none if there is no such name.

        :raises OutgoingError: ``unresolved``, ``timed_out``.
        """
        ...

    def issuers(self, name: str) -> Sequence[CaaRecord]:
        """Return the CAA records of exactly ``name``; none if there is no such name.

        :raises OutgoingError: ``unresolved``, ``timed_out``.
        """
        ...


class NameServer:
    """A recursive name server, asked directly.

    :param where: its address; None: those of the system's configuration, and its files for addresses.
    """

    def __init__(self, where: NameServerAddress | None, *, seconds: float = SECONDS) -> None:
        self._where = where
        self._seconds = seconds
        self._left = seconds if where is None else seconds * (1 - _PLAINLY)
        self._asking = self._resolver() if where is not None else None

    @property
    def is_bounded(self) -> bool:
        """Whether it answers in time whatever happens: the system's own resolver may hang."""
        return self._where is not None

    def addresses(self, host: str, port: int) -> Sequence[str]:
        """See :class:`NameSource`."""
        if self._where is None:
            return resolve_by_system(host, port)
        plain = self._ask_plainly((host, A), (host, AAAA))
        found: list[str] = []
        failure: OutgoingError | None = None
        for kind, octets, told in zip((dns.rdatatype.A, dns.rdatatype.AAAA), (4, 16), plain, strict=True):
            try:
                known = _addresses(told, octets)
                found += [str(record.address) for record in self._ask(host, kind)] if known is None else known
            except OutgoingError as error:
                failure = error
        if not found and failure is not None:
            raise OSError from failure
        return found

    def texts(self, name: str) -> Sequence[bytes]:
        """See :class:`NameSource`."""
        return [b"".join(record.strings) for record in self._ask(name, dns.rdatatype.TXT)]

    def issuers(self, name: str) -> Sequence[CaaRecord]:
        """See :class:`NameSource`."""
        if self._where is not None:
            [told] = self._ask_plainly((name, CAA))
            known = _issuers(told)
            if known is not None:
                return known
        return [
            CaaRecord(
                critical=bool(record.flags & 0x80),
                tag=record.tag.decode("ascii", "replace").lower(),
                value=record.value.decode("ascii", "replace"),
            )
            for record in self._ask(name, dns.rdatatype.CAA)
        ]

    def _ask_plainly(self, *questions: tuple[str, int]) -> list[Records | None]:
        assert self._where is not None
        return ask_plainly((self._where.address, self._where.port), questions, seconds=self._seconds * _PLAINLY)

    def _ask(self, name: str, kind: dns.rdatatype.RdataType) -> list[Any]:
        try:
            answer = (self._asking or self._resolver()).resolve(
                dns.name.from_text(name), kind, search=False, raise_on_no_answer=False, lifetime=self._left
            )
        except dns.resolver.NXDOMAIN:
            return []
        except dns.resolver.LifetimeTimeout:
            raise OutgoingError(OutgoingReason.TIMED_OUT) from None
        except (dns.exception.DNSException, OSError, ValueError):
            raise OutgoingError(OutgoingReason.UNRESOLVED) from None
        return list(answer)[:_MOST_RECORDS]

    def _resolver(self) -> dns.resolver.Resolver:
        resolver = dns.resolver.Resolver(configure=self._where is None)
        if self._where is not None:
            resolver.nameservers = [dns.nameserver.Do53Nameserver(self._where.address, self._where.port)]
        resolver.timeout = self._left / 2  # so that a lost packet is repeated once
        return resolver


def _addresses(records: Records | None, octets: int) -> list[str] | None:
    """Return addresses as text; None if they were not told, or are none."""
    if records is None or any(len(record) != octets for record in records):
        return None
    return [str(ipaddress.ip_address(record)) for record in records[:_MOST_RECORDS]]


def _issuers(records: Records | None) -> list[CaaRecord] | None:
    """Return CAA records (RFC 8659 §4.1); None if they were not told, or are none."""
    if records is None:
        return None
    found = []
    for record in records[:_MOST_RECORDS]:
        end = 2 + record[1] if len(record) > 2 else 0
        tag = record[2:end]
        if not tag.isalnum() or len(record) < end:
            return None
        found.append(
            CaaRecord(
                critical=bool(record[0] & 0x80),
                tag=tag.decode("ascii").lower(),
                value=record[end:].decode("ascii", "replace"),
            )
        )
    return found
