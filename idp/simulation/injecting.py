"""Where faults are put in: the browser's answer, tokens, UserInfo. In production nothing is even asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.client import Client
from idp.services import IdpServices
from idp.simulation.faults import (
    OF_THE_ID_TOKEN,
    OF_THE_RESPONSE,
    OF_THE_SIGNED_RESPONSE,
    OF_THE_SIGNED_USERINFO,
    OF_USERINFO,
    SOMEBODY_ELSE,
    WITHOUT_A_RESPONSE,
    Fault,
    claims_in,
    faults_in_response,
    faulty_claims,
    faulty_jws,
    faulty_response,
    is_signed_alone,
)
from idp.simulation.model import SimulatedLoginRow, SimulationRow
from idp.simulation.run import may_simulate
from idp.tokens.id_token import TYPE
from idp.tokens.jws import sign_jwt
from idp.tokens.protection import authorization_protection
from idp.tokens.response_object import TYPE as RESPONSE_TYPE
from idp.tokens.token_set import TokenSet
from idp.tokens.userinfo import UserInfo
from kernel.errors import Fault as ServiceFault

#: Says it in every answer that is touched.
LABEL = "sau_simulation"


def inject_into_response(
    session: Session,
    services: IdpServices,
    *,
    client: Client,
    carried: Collection[str],
    family_id: str | None,
    parameters: Mapping[str, str],
    now: datetime,
) -> Mapping[str, str]:
    """Return what the browser carries to ``client``, with the fault that was chosen, if one was.

    :param carried: names of what was granted: ``code``, ``access_token``, ``id_token``.
    :param family_id: of the tokens among it, if there are some.
    :param parameters: all of the answer, or the one signed ``response``.
    """
    if not may_simulate(client):
        return parameters
    signed = "response" in parameters
    sealed = signed and not is_signed_alone(parameters["response"])
    chosen = _next_login(session, client, faults_in_response(carried, signed=signed, sealed=sealed), now=now)
    if chosen is None:
        return parameters
    fault = Fault(chosen.fault)
    if "access_token" in carried and family_id is not None:
        _keep_login(session, family_id, chosen.id)
        if "code" not in carried and fault in OF_THE_ID_TOKEN:  # there is nothing to redeem
            _count_redeemed(session, chosen.id)
    if sealed or not (fault in OF_THE_RESPONSE or _is_in_its_id_token(fault, carried)):
        return parameters
    _record(session, services, client, chosen.id, fault, now=now)
    answer: dict[str, Any] = claims_in(parameters["response"]) if signed else dict(parameters)
    if _is_in_its_id_token(fault, carried):
        answer["id_token"] = _faulty_jwt(session, services, answer["id_token"], fault, client.id_token_alg, now=now)
    answer = {**faulty_response(answer, fault), LABEL: fault.value}
    if not signed:
        return answer
    algorithm = authorization_protection(client).signed_by
    assert algorithm is not None
    if fault in OF_THE_SIGNED_RESPONSE:
        answer = faulty_claims(answer, fault, algorithm=algorithm, now=now) or answer
    signer = services.token_keys.active_signer(session, algorithm)
    response = sign_jwt(answer, signer=signer, typ=RESPONSE_TYPE)
    return {"response": faulty_jws(response, fault) if fault in OF_THE_SIGNED_RESPONSE else response}


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
        .where(*_active(client, now), SimulationRow.redeemed < SimulationRow.sent)
        .values(redeemed=SimulationRow.redeemed + 1)
        .returning(SimulationRow.id, SimulationRow.fault)
        .execution_options(synchronize_session=False)
    ).first()
    return _with_fault(session, services, client, family_id, tokens, chosen, now=now)


def inject_into_polled_tokens(
    session: Session, services: IdpServices, *, client: Client, family_id: str, tokens: TokenSet, now: datetime
) -> TokenSet:
    """Return the tokens of a device code or of CIBA's request, with the fault: no browser brought an answer before.

    :raises ServiceFault: as :func:`inject_into_tokens`.
    """
    if not may_simulate(client):
        return tokens
    chosen = _next_login(session, client, WITHOUT_A_RESPONSE, now=now)
    if chosen is not None:
        _count_redeemed(session, chosen.id)
    return _with_fault(session, services, client, family_id, tokens, chosen, now=now)


def inject_into_userinfo(session: Session, services: IdpServices, *, told: UserInfo, now: datetime) -> UserInfo:
    """Return the answer with the fault, and put down that the tokens of this login were used."""
    client = told.client
    if not may_simulate(client):
        return told
    simulation_id = session.scalar(
        update(SimulatedLoginRow)
        .where(SimulatedLoginRow.family_id == told.family_id)
        .values(used_at=func.coalesce(SimulatedLoginRow.used_at, now))
        .returning(SimulatedLoginRow.simulation_id)
        .execution_options(synchronize_session=False)
    )
    if simulation_id is None:
        return told
    chosen = session.execute(select(SimulationRow.fault).where(SimulationRow.id == simulation_id)).scalar_one()
    fault = Fault(chosen)
    in_clear = told.jwt is None
    if fault not in OF_USERINFO or (in_clear and fault in OF_THE_SIGNED_USERINFO):
        return told
    if told.jwt is not None and not is_signed_alone(told.jwt):
        return told
    _record(session, services, client, simulation_id, fault, now=now)
    if told.jwt is None:
        return replace(told, claims={**told.claims, "sub": SOMEBODY_ELSE, LABEL: chosen})
    algorithm = client.metadata.userinfo_signed_response_alg
    assert algorithm is not None
    claims = {**claims_in(told.jwt), LABEL: chosen}
    signer = services.token_keys.active_signer(session, algorithm)
    faulty = faulty_claims(claims, fault, algorithm=algorithm, now=now) or claims
    return replace(told, jwt=faulty_jws(sign_jwt(faulty, signer=signer, typ="JWT"), fault))


def _is_in_its_id_token(fault: Fault, carried: Collection[str]) -> bool:
    if "id_token" not in carried or (fault is Fault.AT_HASH and "access_token" not in carried):
        return False
    return fault in OF_THE_ID_TOKEN or fault is Fault.C_HASH


def _active(client: Client, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        SimulationRow.client_id == client.client_id,
        SimulationRow.stopped_at.is_(None),
        SimulationRow.ends_at > now,
    )


def _next_login(
    session: Session, client: Client, possible: Collection[Fault], *, now: datetime
) -> Row[str, str] | None:
    """Take one of the logins that are left, if the fault is one of ``possible``: of several at once each takes one."""
    return session.execute(
        update(SimulationRow)
        .where(
            *_active(client, now),
            SimulationRow.logins_left > 0,
            SimulationRow.fault.in_(sorted(fault.value for fault in possible)),
        )
        .values(logins_left=SimulationRow.logins_left - 1, sent=SimulationRow.sent + 1)
        .returning(SimulationRow.id, SimulationRow.fault)
        .execution_options(synchronize_session=False)
    ).first()


def _count_redeemed(session: Session, simulation_id: str) -> None:
    session.execute(
        update(SimulationRow)
        .where(SimulationRow.id == simulation_id)
        .values(redeemed=SimulationRow.redeemed + 1)
        .execution_options(synchronize_session=False)
    )


def _keep_login(session: Session, family_id: str, simulation_id: str) -> None:
    session.execute(insert(SimulatedLoginRow).values(family_id=family_id, simulation_id=simulation_id, used_at=None))


def _with_fault(
    session: Session,
    services: IdpServices,
    client: Client,
    family_id: str,
    tokens: TokenSet,
    chosen: Row[str, str] | None,
    *,
    now: datetime,
) -> TokenSet:
    if chosen is None:
        return tokens
    fault = Fault(chosen.fault)
    _keep_login(session, family_id, chosen.id)
    if fault is Fault.TOKEN_ERROR:
        event = _event(client, chosen.id, fault, outcome=Outcome.FAILURE)
        services.journal.refuse(session, event, ServiceFault("A simulated failure.", code="simulated"), now=now)
    marked = replace(tokens, simulated=fault.value)
    if fault is Fault.TOKEN_SLOW:
        _record(session, services, client, chosen.id, fault, now=now)
        return marked
    if fault not in OF_THE_ID_TOKEN or tokens.id_token is None or not is_signed_alone(tokens.id_token):
        return marked
    _record(session, services, client, chosen.id, fault, now=now)
    return replace(
        marked, id_token=_faulty_jwt(session, services, tokens.id_token, fault, client.id_token_alg, now=now)
    )


def _faulty_jwt(
    session: Session, services: IdpServices, token: str, fault: Fault, algorithm: str, *, now: datetime
) -> str:
    """Return an ID token of ours with the fault: signed anew where a claim is wrong."""
    claims = faulty_claims(claims_in(token), fault, algorithm=algorithm, now=now)
    if claims is None:
        return faulty_jws(token, fault)
    return sign_jwt(claims, signer=services.token_keys.active_signer(session, algorithm), typ=TYPE)


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
