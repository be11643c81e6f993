"""Finalizing an order (RFC 8555 §7.4): a CSR for exactly its names becomes one certificate."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NoReturn

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.acme.account import actor_of
from ca.acme.identifier import allowed_domains, require_allowed
from ca.acme.model import Account, Order
from ca.acme.order import authorizations_of, own_order
from ca.acme.problem import AcmeProblem, Kind, malformed
from ca.acme.state import INVALID, PROCESSING, READY, VALID
from ca.acme.view import OrderView, view_order
from ca.requests.csr import ParsedRequest, parse_csr
from ca.requests.enroll import complete_enrolment, enroll
from ca.services import CaServices
from kernel.errors import Conflict, Denied, NotFound, Rejected, ServiceError, Unavailable
from kernel.identifiers import b64url_decode, sha256_hex

_MOST_CSR = 64 * 1024 * 4 // 3 + 4


def read_csr(member: object) -> bytes:
    """Return the DER request of a finalize request's ``csr``. :raises AcmeProblem: ``malformed``."""
    if not isinstance(member, str) or len(member) > _MOST_CSR:
        raise malformed("csr is a certificate request in DER, as base64url.")
    try:
        return b64url_decode(member)
    except ValueError as error:
        raise malformed("csr is a certificate request in DER, as base64url.") from error


def finalize_order(
    session: Session, *, services: CaServices, account: Account, order_id: str, csr: bytes, now: datetime
) -> OrderView:
    """Approve the certificate that a ready order asks for; :func:`complete_order` signs it after the commit.

    Of requests at once exactly one finds the order ready. A request that is refused leaves it so, and another CSR may
    be tried.

    :param csr: DER.
    :raises AcmeProblem: ``malformed`` (not found), ``orderNotReady``, ``badCSR``, ``rejectedIdentifier``,
        ``unauthorized``.
    """
    row = own_order(session, account=account, order_id=order_id, lock=True)
    if row.status != READY or row.expires_at <= now:
        raise AcmeProblem(
            Kind.ORDER_NOT_READY,
            f"The order is {view_order(row, (), now=now).status}, and only a ready one is finalized.",
        )
    try:
        institution, domains = allowed_domains(session, services=services, account=account)
        for name in row.names:
            require_allowed(name, domains=domains)
        _require_fitting_csr(session, _parsed(csr), row)
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
            now=now,
        )
    except (Rejected, Denied, NotFound, Conflict) as error:
        kind = Kind.BAD_CSR if isinstance(error, Rejected) else Kind.UNAUTHORIZED
        problem = AcmeProblem(kind, error.public_detail, code=error.code)
        problem.commits = error.commits
        raise problem from error
    # After the enrolment: what refuses a request commits its event, and the order must stay ready then.
    row.status, row.request_id = PROCESSING, enrolled.request_id
    session.flush()
    return view_order(row, authorizations_of(session, row), now=now)


def complete_order(services: CaServices, order_id: str, *, now: datetime) -> OrderView:
    """Sign what a finalized order waits for, and return the order. Repeatable, by any process.

    An authority that does not answer leaves the order ``processing``: the worker goes on with it.
    """
    with services.database.reading() as session:
        row = session.get_one(Order, order_id)
        authorizations = authorizations_of(session, row)
    if row.status == PROCESSING and row.request_id is not None:

        def settle(session: Session, serial: str) -> None:
            _settle(session, services, row, status=VALID, serial=serial, now=now)

        try:
            complete_enrolment(services, row.request_id, actor=actor_of(row.account_id), alongside=settle, now=now)
        except Unavailable:
            return view_order(row, authorizations, now=now)
        except ServiceError as error:
            problem = AcmeProblem(Kind.SERVER_INTERNAL, "The authority refused to sign.", code=error.code)
            with services.database.transaction() as session:
                _settle(session, services, row, status=INVALID, problem=problem.to_json(), reason=error.code, now=now)
        with services.database.reading() as session:
            row = session.get_one(Order, order_id)
    return view_order(row, authorizations, now=now)


def _settle(
    session: Session,
    services: CaServices,
    row: Order,
    *,
    status: str,
    serial: str | None = None,
    problem: dict[str, Any] | None = None,
    reason: str | None = None,
    now: datetime,
) -> None:
    won = session.execute(
        update(Order)
        .where(Order.id == row.id, Order.status == PROCESSING)
        .values(status=status, serial=serial, problem=problem)
        .returning(Order.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if won is None:
        return
    event = Event(
        type=EventType.ACME_ORDER_FULFILLED if serial else EventType.ACME_ORDER_FAILED,
        outcome=Outcome.SUCCESS if serial else Outcome.FAILURE,
        reason=reason,
        actor=actor_of(row.account_id),
        object_id=row.id,
        details={"serial": serial, "request_id": row.request_id, "replaces": row.replaces},
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
    if session.scalar(select(Account.id).where(Account.spki_sha256 == sha256_hex(key)).limit(1)) is not None:
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
