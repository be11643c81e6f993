"""Values that may be a few seconds old."""

from __future__ import annotations

from kernel.short_memory import ShortMemory


def test_what_is_noted_is_known_for_a_while_and_within_bounds() -> None:
    """Not longer than it was made for, not more than it holds, and nothing after a change."""
    memory: ShortMemory[int] = ShortMemory(seconds=60, most=2)
    memory.note("a", 1)
    memory.note("b", 2)
    assert (memory.find("a"), memory.find("b"), memory.find("c")) == (1, 2, None)
    memory.note("c", 3)
    assert (memory.find("a"), memory.find("c")) == (None, 3)
    memory.forget()
    assert memory.find("c") is None
    over: ShortMemory[int] = ShortMemory(seconds=-1)
    over.note("a", 1)
    assert over.find("a") is None
