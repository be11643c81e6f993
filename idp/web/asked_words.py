"""What a request that waits asks for, line by line, in the words of the consent page."""

from __future__ import annotations

from dataclasses import dataclass

from idp.decoupled.question import Question
from idp.protocol.scope import OPENID
from idp.tokens.claims import person_claims
from idp.web.consent_words import ConsentLine, consent_lines


@dataclass(frozen=True)
class AskedLines:
    """Lines by how they may be answered; see :class:`idp.decoupled.question.Question`."""

    necessary: list[ConsentLine]
    optional: list[ConsentLine]
    allowed_before: list[ConsentLine]


def asked_lines(question: Question) -> AskedLines:
    """Return what the application would get, with the exact values."""
    everything = (*question.necessary, *question.optional, *question.allowed_before)
    claims, permissions = person_claims(question.person, everything), question.permissions
    necessary = consent_lines(question.necessary, claims, permissions)
    return AskedLines(
        necessary=necessary or consent_lines((OPENID,), claims, permissions),
        optional=consent_lines(question.optional, claims, permissions),
        allowed_before=consent_lines(question.allowed_before, claims, permissions),
    )
