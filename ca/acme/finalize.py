"""Finalizing an order (RFC 8555 §7.4): a CSR for exactly its names becomes one certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, NoReturn

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import bindparam, literal_column, select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.acme.account import actor_of
from ca.acme.identifier import allowed_domains, require_allowed
from ca.acme.model import Account, Credential, Order
from ca.acme.order import PlacedOrder, authorizations_of, own_order
from ca.acme.problem import AcmeProblem, Kind, malformed
from ca.acme.reading_ahead import wants_authorizations_of, wants_order
from ca.acme.state import INVALID, PROCESSING, READY, VALID
from ca.acme.view import OrderView, view_order
from ca.issuance.issue import issue_approved
from ca.issuance.record import store_signed, wants_certificate
from ca.requests.csr import ParsedRequest, parse_csr
from ca.requests.enroll import EnrolledRequest, enroll, sign_enrolled
from ca.requests.prepare import Judged, judge_request, wants_key
from ca.services import CaServices
from ca.transparency.promise import begin_placing, place_waiting
from kernel.errors import Conflict, Denied, NotFound, Rejected, ServiceError, Unavailable
from kernel.identifiers import b64url_decode, sha256_hex
from kernel.late_rows import change_row
from kernel.loop_call import elsewhere, is_done
from kernel.prefetch import UNKNOWN, Reading, Want, among, hold_row, keep, kept
from kernel.prepared import Ask, Prepared

_ACCOUNT_OF_KEY = Prepared(
    lambda _: select(Account.id).where(Account.spki_sha256 == bindparam("spki")).limit(literal_column("1"))
)
_READY_ORDER = Prepared(
    lambda _: (
        select(Order.profile, Order.names, Credential.institution_ruc)
        .join(Account, Account.id == Order.account_id)
        .join(Credential, Credential.id == Account.credential_id)
        .where(
            Order.id == bindparam("order"),
            Order.account_id == bindparam("account"),
            Order.status == bindparam("ready"),
        )
    )
)
_ACCOUNTS_OF_KEYS = Prepared(lambda dialect: select(Account.spki_sha256).where(among(dialect, Account.spki_sha256)))
_MOST_CSR = 64 * 1024 * 4 // 3 + 4


def read_csr(member: object) -> bytes:
    """Return the DER request of a finalize request's ``csr``. :raises AcmeProblem: ``malformed``."""
    if not isinstance(member, str) or len(member) > _MOST_CSR:
        raise malformed("csr is a certificate request in DER, as base64url.")
    try:
        return b64url_decode(member)
    except ValueError as error:
        raise malformed("csr is a certificate request in DER, as base64url.") from error


def judge_finalize(services: CaServices, *, account_id: str, order_id: str, csr: bytes, now: datetime) -> Judged | None:
    """Look at the CSR before the transaction; None if the order is not there or not ready, which is told there."""
    placed: PlacedOrder | None = services.orders_ready.find(order_id)  # nothing is asked then
    with services.database.reading() as session:
        if placed is None or placed.account_id != account_id:
            found = _READY_ORDER.fetch(session, {"order": order_id, "account": account_id, "ready": READY})
            if not found:
                return None
            placed = PlacedOrder(account_id, *found[0])
        return judge_request(
            session,
            services=services,
            profile=placed.profile,
            csr=csr,
            institution_ruc=placed.institution_ruc,
            proved_names=list(placed.names),
            now=now,
        )


def wants_finalized(order_id: str, judged: Judged | None) -> list[Want]:
    """Return what :func:`finalize_order` is going to look up."""
    wants = [wants_order(order_id), wants_authorizations_of(order_id)]
    if judged is not None and judged.preview is not None:
        digest = judged.preview.parsed.spki_sha256
        wants += [Want(_read_accounts_of_keys, digest), *wants_key(digest)]
    return wants


def _read_accounts_of_keys(session: Session, keys: Sequence[str]) -> Reading:
    found = {row[0] for row in (yield Ask(_ACCOUNTS_OF_KEYS, {"keys": keys}))}
    for each in keys:
        keep(session, Account, (each, "key"), each in found)


@dataclass(frozen=True)
class Finalized:
    """An order whose certificate is written down. :ivar order: ``processing``, yet to be signed."""

    order: OrderView
    enrolled: EnrolledRequest


def finalize_order(
    session: Session,
    *,
    services: CaServices,
    account: Account,
    order_id: str,
    csr: bytes,
    judged: Judged | None = None,
    now: datetime,
) -> Finalized:
    """Approve the certificate that a ready order asks for; :func:`sign_order` signs it after the commit.

    Of requests at once exactly one finds the order ready. A request that is refused leaves it so, and another CSR may
    be tried.

    :param csr: DER. :param judged: see :func:`judge_finalize`.
    :raises AcmeProblem: ``malformed`` (not found), ``orderNotReady``, ``badCSR``, ``rejectedIdentifier``,
        ``unauthorized``.
    """
    row = own_order(session, account=account, order_id=order_id, lock=True)
    if row.status != READY or row.expires_at <= now:
        raise AcmeProblem(
            Kind.ORDER_NOT_READY,
            f"The order is {view_order(row, (), now=now).status}, and only a ready one is finalized.",
        )
    parsed = judged.preview.parsed if judged is not None and judged.preview is not None else None
    try:
        institution, domains = allowed_domains(session, services=services, account=account)
        for name in row.names:
            require_allowed(name, domains=domains)
        _require_fitting_csr(session, parsed or _parsed(csr), row)
    except AcmeProblem as error:
        _refuse(session, services, row, error, now=now)
    except Rejected as error:
        _refuse(session, services, row, AcmeProblem(Kind.REJECTED_IDENTIFIER, error.public_detail), now=now)
    try:
        enrolled = enroll(
            session,
            services=services,
            profile=row.profile,
            csr=csr,
            institution_ruc=institution.ruc,
            requested_by=actor_of(account.id),
            proved_names=tuple(row.names),
            judged=judged,
            now=now,
        )
    except (Rejected, Denied, NotFound, Conflict) as error:
        kind = Kind.BAD_CSR if isinstance(error, Rejected) else Kind.UNAUTHORIZED
        problem = AcmeProblem(kind, error.public_detail, code=error.code)
        problem.commits = error.commits
        raise problem from error
    # After the enrolment: what refuses a request commits its event, and the order must stay ready then.
    authorizations = authorizations_of(session, row)
    row = change_row(session, Order, row, status=PROCESSING, request_id=enrolled.request_id)
    return Finalized(view_order(row, authorizations, now=now), enrolled)


def sign_order(services: CaServices, finalized: Finalized, *, now: datetime) -> OrderView:
    """Sign what was just finalized, store it and return the order: ``valid``, or ``processing`` if the key is away.

    The certificate has its place in the public log when it is downloaded.
    """
    order, enrolled = finalized.order, finalized.enrolled
    try:
        certificate_der = elsewhere(lambda: sign_enrolled(services, enrolled))
    except Unavailable:
        return order
    actor = actor_of(order.account_id)

    def store(session: Session) -> None:
        store_signed(session, enrolled.serial, certificate_der, journal=services.journal, actor=actor, now=now)
        _settle(session, services, order, enrolled.request_id, status=VALID, serial=enrolled.serial, now=now)

    services.database.together(store, [wants_certificate(enrolled.serial), wants_order(order.id)])
    log = services.certificate_log
    coming = begin_placing(log, now=now)
    wait = partial(place_waiting, log, now=now) if coming is None else partial(is_done, coming)
    services.unplaced.note(enrolled.serial, wait)
    return replace(order, status=VALID, serial=enrolled.serial)


def complete_order(services: CaServices, order_id: str, *, now: datetime) -> OrderView:
    """Sign what a finalized order waits for, and return the order. Repeatable, by any process.

    An authority that does not answer leaves the order ``processing``: the worker goes on with it.
    """
    with services.database.reading() as session:
        row = session.get_one(Order, order_id)
        authorizations = authorizations_of(session, row)
    if row.status == PROCESSING and row.request_id is not None:
        order = view_order(row, authorizations, now=now)
        settled: dict[str, Any] = {}
        try:
            issued = issue_approved(services, row.request_id, now=now, actor=actor_of(row.account_id))
            settled = {"status": VALID, "serial": issued.serial}
        except Unavailable:
            return order
        except ServiceError as error:
            problem = AcmeProblem(Kind.SERVER_INTERNAL, "The authority refused to sign.", code=error.code)
            settled = {"status": INVALID, "problem": problem.to_json(), "reason": error.code}
        with services.database.transaction() as session:
            _settle(session, services, order, row.request_id, **settled, now=now)
        with services.database.reading() as session:
            row = session.get_one(Order, order_id)
    return view_order(row, authorizations, now=now)


def _settle(
    session: Session,
    services: CaServices,
    row: OrderView,
    request_id: str,
    *,
    status: str,
    serial: str | None = None,
    problem: dict[str, Any] | None = None,
    reason: str | None = None,
    now: datetime,
) -> None:
    held = hold_row(session, Order, row.id)
    if held is None or held.status != PROCESSING:
        return  # another was first
    change_row(session, Order, held, status=status, serial=serial, problem=problem)
    event = Event(
        type=EventType.ACME_ORDER_FULFILLED if serial else EventType.ACME_ORDER_FAILED,
        outcome=Outcome.SUCCESS if serial else Outcome.FAILURE,
        reason=reason,
        actor=actor_of(row.account_id),
        object_id=row.id,
        details={"serial": serial, "request_id": request_id, "replaces": row.replaces},
    )
    services.journal.record(session, event, now=now)


def _parsed(csr: bytes) -> ParsedRequest:
    try:
        return parse_csr(csr)
    except Rejected as error:
        raise AcmeProblem(Kind.BAD_CSR, error.public_detail, code=error.code) from error


def _require_fitting_csr(session: Session, parsed: ParsedRequest, row: Order) -> None:
    """§7.4: exactly the order's names, and no account's key (§11.1)."""
    if parsed.addresses or parsed.other_names:
        raise AcmeProblem(Kind.BAD_CSR, "The CSR asks for names of other kinds than DNS names.")
    asked = {name.lower() for name in (*parsed.dns_names, *parsed.common_names)}
    if asked != set(row.names):
        missing, beyond = sorted(set(row.names) - asked), sorted(asked - set(row.names))
        texts = [f"without {', '.join(missing)}"] if missing else []
        texts += [f"with {', '.join(beyond)}"] if beyond else []
        detail = f"The CSR's names are not the order's: {' and '.join(texts)}."
        raise AcmeProblem(Kind.BAD_CSR, detail.encode("ascii", "backslashreplace").decode()[:500])
    key = parsed.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = sha256_hex(key)
    known = kept(session, Account, (digest, "key"))
    if _ACCOUNT_OF_KEY.fetch(session, {"spki": digest}) if known is UNKNOWN else known:
        raise AcmeProblem(Kind.BAD_CSR, "The CSR's key is an account's; make a key for the certificate alone.")


def _refuse(session: Session, services: CaServices, row: Order, error: AcmeProblem, *, now: datetime) -> NoReturn:
    event = Event(
        type=EventType.ACME_ORDER_REFUSED,
        outcome=Outcome.REFUSED,
        reason=error.code,
        actor=actor_of(row.account_id),
        object_id=row.id,
    )
    services.journal.refuse(session, event, error, now=now)
