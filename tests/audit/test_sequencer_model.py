"""Two sequencers that both believe to hold the lease: every order of their steps, and the code held to those steps."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

import audit.sequencer
from audit.anchor import AnchorFolder
from audit.event import Event
from audit.log_source import DatabaseLog
from audit.model import AuditCheckpoint, AuditHead
from audit.sequencer import LEASE_LIFETIME, LeaseLostError, Sequencer, anchor_note, begin_log, sequence_batch
from audit.services import AuditServices
from audit.vocabulary import EventType
from kernel.clock import ManualClock
from tests.audit import sequencer_model as model
from tests.audit.sequencer_model import DAMAGE, FENCE, GUARDS, LOCK, SIZE, Broken, explore
from tests.faults import rounds


def test_no_order_of_steps_breaks_a_rule() -> None:
    """No place twice, no gap, a head that only grows, one signed root a size, and nothing waits for ever.

    Two processes with leases, crashes at every step, leases that end at any time, events that commit late.
    """
    states, checked = explore(model.begin(entries=2))
    assert (states, checked) == (37_994, 202_590)  # less would mean that something can no longer happen


def test_whoever_cannot_wait_for_the_lease_breaks_no_rule() -> None:
    """``sequence_batch(fence=None)`` beside a holder: the locked head is enough."""
    explore(model.begin(entries=2, leased=1, impatient=1))


@pytest.mark.faults
def test_three_entries_in_batches_of_two() -> None:
    """The same with more of everything: half a million states."""
    explore(model.begin(entries=3), batch=2)
    explore(model.begin(entries=3, leased=1, impatient=1), batch=2)
    explore(model.begin(entries=2, leased=2, impatient=1))


@pytest.mark.parametrize(
    ("missing", "impatient", "broken"),
    [
        pytest.param({FENCE}, 0, "a holder that was overtaken changed the log", id="no-fence"),
        pytest.param({LOCK, SIZE}, 1, "a gap|twice", id="no-lock-nor-size"),
        pytest.param({LOCK, SIZE, FENCE}, 1, "a gap|twice|overtaken", id="nothing"),
    ],
)
def test_without_a_guard_a_rule_breaks(missing: set[str], impatient: int, broken: str) -> None:
    """The model can fail: what the guard is there for happens as soon as it is left out."""
    start = model.begin(entries=2, leased=2 - impatient, impatient=impatient)
    with pytest.raises(Broken, match=broken):
        explore(start, GUARDS - missing)


@pytest.mark.parametrize("missing", [LOCK, SIZE], ids=["no-lock", "no-size"])
def test_lock_and_size_each_stand_in_for_the_other(missing: str) -> None:
    """Two belts: with the row's lock lost (a proxy of the database, say), the conditional update still holds."""
    explore(model.begin(entries=2, leased=1, impatient=1), GUARDS - {missing})


def test_after_an_older_backup_nothing_is_signed() -> None:
    """Attacks and faults, line 15: without the look at the anchors, a second root of a signed size would be."""
    explore(model.begin(entries=2, leased=1), restores=True)
    with pytest.raises(Broken, match="two roots of one size"):
        explore(model.begin(entries=2, leased=1), GUARDS - {DAMAGE}, restores=True)


# --- the code is held to the model ----------------------------------------------------------------------------------

TICK = LEASE_LIFETIME / model.LIFETIME


class Bench:
    """The model and the real log side by side: each act is done to both."""

    def __init__(self, audit: AuditServices, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
        self.audit, self.clock = audit, clock
        self.state = model.begin(entries=8, leased=2, impatient=1)
        self.sequencers = {name: Sequencer(audit, batch_limit=1) for name in (0, 1)}
        self.names: dict[str, str] = {}
        self._crashing = False
        monkeypatch.setattr(audit_sequencer, "anchor_note", self._anchor)
        with audit.database.transaction() as session:
            begin_log(session, log=audit, now=clock.now())

    def _anchor(self, log: AuditServices, note: str, **keywords: object) -> None:
        if self._crashing:
            raise KeyboardInterrupt  # between the commit and the anchor
        anchor_note(log, note, now=self.clock.now())

    def tick(self) -> None:
        self.clock.advance(TICK)
        self.state = model.tick(self.state)

    def write(self) -> None:
        if not self.state.unwritten:
            return
        entry = self.state.unwritten[0]
        self.clock.advance(timedelta(microseconds=1))  # entries wait in the order of their moments
        with self.audit.database.transaction() as session:
            event = Event(type=EventType.PASSWORD_VERIFIED, subject=entry)
            self.names[self.audit.journal.record(session, event, now=self.clock.now())] = entry
        self.state = model.write(self.state, entry)

    def hold(self, name: int) -> None:
        """The process looks, and takes or renews the lease; it may sleep after that."""
        if self._process(name).at != "idle":
            return  # asleep, and about to work
        self.sequencers[name]._hold_lease(self.clock.now())
        self._model(name, "idle")
        if self._process(name).at == "take":
            self._model(name, "take")

    def batch(self, name: int) -> None:
        """The process, woken, works by the lease that it believes in."""
        real = self.sequencers[name]
        process = self._process(name)
        if real._lease is None or process.at == "idle":
            if real._lease is not None and self.state.waiting:
                self.state = model._put(self.state, process._replace(at="begin"))
            else:
                return
        real._run_batch(self.clock.now())
        for at in ("begin", "commit", "anchor"):
            if self._process(name).at == at:
                self._model(name, at)

    def crash_before_the_anchor(self, name: int) -> None:
        self.hold(name)
        if self._process(name).at != "begin":
            return
        self._crashing = True
        try:
            self.sequencers[name]._run_batch(self.clock.now())
        except KeyboardInterrupt:
            self._model(name, "begin")
            self._model(name, "commit")
        else:
            self._model(name, "begin")  # it had been overtaken
        self._crashing = False
        self._restart(name)

    def crash_in_the_batch(self, name: int) -> None:
        """The transaction is open, everything is written in it, and the process dies."""
        self.hold(name)
        process, real = self._process(name), self.sequencers[name]
        if process.at == "begin" and real._lease is not None:
            with pytest.raises(KeyboardInterrupt), self.audit.database.transaction() as session:
                now = self.clock.now()
                sequence_batch(session, services=self.audit, fence=real._lease.fence, limit=1, now=now)
                raise KeyboardInterrupt
        self._restart(name)

    def release(self, name: int) -> None:
        if self._process(name).at != "idle":
            return
        self.sequencers[name].release()
        if self._process(name).lease:
            self.state = model.release(self.state, self._process(name))

    def impatient(self) -> None:
        with self.audit.database.transaction() as session:
            now = self.clock.now()
            _, note = sequence_batch(session, services=self.audit, fence=None, limit=1, now=now)
        if note:
            anchor_note(self.audit, note, now=now)
        self._model(2, "idle")
        for at in ("begin", "commit", "anchor"):
            if self._process(2).at == at:
                self._model(2, at)

    def overtaken(self, name: int) -> None:
        """A batch under a lease that is not the newest changes nothing."""
        real = self.sequencers[name]
        if real._lease is None or self._process(name).newest:
            return
        with pytest.raises(LeaseLostError), self.audit.database.transaction() as session:
            now = self.clock.now()
            sequence_batch(session, services=self.audit, fence=real._lease.fence, limit=1, now=now)

    def compare(self) -> None:
        """The database is what the model says."""
        state = self.state
        with self.audit.database.reading() as session:
            head = session.execute(select(AuditHead.size, AuditHead.holder, AuditHead.leased_until)).one()
            log = DatabaseLog(session, anchors=(), default_origin=self.audit.origin)
            order = [self.names[row.event_id or ""] for row in log.rows(0, head.size)]
            waiting = log.waiting()
            checkpoints = session.scalars(select(AuditCheckpoint.size).order_by(AuditCheckpoint.size)).all()
        assert (head.size, order, waiting) == (state.size, list(state.root), len(state.waiting))
        assert list(checkpoints) == [len(root) for root in state.checkpoints]
        assert [anchor.size for anchor in _anchors(self.audit)] == [len(root) for root in state.anchors]
        assert (head.holder is None) == (state.holder == model.NOBODY)
        if state.holder >= 0:
            assert head.holder == self.sequencers[state.holder]._holder
        for name, real in self.sequencers.items():
            assert (real._lease is not None) == self._process(name).lease, name

    def _restart(self, name: int) -> None:
        self.sequencers[name] = Sequencer(self.audit, batch_limit=1)
        self.state = model.crash(self.state, self._process(name))
        self.state = model._put(self.state, model.Process(name))

    def _process(self, name: int) -> model.Process:
        return next(each for each in self.state.processes if each.name == name)

    def _model(self, name: int, at: str) -> None:
        process = self._process(name)
        assert process.at == at
        after = model.step(self.state, process)
        assert after is not None
        model.require_rules(self.state, f"{name} {at}", after)
        self.state = after


def _anchors(audit: AuditServices) -> list[object]:
    return list(AnchorFolder(audit.anchors.folder))


audit_sequencer = audit.sequencer


def test_the_code_does_what_the_model_does(
    audit: AuditServices, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Walks by chance: after each act, head, order, checkpoints, anchors and who believes to hold what are the same."""
    rng = random.Random(f"walk {audit.database.is_sqlite}")
    bench = Bench(audit, clock, monkeypatch)
    acts: list[Callable[[], None]] = [
        bench.tick,
        bench.tick,
        bench.write,
        lambda: bench.hold(0),
        lambda: bench.hold(1),
        lambda: bench.batch(0),
        lambda: bench.batch(1),
        lambda: bench.release(rng.randrange(2)),
        bench.impatient,
        lambda: bench.overtaken(rng.randrange(2)),
        lambda: bench.crash_before_the_anchor(rng.randrange(2)),
        lambda: bench.crash_in_the_batch(rng.randrange(2)),
    ]
    for _ in range(rounds(150, 5000)):
        rng.choice(acts)()
        bench.compare()
    assert bench.state.size > 3
