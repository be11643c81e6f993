"""What is asked of the decision API, made valid once (Authorization API 1.0 §5, §7.1, §8). Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from kernel.errors import Rejected

#: The one type of subjects: a person, by the ``sub`` that the asking application knows.
USER = "user"
#: The type of what a permission without a colon is about: the application as such.
APPLICATION = "application"
MOST_QUESTIONS, MOST_RESULTS = 100, 200
_TEXT_LIMIT = 256
EXECUTE_ALL, DENY_ON_FIRST_DENY, PERMIT_ON_FIRST_PERMIT = (
    "execute_all",
    "deny_on_first_deny",
    "permit_on_first_permit",
)
SEMANTICS = (EXECUTE_ALL, DENY_ON_FIRST_DENY, PERMIT_ON_FIRST_PERMIT)
_RUC_DIGITS = 13


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question.

    :ivar institution_ruc: whose the resource is; None: it does not matter who gave the right.
    """

    subject_type: str
    subject: str
    resource_type: str
    resource: str
    action: str
    institution_ruc: str | None

    @property
    def permission(self) -> str:
        """The name of the permission that would allow it."""
        return permission_name(self.resource_type, self.action)


@dataclass(frozen=True)
class Batch:
    """Several questions. :ivar questions: each valid, or the reason why not."""

    questions: tuple[Question | Rejected, ...]
    semantic: str


@dataclass(frozen=True)
class Window:
    """Which part of the results. :ivar start: how many were given before."""

    start: int
    size: int


def permission_name(resource_type: str, action: str) -> str:
    """Return the name of the permission for an action on resources of a type."""
    return action if resource_type == APPLICATION else f"{resource_type}:{action}"


def split_permission(name: str) -> tuple[str, str]:
    """Return resource type and action of a permission."""
    kind, colon, action = name.partition(":")
    return (kind, action) if colon else (APPLICATION, name)


def parse_question(body: object) -> Question:
    """Return the question of an evaluation request (§6.1). :raises Rejected: (``bad_question``)."""
    given = _object(body, "the request")
    subject, resource, action = (_object(given.get(name), name) for name in ("subject", "resource", "action"))
    _object(given.get("context", {}), "context")
    return Question(
        subject_type=_text(subject, "type", "subject"),
        subject=_text(subject, "id", "subject"),
        resource_type=_text(resource, "type", "resource"),
        resource=_text(resource, "id", "resource"),
        action=_text(action, "name", "action"),
        institution_ruc=institution_of(resource),
    )


def parse_batch(body: object) -> Batch | Question:
    """Return the questions of an evaluations request (§7.1); without any, it is one question as such (§7.1).

    :raises Rejected: (``bad_question``) if the request as a whole cannot be read; a single one that cannot stands in
        its place with the reason.
    """
    given = _object(body, "the request")
    options = _object(given.get("options", {}), "options")
    semantic = options.get("evaluations_semantic", EXECUTE_ALL)
    if semantic not in SEMANTICS:
        _wrong(f"evaluations_semantic is one of {', '.join(SEMANTICS)}.")
    items = given.get("evaluations", [])
    if not isinstance(items, list) or len(items) > MOST_QUESTIONS:
        _wrong(f"evaluations is a list of {MOST_QUESTIONS} at most.")
    if not items:
        return parse_question(given)
    defaults: dict[str, Any] = {
        name: given[name] for name in ("subject", "resource", "action", "context") if name in given
    }
    return Batch(tuple(_question_or_reason(defaults, item) for item in items), semantic)


def parse_search(body: object, *, open_member: str) -> tuple[dict[str, Any], Window]:
    """Return the members of a search request (§8), checked, and the part of the results that it wants.

    :param open_member: ``subject``, ``resource`` or ``action``: what is looked for. Its ``id``, if there, is ignored.
    :raises Rejected: ``bad_question``.
    """
    given = _object(body, "the request")
    needed = {"subject": ("type", "id"), "resource": ("type", "id"), "action": ("name",)}
    found: dict[str, Any] = {}
    for name, members in needed.items():
        if name == open_member == "action":
            continue
        value = _object(given.get(name), name)
        wanted = ("type",) if name == open_member else members
        found[name] = {member: _text(value, member, name) for member in wanted}
        if name == "resource":
            found["institution"] = institution_of(value)
    return found, _window(given.get("page", {}))


def institution_of(resource: Mapping[str, Any]) -> str | None:
    """Return the RUC of the institution whose the resource is: by its properties, or where its id is one."""
    properties = _object(resource.get("properties", {}), "properties of resource")
    named = properties.get("institution")
    if named is not None:
        if not isinstance(named, str) or len(named) != _RUC_DIGITS or not named.isdecimal():
            _wrong("institution of a resource is its RUC, 13 digits.")
        return named
    name = resource.get("id")
    return name if isinstance(name, str) and len(name) == _RUC_DIGITS and name.isdecimal() else None


def _question_or_reason(defaults: Mapping[str, Any], item: object) -> Question | Rejected:
    try:
        return parse_question({**defaults, **_object(item, "an evaluation")})
    except Rejected as error:
        return error


def _window(page: object) -> Window:
    given = _object(page, "page")
    token, limit = given.get("token", ""), given.get("limit", MOST_RESULTS)
    if not isinstance(token, str) or (token and not (token.isdecimal() and len(token) < 8)):
        _wrong("page.token is the next_token of an answer.")
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        _wrong("page.limit is a number of results.")
    return Window(int(token or 0), min(limit, MOST_RESULTS))


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        _wrong(f"{what} is a JSON object.")
    return value


def _text(value: Mapping[str, Any], name: str, what: str) -> str:
    text = value.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= _TEXT_LIMIT or not text.isprintable():
        _wrong(f"{name} of {what} is a text of {_TEXT_LIMIT} characters at most.")
    return text


def _wrong(what: str) -> NoReturn:
    raise Rejected(f"This cannot be asked: {what}", code="bad_question")
