"""Rows of many certificates at once: the same two steps as for one, each a few statements and one commit.

The rule is that of :mod:`ca.issuance.record`: rows and events are committed with the to-be-signed bytes before the key
signs any of them, and no certificate is handed over before it is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, cast

from cryptography import x509
from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from audit.journal import Journal
from ca.issuance.assembly import sign_to_be_signed
from ca.issuance.model import Certificate
from ca.issuance.record import Intent, certificate_values, issued_event, signed_event
from ca.transparency.entry import LoggedCertificate
from ca.transparency.record import log_certificate
from kernel.database import Database
from kernel.identifiers import sha256_hex
from kernel.late_rows import insert_later, update_later
from kernel.prefetch import among
from kernel.prepared import Prepared
from keys.signer import Signer

_TABLE = cast(Table, Certificate.__table__)


class _Unsigned(NamedTuple):
    serial: str
    profile: str
    profile_version: int
    institution_ruc: str | None
    holder_id: str | None


_UNSIGNED = Prepared(
    lambda dialect: (
        select(
            Certificate.serial,
            Certificate.profile,
            Certificate.profile_version,
            Certificate.institution_ruc,
            Certificate.holder_id,
        )
        .where(among(dialect, Certificate.serial), Certificate.certificate_der.is_(None))
        .order_by(Certificate.serial)
    )
)
_LOCKED = Prepared(
    lambda dialect: (
        select(Certificate.serial)
        .where(among(dialect, Certificate.serial), Certificate.certificate_der.is_(None))
        .order_by(Certificate.serial)
        .with_for_update()
    )
)


def record_intents(
    session: Session,
    intents: Sequence[tuple[Intent, x509.Certificate]],
    *,
    journal: Journal,
    actor: str | None,
    now: datetime,
) -> None:
    """Write each intent's row (no signature yet) and its event ``issued``, just before the caller's commit.

    :param intents: each with its bytes as a readable certificate.
    """
    for intent, certificate in intents:
        values = certificate_values(intent, certificate, now=now)
        insert_later(session, _TABLE, values)
        journal.record(session, issued_event(intent, values, actor=actor), now=now)


def sign_many(unsigned: Mapping[str, bytes], *, signer: Signer, issuer: x509.Certificate) -> dict[str, bytes]:
    """Sign recorded bytes, each checked before anyone sees it. In no transaction.

    :param unsigned: to-be-signed bytes by serial. :return: certificates (DER) by serial.
    :raises kernel.errors.Unavailable: if the key does not answer; the rows wait for the next try.
    """
    return {serial: sign_to_be_signed(tbs, signer=signer, issuer=issuer) for serial, tbs in unsigned.items()}


def store_many_signed(
    database: Database, signed: Mapping[str, bytes], *, journal: Journal, actor: str | None, now: datetime
) -> int:
    """Store those certificates that nobody else has stored, with their events and their entries in the
    certificate log; return how many. Before any is handed over comes :func:`ca.transparency.promise.ensure_logged`.

    In a transaction of its own, made ready before it begins.

    :param signed: certificates (DER) by serial.
    """
    serials = sorted(signed)  # two that store the same ones lock them in the same order
    while True:
        with database.reading() as session:
            unsigned = [_Unsigned(*values) for values in _UNSIGNED.fetch(session, {"keys": serials})]
        if not unsigned:
            return 0
        with database.transaction(late=True) as session:
            _write_signed(session, unsigned, signed, journal=journal, actor=actor, now=now)
            still = {values[0] for values in _LOCKED.fetch(session, {"keys": serials})}
            if still == {row.serial for row in unsigned}:
                return len(unsigned)
            session.rollback()  # somebody has stored some of them since


def _write_signed(
    session: Session,
    unsigned: Sequence[_Unsigned],
    signed: Mapping[str, bytes],
    *,
    journal: Journal,
    actor: str | None,
    now: datetime,
) -> None:
    for row in unsigned:
        certificate_der = signed[row.serial]
        digest = sha256_hex(certificate_der)
        values = {"serial": row.serial, "certificate_der": certificate_der, "certificate_sha256": digest}
        update_later(session, _TABLE, values)
        logged = LoggedCertificate(
            serial=row.serial,
            certificate_der=certificate_der,
            profile=row.profile,
            profile_version=row.profile_version,
            institution_ruc=row.institution_ruc,
            holder_id=row.holder_id,
        )
        log_certificate(session, logged, now=now)
        journal.record(session, signed_event(row.serial, digest, actor=actor), now=now)
