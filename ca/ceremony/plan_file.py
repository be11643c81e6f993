"""Reading a ceremony's file: every error with its line and field, and the digest that binds rehearsal and ceremony."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources

import yaml
from pydantic import TypeAdapter, ValidationError

from ca.ceremony.plan import CeremonyPlan, IssuingPlan
from ca.profiles.registry import ProfileRegistry
from kernel.errors import NotFound, Rejected
from kernel.identifiers import sha256_hex

MAX_FILE_SIZE = 64 * 1024
_ADAPTER = TypeAdapter(CeremonyPlan)
_WORDS = {
    "missing": "is missing",
    "unexpected_keyword_argument": "is not a field of the file",
    "string_pattern_mismatch": "has not the form it must have",
}


@dataclass(frozen=True)
class CeremonyFile:
    """A file that was read and is sound.

    :ivar sha256: of its octets, lower-case hex: what people compare. :ivar content: the octets.
    """

    plan: CeremonyPlan
    sha256: str
    content: bytes = field(default=b"", repr=False)


def read_ceremony_file(content: bytes, *, profiles: ProfileRegistry, private_arc: str) -> CeremonyFile:
    """Return the ceremony that ``content`` describes.

    :param private_arc: of our own policy OIDs.
    :raises Rejected: (``bad_ceremony_file``) naming each line and field that is wrong.
    """
    if len(content) > MAX_FILE_SIZE:
        raise _bad(["the file has more than 64 KiB"])
    try:
        node = yaml.compose(content.decode("utf-8"), Loader=yaml.SafeLoader)
        document = yaml.safe_load(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise _bad(["the file is not UTF-8"]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _bad([f"line {mark.line + 1 if mark else '?'}: {error.problem or 'this is not YAML'}"]) from None
    except yaml.YAMLError:
        raise _bad(["this is not YAML"]) from None
    if not isinstance(node, yaml.MappingNode):
        raise _bad(["line 1: the file must be a mapping of fields"])
    if twice := _repeated(node):
        raise _bad(twice)
    try:
        plan = _ADAPTER.validate_python(document)
    except ValidationError as error:
        raise _bad([_said(node, found) for found in error.errors()]) from None
    problems = [
        f"line {_line(node, ('issuing', position))}: {problem}"
        for position, issuing in enumerate(plan.issuing)
        for problem in _profile_problems(issuing, profiles, private_arc)
    ]
    if problems:
        raise _bad(problems)
    return CeremonyFile(plan=plan, sha256=sha256_hex(content), content=content)


def example_file() -> str:
    """Return the packaged example."""
    return (resources.files("ca.ceremony") / "data" / "example.yaml").read_text("utf-8")


def _profile_problems(plan: IssuingPlan, profiles: ProfileRegistry, private_arc: str) -> list[str]:
    """What an authority could not issue: RFC 5280 §6.1 takes a policy only if every certificate above has it."""
    problems = []
    for name in plan.profiles:
        try:
            profile = profiles.get(name)
        except NotFound:
            problems.append(f"issuing.{plan.name}.profiles: there is no profile {name!r}")
            continue
        if profile.ocsp_no_check:
            problems.append(f"issuing.{plan.name}.profiles: every authority has an {name} of its own")
        policy = profile.policy
        needed = [*policy.reserved, f"{private_arc}.{policy.suffix}"] if policy else []
        lacking = [oid for oid in needed if oid not in plan.policies]
        if lacking and "any" not in plan.policies:
            problems.append(f"issuing.{plan.name}.policies: profile {name} needs {', '.join(lacking)}")
    return problems


def _said(node: yaml.Node, found: object) -> str:
    details: dict[str, object] = dict(found)  # type: ignore[call-overload]
    place = tuple(part for part in _sequence(details["loc"]) if not str(part).startswith(("function-", "RootPlan")))
    field = ".".join(str(part) for part in place) or "the file"
    message = _WORDS.get(str(details["type"]), str(details["msg"]).removeprefix("Value error, "))
    return f"line {_line(node, place)}: {field}: {message}"


def _sequence(value: object) -> Sequence[object]:
    return value if isinstance(value, tuple) else ()


def _line(node: yaml.Node, place: Sequence[object]) -> int:
    """Return where the part stands, or the nearest one around it that is in the file."""
    line: int = node.start_mark.line + 1
    for part in place:
        following: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == part:
                    following, line = value, key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            following = node.value[part]
            line = following.start_mark.line + 1
        if following is None:
            return line
        node = following
    return line


def _repeated(node: yaml.Node) -> list[str]:
    """YAML lets a later key win silently: here it is an error."""
    problems, seen = [], set()
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value in seen:
                problems.append(f"line {key.start_mark.line + 1}: {key.value} stands twice")
            seen.add(key.value)
            problems += _repeated(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            problems += _repeated(value)
    return problems


def _bad(problems: Sequence[str]) -> Rejected:
    return Rejected("The ceremony's file cannot be used.\n  " + "\n  ".join(problems), code="bad_ceremony_file")
