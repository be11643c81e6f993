"""The reference of events, made from the vocabulary: ``python -m audit.vocabulary_reference > docs/events.md``."""

from __future__ import annotations

import sys
from itertools import groupby

from audit.declared import ENDPOINTS
from audit.declared.commands import COMMANDS
from audit.declared.form import Declared
from audit.declared.jobs import JOBS
from audit.vocabulary import EventType, Outcome

_HOUSES = {
    "idp": "Provider: people, sessions, relying applications",
    "keys": "Keys",
    "ca": "Certificate authority",
    "admin": "Console",
    "audit": "The logs: retention, witnesses",
    "service": "The service itself",
    "web": "Requests refused before any house saw them",
}

_HEAD = """\
# Events

Made from `audit/vocabulary.py` by `python -m audit.vocabulary_reference`; a test holds this page to it. What a record
of an event looks like, and how to check the log, stands in [audit.md](audit.md).

A name is `house:subject:action` and never gets another meaning. `sau audit search --type NAME` finds its events,
`--type 'idp:password:*'` all of a subject.

Every event has one of these outcomes:

| outcome | meaning |
|---|---|
"""

_WRITERS = """
## Who writes what

From `audit/declared`. Tests hold it to the routes and commands as they are, and to what is written while all tests run:
an address, command or job that is not declared fails, and so does a change of state without an event. Addresses go by
the name of their endpoint, as in the log of requests. Any address may write `web:request:refused`, any page of the
console `admin:console:access_refused` and `admin:console:closed`; those that are missing here write nothing else."""

_OUTCOMES = {
    Outcome.SUCCESS: "it happened",
    Outcome.FAILURE: "it was tried and did not fit: a wrong password",
    Outcome.REFUSED: "it was not allowed, or was against a rule; `reason` has the error's code",
}


def reference() -> str:
    """Return the page as Markdown."""
    lines = [_HEAD + "\n".join(f"| `{each.value}` | {_OUTCOMES[each]} |" for each in Outcome)]
    known = list(_HOUSES)
    houses = sorted({_house(each) for each in EventType}, key=lambda house: (known.index(house), house))
    for house in houses:
        lines.append(f"\n## {_HOUSES[house]}\n\n| subject | action | name |\n|---|---|---|")
        kinds = [each for each in EventType if _house(each) == house]
        kinds.sort(key=lambda each: each.value.split(":")[1])
        for subject, group in groupby(kinds, key=lambda each: each.value.split(":")[1]):
            for each in group:
                lines.append(f"| {_words(subject)} | {_words(each.value.split(':')[2])} | `{each.value}` |")
    lines += [_WRITERS, *_writers("Address", ENDPOINTS), *_writers("Command", COMMANDS), *_writers("Job", JOBS)]
    return "\n".join(lines) + "\n"


def _writers(title: str, declared: Declared) -> list[str]:
    lines = [f"\n### {title}\n\n| {title.lower()} | events |\n|---|---|"]
    for name in sorted(declared):
        lines.append(f"| `{name}` | {', '.join(f'`{each.value}`' for each in declared[name])} |")
    return lines


def _house(kind: EventType) -> str:
    return kind.value.split(":")[0]


def _words(name: str) -> str:
    return name.replace("_", " ")


if __name__ == "__main__":
    sys.stdout.write(reference())
