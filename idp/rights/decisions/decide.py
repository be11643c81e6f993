"""The answer: deny, unless a right that counts at this moment says otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy.orm import Session

from idp.clients.client import Client
from idp.rights.catalog import permission_words
from idp.rights.decisions.known_subject import find_subject
from idp.rights.decisions.question import (
    DENY_ON_FIRST_DENY,
    PERMIT_ON_FIRST_PERMIT,
    USER,
    Batch,
    Question,
)
from idp.rights.holdings import Holding, holdings_of
from idp.services import IdpServices
from kernel.errors import Rejected

#: Why not, for whoever builds the application; nothing about the person.
NOT_GRANTED, UNKNOWN_PERMISSION, UNKNOWN_SUBJECT_TYPE = "not_granted", "unknown_permission", "unknown_subject_type"


#: A person, if the subject is one, and the rights that count.
Rights: TypeAlias = tuple[str | None, Sequence[Holding]]


@dataclass(frozen=True)
class Decision:
    """One answer.

    :ivar reason: why not; None where it is allowed.
    :ivar error: the question could not be read.
    :ivar person_id: of whom it was, for the record; None where nobody is known by that name.
    :ivar holding: the right that allows it.
    """

    allowed: bool
    reason: str | None = None
    error: Rejected | None = None
    person_id: str | None = None
    permission: str | None = None
    holding: Holding | None = None

    def to_document(self) -> dict[str, Any]:
        """Return it as the answer says it (Authorization API 1.0 §5.5, §7.2.1)."""
        if self.error is not None:
            told = {"error": {"status": 400, "message": self.error.public_detail}}
            return {"decision": False, "context": told}
        if self.allowed:
            return {"decision": True}
        return {"decision": False, "context": {"reason": self.reason}}


def decide(
    session: Session,
    *,
    services: IdpServices,
    client: Client,
    question: Question,
    read: dict[str, Rights] | None = None,
    now: datetime,
) -> Decision:
    """Answer one question of ``client`` about its own permissions.

    :param read: what was read for other questions of the same request, by subject.
    """
    if question.subject_type != USER:
        return Decision(False, UNKNOWN_SUBJECT_TYPE, permission=question.permission)
    read = {} if read is None else read
    if question.subject not in read:
        read[question.subject] = _rights(session, services, client, question.subject, now=now)
    person_id, held = read[question.subject]
    holding = next((each for each in held if allows(each, question)), None)
    if holding is not None:
        return Decision(True, person_id=person_id, permission=question.permission, holding=holding)
    declared = question.permission in permission_words(session, client_id=client.client_id)
    reason = NOT_GRANTED if declared else UNKNOWN_PERMISSION
    return Decision(False, reason, person_id=person_id, permission=question.permission)


def decide_all(
    session: Session, *, services: IdpServices, client: Client, batch: Batch, now: datetime
) -> list[Decision]:
    """Answer the questions in their order, until the semantic says that it is enough (§7.1.2)."""
    answers: list[Decision] = []
    read: dict[str, Rights] = {}
    for item in batch.questions:
        if isinstance(item, Rejected):
            answers.append(Decision(False, error=item))
        else:
            answers.append(decide(session, services=services, client=client, question=item, read=read, now=now))
        allowed = answers[-1].allowed
        if batch.semantic == (PERMIT_ON_FIRST_PERMIT if allowed else DENY_ON_FIRST_DENY):
            break
    return answers


def _rights(session: Session, services: IdpServices, client: Client, subject: str, *, now: datetime) -> Rights:
    person_id = find_subject(session, services, client, subject)
    if person_id is None:
        return None, ()
    return person_id, holdings_of(session, person_id=person_id, client_id=client.client_id, now=now)


def allows(holding: Holding, question: Question) -> bool:
    """Tell whether the right allows what is asked, for the institution that is asked about."""
    return question.permission in holding.permissions and question.institution_ruc in (None, holding.institution_ruc)
