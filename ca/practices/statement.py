"""The certification practice statement, clause by clause in the order of RFC 3647 §6.

The program's own clauses are data files in two languages; each names the tests that hold it. What no program can say
(buildings, staff, fees, liability) is declared by who runs the service, in a file that ``SAU_PKI_PRACTICES_FILE``
names. A clause that is still to be declared says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from kernel.errors import Rejected

LANGUAGES = ("es", "en")
_SIZE_LIMIT = 512 * 1024


class Words(BaseModel):
    """A text in each language that the public pages have."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    es: Annotated[str, Field(min_length=1, max_length=20_000)]
    en: Annotated[str, Field(min_length=1, max_length=20_000)]

    def within(self, language: str) -> str:
        """Return the text in ``language``; Spanish for every other than English."""
        return self.en if language == "en" else self.es


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: Annotated[str, Field(pattern=r"^[1-9](\.[1-9][0-9]?){0,2}$")]
    title: Words
    text: Words | None = None
    operator: bool = False
    tests: tuple[Annotated[str, Field(pattern=r"^test_[a-z0-9_]+$")], ...] = ()


@dataclass(frozen=True)
class Clause:
    """One numbered clause.

    :ivar text: what the program does by itself; its values in braces are filled in by :func:`filled`.
    :ivar operator: whether who runs the service has something to declare here.
    :ivar declared: what was declared.
    :ivar tests: names of the automatic tests that hold :attr:`text`.
    """

    number: str
    title: Words
    text: Words | None
    operator: bool
    tests: tuple[str, ...]
    declared: Words | None = None

    @property
    def depth(self) -> int:
        """1 for a chapter, 2 for a section, 3 for a part of one."""
        return self.number.count(".") + 1

    @property
    def is_open(self) -> bool:
        """Whether something is still to be declared."""
        return self.operator and self.declared is None


@lru_cache(maxsize=1)
def packaged_statement() -> tuple[Clause, ...]:
    """Return the program's own clauses, in order."""
    adapter = TypeAdapter(list[_Written])
    folder = resources.files("ca.practices") / "data"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name)
    return tuple(
        Clause(written.number, written.title, written.text, written.operator, written.tests)
        for file in files
        for written in adapter.validate_python(yaml.safe_load(file.read_text("utf-8")))
    )


def statement(declarations: Path | None) -> tuple[Clause, ...]:
    """Return all clauses, with what is declared in the file ``declarations``.

    :raises Rejected: (``bad_practices``) the file cannot be read, or names a clause that there is not.
    """
    if declarations is None:
        return packaged_statement()
    declared = _read(declarations)
    clauses = packaged_statement()
    if unknown := sorted(declared.keys() - {clause.number for clause in clauses}):
        raise Rejected(f"{declarations}: RFC 3647 has no clause {', '.join(unknown)}.", code="bad_practices")
    return tuple(
        replace(clause, declared=declared[clause.number]) if clause.number in declared else clause for clause in clauses
    )


def filled(words: Words, values: Mapping[str, Mapping[str, str]], language: str) -> str:
    """Return the text in ``language`` with its values, of which there is one set for each language."""
    return words.within(language).format_map(values["en" if language == "en" else "es"])


def example(clauses: Sequence[Clause]) -> str:
    """Return a file of declarations in YAML that has every clause that is open, to be filled in."""
    lines = ["# What who runs the service declares in the certification practice statement (RFC 3647).", ""]
    for clause in clauses:
        if clause.is_open:
            lines += [f"# {clause.title.es} / {clause.title.en}", f'# "{clause.number}":', "#   es: …", "#   en: …", ""]
    return "\n".join(lines)


def _read(file: Path) -> dict[str, Words]:
    try:
        octets = file.read_bytes()[: _SIZE_LIMIT + 1]
        if len(octets) > _SIZE_LIMIT:
            raise Rejected(f"{file} is longer than {_SIZE_LIMIT} octets.", code="bad_practices")
        document: Any = yaml.safe_load(octets.decode("utf-8")) or {}
        return TypeAdapter(dict[str, Words]).validate_python(document)
    except OSError as error:
        raise Rejected(f"{file} cannot be read: {error.strerror}.", code="bad_practices") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise Rejected(f"{file} is not YAML: {error}", code="bad_practices") from error
    except ValidationError as error:
        wrong = ", ".join(".".join(str(part) for part in found["loc"]) or "the file" for found in error.errors()[:5])
        raise Rejected(
            f"{file}: a clause is a number with texts es and en; wrong: {wrong}.", code="bad_practices"
        ) from error
