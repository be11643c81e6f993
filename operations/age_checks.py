"""The doctor's checks of what grows old: the last backup, certificates that end, and a clock that goes wrong."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509
from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from audit.model import AuditCheckpoint, AuditEvent
from audit.vocabulary import EventType
from ca.issuance.model import Authority
from ca.revocation.model import OcspSigner
from ca.units.model import UnitSigner
from composition import Composition
from kernel.command_line import counted
from kernel.settings import is_loopback
from operations.finding import Finding, broken, ok, warning

_BACKUP_OLD = timedelta(days=2)
_HOST_SOON, _HOST_NOW = timedelta(days=21), timedelta(days=3)
_CLOCK_BACK = timedelta(seconds=2)
_SECONDS = 5


def last_backup(composition: Composition) -> Iterator[Finding]:
    """Ask when the last backup was made."""
    if composition.settings.demo:
        return
    with composition.database.reading() as session:
        made = _newest(session, AuditEvent.occurred_at, AuditEvent.type == EventType.BACKUP_MADE.value)
    remedy = "Run 'sau backup FILE', every night (docs/backup.md)."
    if made is None:
        yield warning("backup", "none was ever made here", remedy)
    elif (age := composition.clock.now() - made) > _BACKUP_OLD:
        yield warning("backup", f"the last one is {counted(age.days, 'day', 'days')} old", remedy)
    else:
        yield ok("backup", f"made {made:%Y-%m-%d %H:%M} UTC")


def clock(composition: Composition) -> Iterator[Finding]:
    """Look whether time went back: something is signed in the future."""
    now = composition.clock.now()
    with composition.database.reading() as session:
        signed = _newest(session, AuditCheckpoint.signed_at)
    if signed is not None and signed - now > _CLOCK_BACK:
        yield broken(
            "clock",
            f"The log was signed at {signed:%Y-%m-%d %H:%M:%S} UTC, {(signed - now).total_seconds():.0f} s from now.",
            "Set the clock and run NTP (chrony): until then codes, tokens and lists are refused or live too long.",
        )
    else:
        yield ok("clock", f"{now:%Y-%m-%d %H:%M:%S} UTC")


def signers(composition: Composition) -> Iterator[Finding]:
    """Look whether the certificates that the upkeep renews are renewed: OCSP signers, units of time stamps."""
    now = composition.clock.now()
    with composition.database.reading() as session:
        ends = {
            f"OCSP signer {name}": until
            for name, until in session.execute(
                select(Authority.name, func.max(OcspSigner.not_after))
                .join(OcspSigner, OcspSigner.authority_id == Authority.id)
                .where(OcspSigner.certificate_der.is_not(None), Authority.not_after > now)
                .group_by(Authority.name)
            )
        }
        ends |= {
            f"unit {name}": until
            for name, until in session.execute(
                select(UnitSigner.unit, func.max(UnitSigner.signs_until))
                .where(UnitSigner.certificate_der.is_not(None))
                .group_by(UnitSigner.unit)
            )
        }
    for check, until in sorted(ends.items()):
        if until <= now:
            yield broken(check, f"its certificate ended on {until:%Y-%m-%d %H:%M} UTC", "Run 'sau worker'.")
        else:
            yield ok(check, f"until {until:%Y-%m-%d %H:%M} UTC")


def hosts(composition: Composition) -> Iterator[Finding]:
    """Ask the service's own hosts for their TLS certificates, and until when they are good."""
    settings, now = composition.settings, composition.clock.now()
    for origin in filter(None, (settings.issuer, settings.mtls_origin)):
        if origin.startswith("https://") and not is_loopback(origin):
            with suppress(OSError, ValueError):  # that it does not answer is a finding of its own
                yield judge_host(origin, until=host_certificate_ends(origin), now=now)


def judge_host(origin: str, *, until: datetime, now: datetime) -> Finding:
    """Judge until when a host's certificate is good."""
    check = f"TLS {urlsplit(origin).hostname}"
    said, remedy = f"its certificate ends on {until:%Y-%m-%d}", "Renew it (certbot, lego) and reload nginx."
    if until - now < _HOST_NOW:
        return broken(check, said, remedy)
    return warning(check, said, remedy) if until - now < _HOST_SOON else ok(check, said)


def host_certificate_ends(origin: str) -> datetime:
    """Return until when the certificate is good that an https host shows. :raises OSError: if it does not answer."""
    url = urlsplit(origin)
    # What it says is wanted even where it is not trusted here, or has ended: nothing is sent.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((url.hostname, url.port or 443), timeout=_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=url.hostname) as connection,
    ):
        der = connection.getpeercert(binary_form=True)
    if der is None:
        raise ValueError("no certificate")
    return x509.load_der_x509_certificate(der).not_valid_after_utc


def _newest(session: Session, moment: InstrumentedAttribute[datetime], *where: object) -> datetime | None:
    found = session.scalar(select(moment).where(*where).order_by(moment.desc()).limit(1))  # type: ignore[arg-type]
    return None if found is None else found.astimezone(UTC)
