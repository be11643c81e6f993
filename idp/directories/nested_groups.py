"""Groups within groups, as far up as the operator wants, and never further than a bounded number of questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

#: Most groups that are asked whose members they are, at one login.
MOST_QUESTIONS = 50


def with_nested(
    direct: Sequence[str], *, floors: int, above: Callable[[str], Sequence[str]], plain: Callable[[str], str]
) -> tuple[str, ...]:
    """Return the groups and those that they are in, ``floors`` up, each once: a circle ends by itself.

    What is above the bound is not looked at, so that it gives nothing.

    :param above: returns the groups that a group is in. :param plain: by which two names are of one group.
    """
    found = {plain(each): each for each in direct}
    floor, asked = sorted(found), 0
    for _ in range(floors):
        next_floor: list[str] = []
        for each in floor:
            if asked >= MOST_QUESTIONS:
                break
            asked += 1
            for name in above(found[each]):
                if plain(name) not in found:
                    found[plain(name)] = name
                    next_floor.append(plain(name))
        floor = sorted(next_floor)
    return tuple(found.values())
