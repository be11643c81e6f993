"""Where faults are put in: the browser's answer, tokens, UserInfo. In production nothing is even asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.client import Client
from idp.services import IdpServices
from idp.simulation.faults import OF_THE_RESPONSE, Fault, faulty_claims, faulty_jws, faulty_response
from idp.simulation.model import SimulatedLoginRow, SimulationRow
from idp.simulation.run import may_simulate
from idp.tokens.id_token import TYPE
from idp.tokens.jws import sign_jwt
from idp.tokens.token_set import TokenSet
from kernel.errors import Fault as ServiceFault

#: Says it in every answer that is touched.
LABEL = "sau_simulation"


def inject_into_response(
    session: Session, services: IdpServices, *, client: Client, parameters: Mapping[str, str], now: datetime
) -> Mapping[str, str]:
    """Return what the browser carries to ``client``, with the fault that was chosen, if one was."""
    if not may_simulate(client) or "response" in parameters:
        return parameters
    chosen = session.execute(
        update(SimulationRow)
        .where(
            SimulationRow.client_id == client.client_id,
            SimulationRow.stopped_at.is_(None),
            SimulationRow.ends_at > now,
            SimulationRow.logins_left > 0,
        )
        .values(logins_left=SimulationRow.logins_left - 1, sent=SimulationRow.sent + 1)
        .returning(SimulationRow.id, SimulationRow.fault)
        .execution_options(synchronize_session=False)
    ).first()
    if chosen is None:
        return parameters
    fault = Fault(chosen.fault)
    if fault not in OF_THE_RESPONSE:
        return parameters
    _record(session, services, client, chosen.id, fault, now=now)
    return {**faulty_response(parameters, fault), LABEL: fault.value}


def inject_into_tokens(
    session: Session, services: IdpServices, *, client: Client, family_id: str, tokens: TokenSet, now: datetime
) -> TokenSet:
    """Return the tokens of a code, with the fault.

    :raises ServiceFault: (``simulated``) where the token endpoint is to fail; on record, and the code is used up.
    """
    if not may_simulate(client):
        return tokens
    chosen = session.execute(
        update(SimulationRow)
        .where(
            SimulationRow.client_id == client.client_id,
            SimulationRow.stopped_at.is_(None),
            SimulationRow.ends_at > now,
            SimulationRow.redeemed < SimulationRow.sent,
        )
        .values(redeemed=SimulationRow.redeemed + 1)
        .returning(SimulationRow.id, SimulationRow.fault)
        .execution_options(synchronize_session=False)
    ).first()
    if chosen is None:
        return tokens
    fault = Fault(chosen.fault)
    session.execute(insert(SimulatedLoginRow).values(family_id=family_id, simulation_id=chosen.id, used_at=None))
    if fault is Fault.TOKEN_ERROR:
        event = _event(client, chosen.id, fault, outcome=Outcome.FAILURE)
        services.journal.refuse(session, event, ServiceFault("A simulated failure.", code="simulated"), now=now)
    if fault in OF_THE_RESPONSE or fault is Fault.USERINFO_SUB or tokens.id_token is None:
        return replace(tokens, simulated=fault.value)
    _record(session, services, client, chosen.id, fault, now=now)
    claims = faulty_claims(tokens.id_claims, fault, algorithm=client.id_token_alg, now=now)
    if claims is None:
        return replace(tokens, id_token=faulty_jws(tokens.id_token, fault), simulated=fault.value)
    signer = services.token_keys.active_signer(session, client.id_token_alg)
    return replace(tokens, id_token=sign_jwt(claims, signer=signer, typ=TYPE), simulated=fault.value)


def inject_into_userinfo(
    session: Session,
    services: IdpServices,
    *,
    client: Client,
    family_id: str,
    claims: Mapping[str, Any],
    now: datetime,
) -> Mapping[str, Any]:
    """Return the claims with the fault, and put down that the tokens of this login were used."""
    if not may_simulate(client):
        return claims
    simulation_id = session.scalar(
        update(SimulatedLoginRow)
        .where(SimulatedLoginRow.family_id == family_id)
        .values(used_at=func.coalesce(SimulatedLoginRow.used_at, now))
        .returning(SimulatedLoginRow.simulation_id)
        .execution_options(synchronize_session=False)
    )
    if simulation_id is None:
        return claims
    chosen = session.execute(select(SimulationRow.fault).where(SimulationRow.id == simulation_id)).scalar_one()
    if chosen != Fault.USERINFO_SUB:
        return claims
    _record(session, services, client, simulation_id, Fault.USERINFO_SUB, now=now)
    return {**claims, "sub": "somebody-else", LABEL: chosen}


def _record(
    session: Session, services: IdpServices, client: Client, simulation_id: str, fault: Fault, *, now: datetime
) -> None:
    services.journal.record(session, _event(client, simulation_id, fault), now=now)


def _event(client: Client, simulation_id: str, fault: Fault, *, outcome: Outcome = Outcome.SUCCESS) -> Event:
    return Event(
        type=EventType.FAULT_INJECTED,
        outcome=outcome,
        reason="simulated" if outcome is not Outcome.SUCCESS else None,
        client_id=client.client_id,
        object_id=simulation_id,
        details={"fault": fault.value},
    )
