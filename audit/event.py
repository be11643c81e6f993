"""The event as a value, and its canonical leaf."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from audit.vocabulary import EventType, Outcome

Scalar = str | int | bool | None
Details = Mapping[str, Scalar | list[str]]

_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False, check_circular=False
)
_MOST_NAMES = 32
_MOST_ITEMS = 64
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))  # controls, bidirectional marks, lone surrogates, line separators


@dataclass(frozen=True, kw_only=True)
class Event:
    """What a use case says happened. The journal adds id, time, salt and origin.

    :ivar type: from the vocabulary.
    :ivar outcome: success, failure or refused.
    :ivar reason: error code when it did not succeed, e.g. ``wrong_password``.
    :ivar subject: id of the person it is about (random, hence a pseudonym), if one is known.
    :ivar actor: id of the person or client who did it; ``command`` for the command line, ``worker``; default subject.
    :ivar client_id: the relying application concerned.
    :ivar session_id: the browser session concerned (its public ``sid``, never the cookie).
    :ivar object_id: what was acted on when it is no person: certificate serial, request id, key id.
    :ivar details: public facts, scalars or lists of text; never personal data, never a credential or token.
    :ivar private: personal data (cédula as typed, e-mail, name): goes into the leaf as commitment and ciphertext only.
        Network address and user agent of the origin are added by the journal.
    """

    type: EventType
    outcome: Outcome = Outcome.SUCCESS
    reason: str | None = None
    subject: str | None = None
    actor: str | None = None
    client_id: str | None = None
    session_id: str | None = None
    object_id: str | None = None
    details: Details = field(default_factory=dict)
    private: Mapping[str, str] = field(default_factory=dict)


def canonical_json(document: Mapping[str, object]) -> bytes:
    """Return ``document`` as UTF-8 JSON with sorted keys, no spaces, non-ASCII escaped.

    Control and bidirectional characters are therefore always ``\\u`` escapes: one event is one line of plain ASCII.
    """
    return _CANONICAL.encode(document).encode("ascii")


def fit(text: str, limit: int) -> str:
    """Return ``text`` cut to ``limit`` characters, with U+FFFD for what does not show or cannot be stored.

    Names of things come from outside (a ``client_id`` of a request, say): no terminal escape, NUL or bidirectional mark
    of theirs reaches a column, a screen or a log line.
    """
    if len(text) > limit:
        text = text[:limit]
    if text.isascii() and text.isprintable():
        return text
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(each) in _HIDDEN else each for each in text)


def fit_details(details: Details, limit: int) -> dict[str, object]:
    """Return ``details`` bounded: 32 names, lists of 64, each text cut to ``limit`` characters."""
    return {name[:64]: _fit_value(details[name], limit) for name in list(details)[:_MOST_NAMES]}


def fit_private(private: Mapping[str, str], limit: int) -> dict[str, str]:
    """Return personal data bounded: 32 names, each text cut to ``limit`` characters."""
    return {name[:64]: fit(private[name], limit) for name in list(private)[:_MOST_NAMES]}


def _fit_value(value: Scalar | list[str], limit: int) -> object:
    if isinstance(value, str):
        return fit(value, limit)
    if isinstance(value, (list, tuple)):
        return [fit(str(item), limit) for item in value[:_MOST_ITEMS]]
    return value
