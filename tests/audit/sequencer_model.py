"""A small model of the sequencer: lease, fence, locked head, batches, anchors, crashes, a clock. Nothing of ours in it.

A state is a value; :func:`steps` gives every state that can follow it. What the real code does in one statement is one
step here, so that whatever can happen between two statements of one process (another's statement, the lease's end, a
crash) happens between two steps. ``tests/audit/test_sequencer_model.py`` goes through all states, and holds the steps
to the real code.

A root is the tuple of the entries below it: two trees have the same root only if they are the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

LIFETIME = 2  # of a lease, in ticks; a holder that has more than half of it left does not ask again
LONG_AGO = -LIFETIME - 1  # what is longer ago makes no difference any more

# What keeps two processes apart. Each can be left out, to see what it is there for.
LOCK = "the head's row is locked when a batch begins"
FENCE = "a batch is only for the holder of the newest lease"
SIZE = "the head moves only from the size that the batch began with"
DAMAGE = "nothing is signed that contradicts what was signed"
GUARDS = frozenset((LOCK, FENCE, SIZE, DAMAGE))

NOBODY, GONE = -1, -2
Root = tuple[str, ...]


class Seen(NamedTuple):
    """What a batch read when it began; ``newest``: no lease was taken since."""

    size: int
    root: Root
    entries: tuple[str, ...]
    newest: bool = True


class Process(NamedTuple):
    """One process that sequences. Times are counted from the present: what was is negative.

    :ivar impatient: takes no lease, as whoever cannot wait for its holder; it locks the head's row all the same.
    :ivar at: its next step: ``idle``, ``take``, ``begin``, ``commit``, ``anchor``, ``stopped`` or ``down``.
    :ivar lease: whether it believes to hold one; ``newest``: and rightly so, by the fence; ``until`` its end.
    :ivar now: when the pass began, by which it judges.
    """

    name: int
    impatient: bool = False
    at: str = "idle"
    lease: bool = False
    newest: bool = False
    until: int = 0
    now: int = 0
    seen: Seen | None = None
    note: Root | None = None


class State(NamedTuple):
    """Everything: the database, the anchors beside it, the processes."""

    processes: tuple[Process, ...]
    unwritten: tuple[str, ...]
    waiting: tuple[str, ...] = ()
    placed: tuple[tuple[int, str], ...] = ()
    size: int = 0
    root: Root = ()
    holder: int = NOBODY
    until: int = 0
    lock: int = NOBODY
    checkpoints: tuple[Root, ...] = ()
    anchors: tuple[Root, ...] = ()


def begin(*, entries: int, leased: int = 2, impatient: int = 0) -> State:
    """Return an empty log with so many processes, and entries that will be written at some time."""
    kinds = [False] * leased + [True] * impatient
    processes = tuple(Process(name, kind) for name, kind in enumerate(kinds))
    return State(processes, tuple("abcdefgh"[:entries]))


def steps(
    state: State, guards: frozenset[str] = GUARDS, batch: int = 1, restores: bool = False
) -> Iterator[tuple[str, State]]:
    """Yield each thing that can happen next, with its name: ``tick``, ``write a``, ``0 begin`` …

    :param batch: most entries of one batch. :param restores: an older backup may be put in place of the database.
    """
    yield "tick", tick(state)
    if restores and state.size and state.lock == NOBODY:
        yield "restore", restore(state)
    for entry in state.unwritten:  # in any order: what began first may commit last
        yield f"write {entry}", write(state, entry)
    for process in state.processes:
        if process.at == "down":
            yield f"{process.name} start", _put(state, Process(process.name, process.impatient))
            continue
        after = step(state, process, guards, batch)
        if after is not None:
            yield f"{process.name} {process.at}", after
        if process.at == "idle" and process.lease:
            yield f"{process.name} release", release(state, process)
        yield f"{process.name} crash", crash(state, process)


def tick(state: State) -> State:
    """Time goes on."""
    processes = tuple(
        each._replace(
            now=_older(each.now) if each.at == "take" else 0,  # nothing else looks at it later
            until=_older(each.until) if each.lease else 0,
        )
        for each in state.processes
    )
    return state._replace(processes=processes, until=_older(state.until) if state.holder != NOBODY else 0)


def write(state: State, entry: str) -> State:
    """A transaction with an event commits."""
    rest = tuple(each for each in state.unwritten if each != entry)
    return state._replace(unwritten=rest, waiting=(*state.waiting, entry))


def restore(state: State) -> State:
    """The database is the empty one of the beginning again; the anchors beside it stay, and nobody works meanwhile."""
    processes = tuple(Process(each.name, each.impatient, at="down") for each in state.processes)
    return State(processes, state.unwritten, anchors=state.anchors)


def step(state: State, process: Process, guards: frozenset[str] = GUARDS, batch: int = 1) -> State | None:
    """Return the state after the process's next step, None if it has to wait for another's lock."""
    match process.at:
        case "idle":
            return _look(state, process)
        case "take":
            return None if _is_locked(state, process) else _take(state, process)
        case "begin":
            return None if LOCK in guards and _is_locked(state, process) else _begin(state, process, guards, batch)
        case "commit":
            return None if _is_locked(state, process) else _commit(state, process, guards)
        case "anchor":
            assert process.note is not None
            written = state._replace(anchors=(*state.anchors, process.note))
            return _put(written, process._replace(at="idle", note=None))
    return None


def release(state: State, process: Process) -> State:
    """The holder gives its lease up, if it is still the newest."""
    if process.newest:
        state = state._replace(holder=NOBODY, until=0)
    return _put(state, _without_lease(process))


def crash(state: State, process: Process) -> State:
    """The process is gone, and with it its transaction and its lock; its lease lasts."""
    if state.lock == process.name:
        state = state._replace(lock=NOBODY)
    if state.holder == process.name:
        state = state._replace(holder=GONE)  # whoever starts again has another name
    return _put(state, Process(process.name, process.impatient, at="down"))


def _older(moment: int) -> int:
    return max(moment - 1, LONG_AGO)


def _look(state: State, process: Process) -> State:
    following = "begin" if state.waiting else "idle"
    if process.impatient or (process.lease and process.until > LIFETIME / 2):
        return _put(state, process._replace(at=following))
    if state.holder not in (NOBODY, process.name) and state.until > 0:
        return _put(state, _without_lease(process))
    return _put(state, process._replace(at="take", now=0))


def _take(state: State, process: Process) -> State:
    until = max(process.now + LIFETIME, LONG_AGO)
    if state.holder == process.name:
        taken = state._replace(until=until)
    elif state.holder == NOBODY or state.until <= process.now:
        taken = _overtake(state)._replace(holder=process.name, until=until)
    else:
        return _put(state, _without_lease(process)._replace(at="idle", now=0))
    at = "begin" if state.waiting else "idle"
    return _put(taken, process._replace(at=at, lease=True, newest=True, until=until, now=0))


def _overtake(state: State) -> State:
    """A new fence: what went by the one before is no longer the newest."""
    processes = tuple(
        each._replace(newest=False, seen=each.seen and each.seen._replace(newest=False)) for each in state.processes
    )
    return state._replace(processes=processes)


def _begin(state: State, process: Process, guards: frozenset[str], batch: int) -> State:
    if not process.impatient and FENCE in guards and not process.newest:
        return _put(state, _without_lease(process)._replace(at="idle"))
    entries = state.waiting[:batch]
    if not entries:
        return _put(state, process._replace(at="idle"))
    known = [*state.checkpoints[-1:], *state.anchors[-1:]]
    if DAMAGE in guards and any(state.root[: len(root)] != root for root in known):
        return _put(state, process._replace(at="stopped"))
    locked = state._replace(lock=process.name) if LOCK in guards else state
    return _put(locked, process._replace(at="commit", seen=Seen(state.size, state.root, entries)))


def _commit(state: State, process: Process, guards: frozenset[str]) -> State:
    seen = process.seen
    assert seen is not None
    free = state._replace(lock=NOBODY) if state.lock == process.name else state
    if (FENCE in guards and not seen.newest) or (SIZE in guards and state.size != seen.size):
        return _put(free, _without_lease(process)._replace(at="idle", seen=None))
    numbers = {entry: seen.size + at for at, entry in enumerate(seen.entries)}
    given = tuple((place, entry) for entry, place in numbers.items() if entry in state.waiting)
    root = (*seen.root, *seen.entries)
    moved = free._replace(
        waiting=tuple(each for each in state.waiting if each not in numbers),
        placed=(*state.placed, *given),
        size=seen.size + len(seen.entries),
        root=root,
        checkpoints=(*state.checkpoints, root),
    )
    return _put(moved, process._replace(at="anchor", seen=None, note=root))


def _without_lease(process: Process) -> Process:
    return process._replace(lease=False, newest=False, until=0)


def _is_locked(state: State, process: Process) -> bool:
    return state.lock not in (NOBODY, process.name)


def _put(state: State, process: Process) -> State:
    return state._replace(processes=tuple(process if each.name == process.name else each for each in state.processes))


class Broken(Exception):
    """A rule that does not hold, with the steps that lead there."""


def require_rules(before: State, name: str, after: State) -> None:
    """Check one step. :raises Broken: naming the rule that it breaks."""
    if name == "restore":
        return
    if after is before or (after.placed, after.checkpoints, after.anchors) == (
        before.placed,
        before.checkpoints,
        before.anchors,
    ):
        if (after.size, after.root) != (before.size, before.root):
            raise Broken("the head moved without a batch")
        return
    places = [place for place, _ in after.placed]
    if len(set(places)) != len(places):
        raise Broken("a place was given twice")
    if sorted(places) != list(range(after.size)):
        raise Broken("there is a gap, or an entry without a place below the head")
    if tuple(entry for _, entry in sorted(after.placed)) != after.root:
        raise Broken("the root is not that of the entries in their places")
    if after.root[: before.size] != before.root:
        raise Broken("the head went back, or its history changed")
    signed: dict[int, Root] = {}
    for root in (*after.checkpoints, *after.anchors):
        if signed.setdefault(len(root), root) != root:
            raise Broken("two roots of one size were signed")
    if after.anchors != before.anchors and after.anchors[-1] not in after.checkpoints:
        raise Broken("an anchor states what was not committed")
    if after.checkpoints != before.checkpoints:
        worker = next(each for each in before.processes if each.name == int(name.split()[0]))
        if not worker.impatient and not worker.newest:
            raise Broken("a holder that was overtaken changed the log")


def explore(
    start: State, guards: frozenset[str] = GUARDS, *, batch: int = 1, restores: bool = False
) -> tuple[int, int]:
    """Go through every state that can be reached, and check every step; return how many of each there are.

    :raises Broken: with the shortest way to the first step that breaks a rule; also if from some state on nothing that
        can happen would give all entries their places.
    """
    came: dict[State, tuple[State, str] | None] = {start: None}
    back: dict[State, list[State]] = {}
    queue, count = deque([start]), 0
    while queue:
        state = queue.popleft()
        for name, after in steps(state, guards, batch, restores):
            count += 1
            try:
                require_rules(state, name, after)
            except Broken as broken:
                raise Broken(f"{broken}: {', '.join([*_way(came, state), name])}") from None
            back.setdefault(after, []).append(state)
            if after not in came:
                came[after] = (state, name)
                queue.append(after)
    if not restores:  # after one, it is right that nobody goes on
        _require_progress(came, back)
    return len(came), count


def _require_progress(came: dict[State, tuple[State, str] | None], back: dict[State, list[State]]) -> None:
    done = [state for state in came if not state.unwritten and not state.waiting]
    reaching, queue = set(done), deque(done)
    while queue:
        for before in back.get(queue.popleft(), ()):
            if before not in reaching:
                reaching.add(before)
                queue.append(before)
    stuck = next((state for state in came if state not in reaching), None)
    if stuck is not None:
        raise Broken(f"entries wait for ever: {', '.join(_way(came, stuck))}")


def _way(came: dict[State, tuple[State, str] | None], state: State) -> list[str]:
    names: list[str] = []
    before = came[state]
    while before is not None:
        names.append(before[1])
        before = came[before[0]]
    return names[::-1]
