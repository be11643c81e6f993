"""Every error of this service as one entry: OAuth's words, people's words, and the codes that the program raises."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from idp.web.error_dictionary.oauth import MEANINGS, PAGE, REDIRECT, REGISTRATION, RESOURCE, TOKEN, Meaning
from kernel import errors
from kernel.errors import ServiceError
from web.error_texts import FAMILIES, ErrorText
from web.state import web_state

#: Made from the code by ``make docs``: each code that is raised, by which families, with which sentences.
RAISED_FILE = Path(__file__).with_name("raised.json")


@dataclass(frozen=True)
class Entry:
    """One code.

    :ivar oauth: what it means to an application; None for one that applications do not get.
    :ivar people: what people read.
    :ivar details: sentences that the program says with it, in English, for programs.
    """

    code: str
    oauth: Meaning | None
    people: ErrorText | None
    statuses: tuple[int, ...]
    details: tuple[str, ...] = ()
    examples: tuple[str, ...] = field(default=())


def find_entry(code: str, *, issuer: str) -> Entry | None:
    """Return what is known of ``code``, or None."""
    if code not in codes():
        return None
    oauth, raised = MEANINGS.get(code), _raised().get(code, {})
    families = [_family(name) for name in raised.get("families", [])]
    own = web_state().error_texts.get(code)
    people = _completed(own or ErrorText(), families[0] if families else errors.Rejected) if families or own else None
    statuses = {FAMILIES[each].status for each in families} if not oauth else {oauth.status} - {0}
    return Entry(
        code=code,
        oauth=oauth,
        people=people,
        statuses=tuple(sorted(statuses)),
        details=tuple(raised.get("details", [])),
        examples=_examples(code, oauth, sorted(statuses), issuer=issuer),
    )


def codes() -> tuple[str, ...]:
    """Return every code that there is a page about, sorted."""
    return tuple(sorted({*MEANINGS, *web_state().error_texts, *_raised()}))


@lru_cache(maxsize=1)
def _raised() -> Mapping[str, Mapping[str, list[str]]]:
    found: Mapping[str, Mapping[str, list[str]]] = json.loads(RAISED_FILE.read_text("utf-8"))
    return found


def _family(name: str) -> type[ServiceError]:
    family: type[ServiceError] = getattr(errors, name)
    return family


def _completed(own: ErrorText, family: type[ServiceError]) -> ErrorText:
    rest = FAMILIES[family].text
    return ErrorText(
        title=own.title or rest.title, happened=own.happened or rest.happened, to_do=own.to_do or rest.to_do
    )


def _examples(code: str, oauth: Meaning | None, statuses: list[int], *, issuer: str) -> tuple[str, ...]:
    """Return how the answer looks where it comes."""
    if oauth is None:
        status = statuses[0] if statuses else 400
        problem = {"type": f"urn:sau:error:{code}", "status": status, "code": code, "reference": "7K2M-94QX"}
        return (f"HTTP/1.1 {status}\nContent-Type: application/problem+json\n\n{json.dumps(problem, indent=2)}",)
    body = json.dumps({"error": code, "error_description": "…"}, indent=2, ensure_ascii=False)
    looks = {
        REDIRECT: f"https://aplicacion.example/callback?error={code}&error_description=…&state=…&iss={issuer}",
        TOKEN: f"HTTP/1.1 {oauth.status}\nContent-Type: application/json\n\n{body}",
        RESOURCE: f'HTTP/1.1 {oauth.status}\nWWW-Authenticate: Bearer realm="SAU", error="{code}"\n\n{body}',
        REGISTRATION: f"POST {issuer}/register\n\nHTTP/1.1 400\nContent-Type: application/json\n\n{body}",
        PAGE: "",
    }
    return tuple(looks[place] for place in oauth.places if looks[place])
