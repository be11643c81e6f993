"""Where word of people and their groups comes from: an institution's directory, or its OpenID Provider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from idp.rights.belonging import Source

#: Who acts where a directory is asked without a login.
WORKER = "worker"
MOST_GROUPS = 500
LONGEST_GROUP = 500


@dataclass(frozen=True, kw_only=True)
class GroupSource:
    """A directory or provider.

    :ivar kind: which of the two. :ivar name: short and unique among its kind, for the record.
    """

    kind: Source
    id: str
    name: str
    institution_id: str

    @property
    def actor(self) -> str:
        """Who did what follows from its word."""
        return f"{self.kind.value}:{self.name}"

    def plain(self, group: str) -> str:
        """Return the form in which a group is kept and compared.

        In a directory letter case and blanks around separators do not count; in a claim everything does.
        """
        if self.kind is not Source.DIRECTORY:
            return group
        return ",".join("=".join(part.strip() for part in rdn.split("=", 1)) for rdn in group.casefold().split(","))


def is_source(actor: str | None) -> bool:
    """Tell whether a directory, a provider or the worker that asks them did something, and no person."""
    return actor is not None and (actor == WORKER or actor.startswith((Source.DIRECTORY + ":", Source.PROVIDER + ":")))


def bounded(groups: Sequence[str]) -> list[str]:
    """Return the groups as far as they are kept."""
    return [each[:LONGEST_GROUP] for each in groups[:MOST_GROUPS]]
