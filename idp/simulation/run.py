"""Simulations of an application: begun, ended, listed, and the one rule of which application can have one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.clients.client import Client
from idp.clients.environment import Environment
from idp.services import IdpServices
from idp.simulation.faults import (
    OF_THE_ID_TOKEN,
    OF_THE_RESPONSE,
    OF_THE_SIGNED_RESPONSE,
    OF_THE_SIGNED_USERINFO,
    OF_USERINFO,
    WITHOUT_A_RESPONSE,
    Fault,
)
from idp.simulation.model import SimulatedLoginRow, SimulationRow
from kernel.errors import Conflict, Rejected
from kernel.identifiers import new_id

MOST_LOGINS, MOST_MINUTES = 10, 60
_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Simulation:
    """A simulation as its page shows it. :ivar used: logins whose tokens came to UserInfo."""

    id: str
    fault: Fault
    sent: int
    redeemed: int
    used: int
    logins_left: int
    started_at: datetime
    ends_at: datetime
    active: bool

    @property
    def verdict(self) -> str:
        """What can be said: ``waiting``, ``accepted`` (it went on, as it must not), ``rejected`` or ``unseen``."""
        if not self.sent:
            return "waiting"
        if self.fault in OF_THE_RESPONSE:
            return "accepted" if self.redeemed or self.used else "rejected"
        if self.fault in OF_THE_ID_TOKEN and self.redeemed:
            return "accepted" if self.used else "rejected"
        return "unseen"


def may_simulate(client: Client) -> bool:
    """Tell whether faults may be put into what the application gets: the one place where that is asked.

    Nobody real enters a sandbox, and no other application can be in it: nothing is ever asked for one in production.
    """
    return client.environment is Environment.SANDBOX


def faults_for(client: Client) -> list[Fault]:
    """Return the faults that this application can meet, by what it registered, in their order."""
    known, left_out = client.metadata, set[Fault]()
    if known.id_token_encrypted_response_alg is not None:
        left_out |= OF_THE_ID_TOKEN | {Fault.C_HASH}
    if known.userinfo_encrypted_response_alg is not None:
        left_out |= OF_USERINFO
    if known.userinfo_signed_response_alg is None:
        left_out |= OF_THE_SIGNED_USERINFO
    if known.authorization_encrypted_response_alg is not None:
        left_out |= OF_THE_SIGNED_RESPONSE
    if client.policy.signed_responses and known.authorization_encrypted_response_alg is not None:
        left_out |= OF_THE_RESPONSE
    types = [each.split(" ") for each in known.response_types]
    if not any({"code", "id_token"} <= set(each) for each in types):
        left_out.add(Fault.C_HASH)
    if not types:
        left_out |= frozenset(Fault) - WITHOUT_A_RESPONSE
    return [fault for fault in Fault if fault not in left_out]


def start_simulation(
    session: Session,
    *,
    services: IdpServices,
    client: Client,
    fault: str,
    logins: int,
    minutes: int,
    actor: str,
    now: datetime,
) -> str:
    """Begin one, in place of the one before, and return its id.

    :raises Conflict: (``application_live``) in production.
    :raises Rejected: ``unknown_fault``, ``simulation_bounds``, ``simulation_elsewhere`` (it does not use, or has
        encrypted, what the fault is in).
    """
    if not may_simulate(client):
        raise Conflict("This application is in production.", code="application_live")
    if fault not in set(Fault):
        raise Rejected("There is no such fault.", code="unknown_fault")
    if not (1 <= logins <= MOST_LOGINS and 1 <= minutes <= MOST_MINUTES):
        raise Rejected(f"Up to {MOST_LOGINS} logins and {MOST_MINUTES} minutes.", code="simulation_bounds")
    if Fault(fault) not in faults_for(client):
        raise Rejected("This application does not get that, or gets it encrypted.", code="simulation_elsewhere")
    _forget_old(session, client.client_id, now=now)
    _stop(session, client.client_id, now=now)
    row = SimulationRow(
        id=new_id(),
        client_id=client.client_id,
        fault=fault,
        logins_left=logins,
        sent=0,
        redeemed=0,
        started_by=actor,
        started_at=now,
        ends_at=now + timedelta(minutes=minutes),
    )
    session.add(row)
    event = Event(
        type=EventType.SIMULATION_STARTED,
        actor=actor,
        client_id=client.client_id,
        object_id=row.id,
        details={"fault": fault, "logins": logins, "minutes": minutes},
    )
    services.journal.record(session, event, now=now)
    return row.id


def stop_simulation(session: Session, *, services: IdpServices, client: Client, actor: str, now: datetime) -> bool:
    """End what is under way; tell whether something was."""
    stopped = _stop(session, client.client_id, now=now)
    if stopped:
        event = Event(type=EventType.SIMULATION_STOPPED, actor=actor, client_id=client.client_id)
        services.journal.record(session, event, now=now)
    return stopped


def list_simulations(session: Session, client_id: str, *, now: datetime, limit: int = 20) -> list[Simulation]:
    """Return those of an application, the latest first."""
    used = (
        select(func.count())
        .where(SimulatedLoginRow.simulation_id == SimulationRow.id, SimulatedLoginRow.used_at.is_not(None))
        .scalar_subquery()
    )
    rows = session.execute(
        select(SimulationRow, used)
        .where(SimulationRow.client_id == client_id)
        .order_by(SimulationRow.started_at.desc(), SimulationRow.id.desc())
        .limit(limit)
    )
    return [
        Simulation(
            id=row.id,
            fault=Fault(row.fault),
            sent=row.sent,
            redeemed=row.redeemed,
            used=count,
            logins_left=row.logins_left,
            started_at=row.started_at,
            ends_at=row.ends_at,
            active=row.stopped_at is None and row.ends_at > now and row.logins_left > 0,
        )
        for row, count in rows
    ]


def _stop(session: Session, client_id: str, *, now: datetime) -> bool:
    stopped = session.execute(
        update(SimulationRow)
        .where(SimulationRow.client_id == client_id, SimulationRow.stopped_at.is_(None), SimulationRow.ends_at > now)
        .values(stopped_at=now)
        .returning(SimulationRow.id)
    )
    return bool(stopped.all())


def _forget_old(session: Session, client_id: str, *, now: datetime) -> None:
    old = select(SimulationRow.id).where(SimulationRow.client_id == client_id, SimulationRow.started_at < now - _KEPT)
    session.execute(delete(SimulatedLoginRow).where(SimulatedLoginRow.simulation_id.in_(old)))
    session.execute(
        delete(SimulationRow).where(SimulationRow.client_id == client_id, SimulationRow.started_at < now - _KEPT)
    )
