"""The doctor's checks: each yields what it found, with the remedy."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from admin.permissions import APPOINTING_ROLES, Role
from admin.roles import list_role_holdings
from audit.status import log_status
from ca.issuance.model import Authority
from ca.practices.statement import statement
from ca.revocation.model import RevocationList
from ca.transparency.status import certificate_log_status
from composition import Composition
from idp.accounts.model import PersonRow
from idp.protocol.algorithms import TOKEN_ALGORITHMS
from idp.tokens.model import EncryptionKeyRow, SigningKeyRow
from kernel.command_line import counted
from kernel.errors import Rejected
from kernel.outbox import MAX_ATTEMPTS, OutboxTask
from kernel.settings import is_loopback
from keys.decrypter import EncryptionKind
from keys.file_store import require_private
from operations import schema
from operations.age_checks import clock, hosts, last_backup, signers
from operations.connections import directories, mail_server, mtls_host, outgoing_trust, sms_gateway, ussd_gateway
from operations.finding import Finding, Severity, broken, ok, warning
from operations.geoip_check import places_of_addresses
from operations.settings_checks import settings_in_force, several_nodes, witnesses

_LOW_DISK = 1024**3
_LATE = timedelta(minutes=10)
_LIST_SOON = timedelta(days=1)
_ROOT_LIST_SOON = timedelta(days=30)  # a person has to bring the root's key
_KEY_LIST_OLD_DAYS = 90
_AUTHORITY_SOON = timedelta(days=365)


Check = Callable[[Composition], Iterator[Finding]]


def _home(composition: Composition) -> Iterator[Finding]:
    home = composition.settings.home
    require_private(home)
    yield ok("home", f"{home.resolve()} is closed to others")
    free = shutil.disk_usage(home).free
    if free < _LOW_DISK:
        yield warning(
            "disk",
            f"{free // 1024**2} MiB free under the home",
            "Make room: a full disk stops every login.",
        )
    for draft in sorted(home.glob(".root*.*")):
        if draft.is_dir():  # ca.ceremony.resharing: encrypted anew beside the key, and never in its place
            yield warning(
                "root key",
                f"{draft.name} holds a copy of a root's key that a resharing was writing when it was interrupted.",
                f"Run 'sau ca reshare' again, which removes it, or shred what is in {draft}; the key itself is whole.",
            )
    if is_loopback(composition.settings.issuer):
        return
    for passphrase in sorted(home.glob("root*-passphrase")):
        folder = home / passphrase.name.removesuffix("-passphrase")
        if folder.exists():
            yield warning(
                "root key",
                f"The key of {folder.name} and its passphrase are on this machine.",
                f"Move {folder} and {passphrase} to two offline media.",
            )
    for page in sorted((home / "shares").glob("*-share-*.txt")):
        yield warning("key share", f"{page.name} is on this machine.", f"Print it for its holder, then shred {page}.")


def _database(composition: Composition) -> Iterator[Finding]:
    found, newest = schema.current(composition.database)
    if found is None:
        yield broken("schema", "There are no tables yet.", "Run 'sau init'.")
        return
    if not schema.fits(composition.database):
        yield broken("schema", f"at {found}, this release needs {newest}", "Run 'sau db upgrade'.")
        return
    said = f"{composition.database.url.get_backend_name()}, revision {found}"
    yield ok("schema", said if found == newest else f"{said}, which only adds to this release's {newest}")
    if composition.database.is_sqlite:
        return
    with composition.database.reading() as session:
        commit = session.execute(text("SHOW synchronous_commit")).scalar_one()
        skew = session.execute(text("SELECT clock_timestamp()")).scalar_one() - composition.clock.now()
    if commit == "off":
        yield broken(
            "durability",
            "synchronous_commit is off: acknowledged events can be lost.",
            "Set it to on.",
        )
    if abs(skew) > timedelta(seconds=2):
        yield warning(
            "database clock",
            f"The database's clock is {skew.total_seconds():+.1f} s away.",
            "Run NTP on both.",
        )


def _keys(composition: Composition) -> Iterator[Finding]:
    with composition.database.reading() as session:
        signing = session.execute(
            select(SigningKeyRow.kid, SigningKeyRow.state, SigningKeyRow.algorithm).order_by(SigningKeyRow.kid)
        ).all()
        opening = session.execute(select(EncryptionKeyRow.kid, EncryptionKeyRow.state, EncryptionKeyRow.kind)).all()
    names = set(composition.keystore.names())
    yield _signing_keys(
        lost=[row.kid for row in signing if row.kid not in names and row.state in ("active", "next")],
        without=[
            f"{algorithm} ({state})"
            for algorithm in TOKEN_ALGORITHMS
            for state in ("active", "next")
            if not any((row.algorithm, row.state) == (algorithm, state) for row in signing)
        ],
    )
    usable = {row.kind for row in opening if row.state == "active" and row.kid in names}
    if unusable := [kind.value for kind in EncryptionKind if kind.value not in usable]:
        yield broken(
            "encryption keys",
            f"missing: {', '.join(unusable)}; requests encrypted to them cannot be opened",
            "Run 'sau init'. Bring a lost file back, or run 'sau keys rotate --emergency --whole-store'.",
        )
    for name in names:
        composition.keystore.require_readable(name)


def _signing_keys(*, lost: Sequence[str], without: Sequence[str]) -> Finding:
    check = "signing keys"
    if lost:
        said = f"not in the key store: {', '.join(lost)}"
        return broken(check, said, "Bring the files back, or run 'sau keys rotate --emergency'.")
    if without:
        return broken(check, f"missing: {', '.join(without)}", "Run 'sau init'.")
    return ok(check, f"active and next for {', '.join(TOKEN_ALGORITHMS)}")


def _key_store(composition: Composition) -> Iterator[Finding]:
    places = Counter(composition.keystore.place(name) for name in composition.keystore.names())
    yield ok(
        "key store",
        ", ".join(f"{place}: {counted(number, 'key', 'keys')}" for place, number in sorted(places.items())) or "empty",
    )


def _authorities(composition: Composition) -> Iterator[Finding]:
    now = composition.clock.now()
    names = set(composition.keystore.names())
    with composition.database.reading() as session:
        authorities = session.scalars(select(Authority).order_by(Authority.created_at, Authority.id)).all()
        for authority in authorities:
            yield _life(authority, now - authority.not_after)
            yield _list(session, authority, composition)
            if authority.issuer_id is not None and authority.not_after > now and authority.key_name not in names:
                yield broken(
                    f"CA {authority.name}",
                    "its key is not in the key store: it signs neither certificates nor lists",
                    "Bring the key back, or move its profiles to another authority ('sau ca profile move').",
                )
    yield _key_list(composition, now=now)
    yield _practices(composition)
    if not authorities:
        yield broken("authorities", "there is none", "Run 'sau init'.")


def _key_list(composition: Composition, *, now: datetime) -> Finding:
    check, remedy = "weak keys", "Run 'badkeys --update-bl', then 'sau ca key-list update', every month."
    state = composition.ca.block_list.state()
    severity = Severity.OK if composition.settings.demo else Severity.WARNING
    if state is None:
        said = "The list of publicly known keys is not here; all other checks of keys run."
        return Finding(check, severity, said, remedy)
    age = (now - state.taken_at).days
    known = counted(state.entries, "publicly known key is", "publicly known keys are")
    said = f"{known} refused; the list is {counted(age, 'day', 'days')} old."
    return Finding(check, severity, said, remedy) if age > _KEY_LIST_OLD_DAYS else ok(check, said)


def _practices(composition: Composition) -> Finding:
    check = "practice statement"
    try:
        clauses = statement(composition.settings.pki_practices_file)
    except Rejected as error:
        return broken(check, str(error), "Mend the file; until then /pki/cps cannot be shown.")
    undeclared = sum(clause.is_open for clause in clauses)
    if not undeclared:
        return ok(check, "every clause is declared")
    severity = Severity.OK if composition.settings.demo else Severity.WARNING
    said = f"{undeclared} clauses of RFC 3647 are still to be declared by who runs the service"
    return Finding(check, severity, said, "Fill in 'sau ca practices example' and name it by SAU_PKI_PRACTICES_FILE.")


def _life(authority: Authority, past: timedelta) -> Finding:
    check = f"CA {authority.name}"
    if past > timedelta(0):
        return broken(check, f"expired on {authority.not_after:%Y-%m-%d}", "Make a new authority.")
    severity = Severity.WARNING if -past < _AUTHORITY_SOON else Severity.OK
    remedy = "Plan its successor: it issues nothing that outlives it." if severity else ""
    return Finding(check, severity, f"until {authority.not_after:%Y-%m-%d}", remedy)


def _list(session: Session, authority: Authority, composition: Composition) -> Finding:
    now, check = composition.clock.now(), f"CRL {authority.name}"
    remedy = (
        "Run 'sau ca publish --root' where the root's key is." if authority.issuer_id is None else "Run 'sau worker'."
    )
    of_each_shard = (
        select(func.max(RevocationList.next_update).label("ends"))
        .where(RevocationList.authority_id == authority.id)
        .group_by(RevocationList.shard)
        .subquery()
    )
    newest = session.scalar(select(func.min(of_each_shard.c.ends)))
    if newest is None:
        return warning(check, "none was published yet", remedy)
    if newest <= now:
        return broken(check, f"ran out on {newest:%Y-%m-%d %H:%M} UTC", remedy)
    late = newest - now < (_ROOT_LIST_SOON if authority.issuer_id is None else _LIST_SOON)
    return Finding(check, Severity(late), f"until {newest:%Y-%m-%d %H:%M} UTC", remedy if late else "")


def _evidence(composition: Composition) -> Iterator[Finding]:
    with composition.database.reading() as session:
        status = log_status(session, now=composition.clock.now())
    said = f"{counted(status.size, 'record', 'records')}, {status.waiting} waiting"
    if status.healthy:
        yield ok("audit log", said)
    else:
        yield broken(
            "audit log",
            f"{said}, the oldest for {status.behind}",
            "Run 'sau worker', then 'sau audit verify'.",
        )


def _certificate_log(composition: Composition) -> Iterator[Finding]:
    check = "certificate log"
    with composition.database.reading() as session:
        status = certificate_log_status(session, now=composition.clock.now())
    said = f"{counted(status.log.size, 'certificate', 'certificates')}, {status.log.waiting} waiting"
    if status.unlogged:
        yield broken(
            check,
            f"{said}; {status.unlogged} are in their table and not in the log",
            "Find out who issued them past the log: 'sau ca log backfill --dry-run' names them.",
        )
    elif not status.log.healthy:
        yield broken(
            check, f"{said}, the oldest for {status.log.behind}", "Run 'sau worker', then 'sau ca log verify'."
        )
    elif status.older:
        yield warning(check, f"{said}; {status.older} are older than the log", "Run 'sau worker': it puts them in.")
    else:
        yield ok(check, said)


def _queue(composition: Composition) -> Iterator[Finding]:
    now = composition.clock.now()
    with composition.database.reading() as session:
        given_up = (
            session.scalar(
                select(func.count()).where((OutboxTask.attempts >= MAX_ATTEMPTS) | OutboxTask.given_up_at.is_not(None))
            )
            or 0
        )
        late = session.scalar(select(func.count()).where(OutboxTask.due_at < now - _LATE)) or 0
    if given_up:
        yield warning(
            "queue",
            f"{given_up} tasks were given up",
            "See the console's deliveries, or last_error in outbox_task.",
        )
    if late > given_up:
        yield broken("queue", f"{late - given_up} tasks are late", "Run 'sau worker'.")
    if not given_up and not late:
        yield ok("queue", "nothing is late")


def _people(composition: Composition) -> Iterator[Finding]:
    with composition.database.reading() as session:
        holdings = [held for held in list_role_holdings(session) if session.get(PersonRow, held.person_id)]
    administrators = {held.person_id for held in holdings if held.role in APPOINTING_ROLES}
    if not administrators:
        yield warning("administrators", "nobody has enrolled yet", "Run 'sau init' and open its link.")
    operators = {held.person_id for held in holdings if held.role in (Role.PKI_OFFICER, Role.PKI_APPROVER)}
    if len(operators) < 2:
        yield warning(
            "two people",
            f"{len(operators)} hold a certificate role: most profiles need two people.",
            "Grant pki_officer and pki_approver to different people: 'sau role grant'.",
        )
    if administrators and len(operators) >= 2:
        yield ok("people", f"administrators: {len(administrators)}, certificate operators: {len(operators)}")


GROUND: dict[str, Check] = {
    "settings": settings_in_force,
    "home": _home,
    "mail": mail_server,
    "short messages": sms_gateway,
    "ussd": ussd_gateway,
    "outgoing requests": outgoing_trust,
    "mutual-TLS host": mtls_host,
    "places of addresses": places_of_addresses,
    "hosts": hosts,
    "schema": _database,
}

# These read tables: they are asked only when the schema is this release's.
CONTENTS: dict[str, Check] = {
    "key store": _key_store,
    "keys": _keys,
    "authorities": _authorities,
    "audit log": _evidence,
    "certificate log": _certificate_log,
    "queue": _queue,
    "people": _people,
    "signers": signers,
    "clock": clock,
    "nodes": several_nodes,
    "witnesses": witnesses,
    "backup": last_backup,
    "directories": directories,
}
