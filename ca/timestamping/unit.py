"""The time-stamping unit: a digest in, a signed word on the time out, on record before it is signed."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy import or_, update

from audit.event import Event
from audit.vocabulary import EventType
from ca.issuance.authority import authority_chain
from ca.issuance.internal import TIME_STAMPING
from ca.issuance.model import Certificate
from ca.serial import serial_text
from ca.services import CaServices
from ca.timestamping.query import Query, QueryError, parse_query
from ca.timestamping.token import refusal, signed_token, stamp_info
from ca.units.model import UnitSigner
from ca.units.signer import STAMPS, find_unit_signer
from kernel.errors import Unavailable
from kernel.identifiers import sha256_hex
from keys.signer import Signer

_REMEMBERED = timedelta(minutes=1)  # how often the newest stamp's time is written down


class ClockWentBackError(Unavailable):
    """The clock is behind a stamp that was made: none is made until it is right."""

    default_code = "clock_went_back"


@dataclass(frozen=True)
class _Key:
    serial: str
    certificate_der: bytes
    chain: tuple[bytes, ...]
    signer: Signer


class TimeStampingUnit:
    """Stamps for everyone who asks. One a process; safe among threads. Keys are opened once."""

    def __init__(self, services: CaServices) -> None:
        self._services = services
        self._lock = Lock()
        self._keys: dict[str, _Key] = {}
        self._newest: datetime | None = None

    @property
    def policy(self) -> str:
        """The policy (dotted OID) that stamps are made under: that of the unit's certificate."""
        policy = self._services.profiles.get(TIME_STAMPING).policy
        suffix = policy.suffix if policy else "2.6"
        return f"{self._services.settings.pki_arc}.{suffix}"

    def answer(self, body: bytes, *, now: datetime) -> bytes:
        """Return the TimeStampResp (DER) to a request; never raises for what a client can send."""
        try:
            query = parse_query(body, policy=self.policy)
        except QueryError as error:
            return refusal(error.failure, error.said)
        try:
            return self._stamp(query, now=now)
        except ClockWentBackError:
            return refusal("time_not_available", "The clock is being set right; ask again later.")
        except Unavailable:
            return refusal("system_failure", "No stamps are made now; ask again later.")

    def _stamp(self, query: Query, *, now: datetime) -> bytes:
        moment = now.replace(microsecond=0)
        with self._lock:
            if self._newest is not None and moment < self._newest:
                raise ClockWentBackError
            self._newest = moment
        serial = secrets.randbits(127) | 1 << 127  # RFC 3161 §2.4.2: unique, up to 160 bits
        info_der = stamp_info(query, policy=self.policy, serial=serial, now=moment)
        with self._services.database.transaction() as session:
            row = find_unit_signer(session, STAMPS, now=now)
            if row.last_stamp_at is not None and moment < row.last_stamp_at:
                raise ClockWentBackError
            key = self._keys.get(row.serial)
            if key is None:
                chain = authority_chain(session, session.get_one(Certificate, row.serial).authority_id)
                assert row.certificate_der is not None  # nosec B101 - the query says so
                key = _Key(
                    row.serial,
                    row.certificate_der,
                    tuple(record.certificate_der for record in chain if not record.is_root),
                    self._services.keystore.open(row.key_name),
                )
                self._keys = {key.serial: key}
            session.execute(
                update(UnitSigner)
                .where(
                    UnitSigner.serial == key.serial,
                    or_(UnitSigner.last_stamp_at.is_(None), UnitSigner.last_stamp_at < moment - _REMEMBERED),
                )
                .values(last_stamp_at=moment)
                .execution_options(synchronize_session=False)
            )
            event = Event(
                type=EventType.TIME_STAMP_ISSUED,
                object_id=serial_text(serial),
                details={
                    "signer": key.serial,
                    "hash": query.hash_name,
                    "imprint": query.imprint.hex(),
                    "time": moment.isoformat(),
                    "tst_info_sha256": sha256_hex(info_der),
                },
            )
            self._services.journal.record(session, event, now=now)
        enclosed = (key.certificate_der, *key.chain) if query.wants_certificate else ()
        return signed_token(info_der, signer=key.signer, certificate_der=key.certificate_der, enclosed=enclosed)
