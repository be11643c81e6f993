"""Browser sessions beside a model of them: whatever is done in whatever order, both agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import func, select

from audit.model import AuditEvent
from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.person import add_person
from idp.authentication.browser_session import (
    ABSOLUTE_LIFETIME,
    IDLE_LIFETIME,
    end_browser_session,
    end_expired_sessions,
    end_sessions_of,
    find_browser_session,
    find_session_by_sid,
    list_browser_sessions,
    reauthenticate,
    start_browser_session,
    step_up,
    touch_browser_session,
)
from kernel.clock import ManualClock
from kernel.errors import Conflict
from tests.admin.conftest import _valid_cedulas
from tests.faults.modelling import state_settings
from tests.faults.rounds import Figure

_GRAIN = timedelta(minutes=1)
_METHODS = st.sampled_from([("pwd",), ("otp", "pwd"), ("hwk",)])


@dataclass
class Known:
    """What the model knows of a session. ``secrets``: every value that its cookie has had, the present one last."""

    sid: str
    secrets: list[str]
    created: datetime
    seen: datetime
    amr: frozenset[str]
    ended: bool = False
    worth: list[datetime] = field(default_factory=list)

    def lives(self, now: datetime) -> bool:
        """Tell whether it opens anything."""
        return not self.ended and now < self.created + ABSOLUTE_LIFETIME and now < self.seen + IDLE_LIFETIME


def test_sessions_are_what_the_model_says(composition: Composition, clock: ManualClock, figure: Figure) -> None:
    """Secret changes with worth, idle and absolute ends, one event for each end (attacks and faults, line 5)."""
    people: Iterator[str] = iter(_valid_cedulas())
    steps = 0

    class Sessions(RuleBasedStateMachine):
        sessions = Bundle("sessions")

        @initialize()
        def someone(self) -> None:
            cedula = next(people)
            self.known: list[Known] = []
            with composition.database.transaction() as session:
                self.person_id = add_person(
                    session,
                    journal=composition.journal,
                    cedula=cedula,
                    given_names="Ana",
                    surnames="Prueba",
                    email=f"p{cedula}@correo.test",
                    email_verified=True,
                    now=clock.now(),
                ).id

        @rule(target=sessions, amr=_METHODS)
        def start(self, amr: tuple[str, ...]) -> Known:
            now = clock.now()
            with composition.database.transaction() as session:
                started, secret = start_browser_session(
                    session, journal=composition.journal, person_id=self.person_id, amr=amr, now=now
                )
            self.known.append(Known(started.sid, [secret], now, now, frozenset(amr)))
            return self.known[-1]

        @rule(known=sessions)
        def visit(self, known: Known) -> None:
            now = clock.now()
            with composition.database.transaction() as session:
                touch_browser_session(session, sid=known.sid, now=now)
            if known.lives(now) and known.seen <= now - _GRAIN:
                known.seen = now

        @rule(known=sessions)
        def prove_more(self, known: Known) -> None:
            self._change(known, frozenset({"otp"}) | known.amr, again=False)

        @rule(known=sessions, amr=_METHODS)
        def prove_again(self, known: Known, amr: tuple[str, ...]) -> None:
            self._change(known, frozenset(amr), again=True)

        def _change(self, known: Known, amr: frozenset[str], *, again: bool) -> None:
            now = clock.now()
            given = {"journal": composition.journal, "sid": known.sid, "now": now}
            try:
                with composition.database.transaction() as session:
                    if again:
                        changed, secret = reauthenticate(session, amr=amr, **given)
                    else:
                        changed, secret = step_up(session, method="otp", **given)
            except Conflict:
                assert not known.lives(now)
                return
            assert known.lives(now)
            assert changed.sid == known.sid
            assert secret not in known.secrets
            known.secrets.append(secret)
            known.seen, known.amr = now, amr

        @rule(known=sessions)
        def end(self, known: Known) -> None:
            with composition.database.transaction() as session:
                did = end_browser_session(
                    session, journal=composition.journal, sid=known.sid, reason="logout", now=clock.now()
                )
            assert did is not known.ended
            known.ended = True

        @rule(kept=sessions)
        def end_all_others(self, kept: Known) -> None:
            with composition.database.transaction() as session:
                end_sessions_of(
                    session,
                    journal=composition.journal,
                    person_id=self.person_id,
                    reason="closed_by_person",
                    now=clock.now(),
                    except_sid=kept.sid,
                )
            for known in self.known:
                known.ended = known.ended or known is not kept

        @rule()
        def sweep(self) -> None:
            now = clock.now()
            with composition.database.transaction() as session:
                end_expired_sessions(session, journal=composition.journal, now=now, limit=10_000)
            for known in self.known:
                known.ended = known.ended or not known.lives(now)

        @rule(minutes=st.sampled_from([1, 10, 29, 30, 31, 200]))
        def wait(self, minutes: int) -> None:
            clock.advance(timedelta(minutes=minutes))

        @invariant()
        def only_the_present_secret_of_a_living_session_opens_it(self) -> None:
            nonlocal steps
            steps += 1
            now = clock.now()
            with composition.database.reading() as session:
                for known in getattr(self, "known", []):
                    found = find_browser_session(session, secret=known.secrets[-1], now=now)
                    assert (found is not None) is known.lives(now)
                    assert found is None or (found.sid, frozenset(found.amr)) == (known.sid, known.amr)
                    assert (find_session_by_sid(session, sid=known.sid, now=now) is not None) is known.lives(now)
                    for former in known.secrets[:-1]:
                        assert find_browser_session(session, secret=former, now=now) is None

        @invariant()
        def the_persons_list_is_the_living_ones(self) -> None:
            if not hasattr(self, "person_id"):
                return
            now = clock.now()
            with composition.database.reading() as session:
                listed = {each.sid for each in list_browser_sessions(session, person_id=self.person_id, now=now)}
            assert listed == {known.sid for known in self.known if known.lives(now)}

        @invariant()
        def each_end_is_on_record_once(self) -> None:
            ended = {known.sid for known in getattr(self, "known", []) if known.ended}
            with composition.database.reading() as session:
                told = session.execute(
                    select(AuditEvent.session_id, func.count())
                    .where(AuditEvent.type == EventType.SESSION_ENDED.value)
                    .group_by(AuditEvent.session_id)
                ).all()
            counted = {
                sid: number for sid, number in told if sid in {known.sid for known in getattr(self, "known", [])}
            }
            assert counted == dict.fromkeys(ended, 1)

    run_state_machine_as_test(Sessions, settings=state_settings(6, 300))
    figure("steps of sessions beside their model", steps, "steps")
