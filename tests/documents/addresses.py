"""The service's addresses that documents name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tests.architecture.source import ROOT

# `/path`, `GET /path`, `ISSUER/path`, up to a question mark, a space or the end of the code letters.
_NAMED = re.compile(r"(?:`(?:[A-Z]+ )?(?:ISSUER)?|localhost:8000)(/[a-z.][\w./<…{}-]*)[?#`>\s]")
_OPEN = re.compile(r"…|\{[^}]*\}|<[^>]*>")


def named_addresses() -> Iterator[tuple[str, str]]:
    """Yield page and address of each that stands in code letters; history and wishes may name others."""
    for page in sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]):
        if page.parent.name not in ("decisions", "requirements"):
            for address in dict.fromkeys(_NAMED.findall(page.read_text("utf-8"))):
                yield page.relative_to(ROOT).as_posix(), address.rstrip(".")


def not_served(rules: Iterable[str]) -> list[tuple[str, str]]:
    """Return the addresses that no rule serves, nor begins with; those of other programs begin like none of ours."""
    shapes = [rule.split("/")[1:] for rule in rules]
    ours = {shape[0] for shape in shapes}
    return [
        (page, address)
        for page, address in named_addresses()
        if (words := _OPEN.sub("x", address).strip("/").split("/"))[0] in ours
        and not any(_fits(words, shape) for shape in shapes)
    ]


def _fits(words: list[str], shape: list[str]) -> bool:
    """Tell whether an address is that rule's, or one that the rule's begin with."""
    for index, part in enumerate(shape):
        if part.startswith("<path:") or index == len(words):
            return True
        if not re.fullmatch(".+".join(map(re.escape, re.split(r"<[^>]*>", part))), words[index]):
            return False
    return len(words) == len(shape)
