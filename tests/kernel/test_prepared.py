"""Statements that are prepared once and sent without the toolkit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from sqlalchemy import Table, event, select, text
from sqlalchemy.exc import DBAPIError

from kernel.database import Database
from kernel.errors import Unavailable
from kernel.late_rows import change_row, insert_later
from kernel.outbox import OutboxTask
from kernel.prefetch import PlainRows, among, hold_row, keep
from kernel.prepared import Ask, Prepared, _Pooler, fetch_all

TABLE = cast(Table, OutboxTask.__table__)
ROWS = PlainRows(OutboxTask)
FIND = Prepared(lambda dialect: select(*ROWS.columns).where(among(dialect, OutboxTask.id)).order_by(OutboxTask.id))
MOMENT = datetime(2026, 11, 23, 12, 30, 15, 123456, tzinfo=UTC)
# What might be read as something else in an array of PostgreSQL's, or in a JSON document.
AWKWARD = [
    "NULL",
    "null",
    "",
    " ",
    "a,b",
    "{x}",
    'say "no"',
    "back\\slash",
    "\\",
    "ñandú",
    "\U0001f600",
    "%s",
    "$1",
    "\n",
]


@pytest.fixture(autouse=True)
def no_pooler(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test finds out is nothing to the others."""
    monkeypatch.setattr(_Pooler, "hands_round", False)


def put(database: Database, *ids: str, **changes: Any) -> None:
    """Insert tasks with these ids."""
    row = dict.fromkeys((column.name for column in TABLE.columns), None)
    with database.transaction() as session:
        for task_id in ids:
            given = {
                "id": task_id,
                "kind": "kind",
                "payload": {},
                "created_at": MOMENT,
                "due_at": MOMENT,
                "attempts": 0,
            }
            insert_later(session, TABLE, row | given | changes)


@pytest.fixture
def task(database: Database) -> Iterator[str]:
    """The id of a task that is there."""
    put(database, "task")
    yield "task"


@pytest.mark.parametrize("number", range(len(AWKWARD)))
def test_keys_and_values_arrive_as_they_are(database: Database, number: int) -> None:
    """Whatever text it is: it goes in as a value and comes back by its key, and nothing else does."""
    value = AWKWARD[number]
    put(database, *AWKWARD, kind=value)
    with database.transaction() as session:
        (found,) = [ROWS.split(row)[0] for row in FIND.fetch(session, {"keys": [value]})]
        assert (found.id, found.kind) == (value, value)
        assert len(FIND.fetch(session, {"keys": AWKWARD})) == len(AWKWARD)


def test_values_are_what_the_toolkit_gives(database: Database) -> None:
    """Moments in UTC, documents as objects, numbers and nothing."""
    payload = {"list": ["a", "é"], "deep": {"number": 1, "none": None}, "text": "x" * 600}
    put(database, "task", payload=payload, attempts=7)
    with database.transaction() as session:
        (found,) = [ROWS.split(row)[0] for row in FIND.fetch(session, {"keys": ["task"]})]
        known = session.get_one(OutboxTask, "task")
        assert found._asdict() == {name: getattr(known, name) for name in found._fields}
        assert found.due_at.tzinfo is UTC


def test_documents_are_not_shared(database: Database) -> None:
    """A short document is read once, yet whoever changes what he got changes it for himself."""
    put(database, "a", "b", payload={"x": 1})
    with database.transaction() as session:
        first, second = (ROWS.split(row)[0] for row in FIND.fetch(session, {"keys": ["a", "b"]}))
        first.payload["x"] = 2
        assert second.payload == {"x": 1}


def test_it_is_in_the_transaction(database: Database) -> None:
    """It sees what the transaction wrote, and goes back with it."""
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        session.add(OutboxTask(id="x", kind="k", payload={}, created_at=MOMENT, due_at=MOMENT, attempts=0))
        session.flush()
        assert len(FIND.fetch(session, {"keys": ["x"]})) == 1
        raise ZeroDivisionError
    with database.transaction() as session:
        assert FIND.fetch(session, {"keys": ["x"]}) == []


def test_an_error_is_the_toolkits_and_tells_no_values(database: Database, task: str) -> None:
    """What is bound stays out of errors, hence out of logs."""
    with pytest.raises(DBAPIError) as caught:
        put(database, "other", task, kind="secret")
    assert "secret" not in str(caught.value)
    with database.transaction() as session:
        assert len(FIND.fetch(session, {"keys": [task, "other"]})) == 1


def test_a_row_that_was_held_is_changed_once_as_it_was_left(database: Database, task: str) -> None:
    """However often it changes in a batch, and whether or not it was read ahead."""

    def change(attempts: int) -> None:
        def work(session: Any) -> None:
            (held,) = [ROWS.split(row)[0] for row in FIND.fetch(session, {"keys": [task]})]
            keep(session, OutboxTask, task, held)
            row = hold_row(session, OutboxTask, task)
            assert row is not None
            for step in range(attempts):
                row = change_row(session, OutboxTask, row, attempts=step, kind="changed")
            assert row.attempts == attempts - 1

        database.together(work)

    change(3)
    with database.reading() as session:
        row = session.get_one(OutboxTask, task)
        assert (row.attempts, row.kind) == (2, "changed")
    with database.transaction() as session:
        held = hold_row(session, OutboxTask, task)
        assert held is not None
        change_row(session, OutboxTask, held, attempts=9)
    with database.reading() as session:
        assert session.get_one(OutboxTask, task).attempts == 9


def test_several_at_once_give_what_each_gives(database: Database) -> None:
    """In the order in which they were asked for, and they see what the transaction wrote before."""
    put(database, "a", "b")
    asked = [["b"], ["none"], ["a", "b"], ["c"]]
    with database.transaction() as session:
        session.add(OutboxTask(id="c", kind="k", payload={}, created_at=MOMENT, due_at=MOMENT, attempts=0))
        session.flush()
        for _ in range(2):
            found = fetch_all(session, [Ask(FIND, {"keys": keys}) for keys in asked])
            assert [[ROWS.split(row)[0].id for row in rows] for rows in found] == [["b"], [], ["a", "b"], ["c"]]


def test_of_several_the_first_that_fails_is_told(database: Database, task: str) -> None:
    """Nothing of the transaction stays, and the connection serves the next one."""
    broken = Prepared(lambda _: text("SELECT 1 / (attempts - attempts + 0) FROM outbox_task WHERE id = :id"))
    if database.is_sqlite:
        pytest.skip("SQLite divides by nothing")

    def work(session: Any) -> None:
        asks = [Ask(FIND, {"keys": [task]}), Ask(broken, {"id": task}), Ask(FIND, {"keys": ["secret"]})]
        fetch_all(session, asks)

    with pytest.raises(DBAPIError) as caught:
        database.together(work)
    assert "secret" not in str(caught.value)
    assert len(database.together(lambda session: fetch_all(session, [Ask(FIND, {"keys": [task]})] * 2))) == 2


def test_whoever_counts_statements_counts_these(database: Database, task: str) -> None:
    """The toolkit's own event tells of them."""
    heard: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: heard.append(given[2]))
    with database.transaction() as session:
        FIND.fetch(session, {"keys": [task]})
    assert len([each for each in heard if each.startswith("SELECT")]) == 1


def test_what_was_prepared_and_is_gone_is_prepared_again(database: Database, task: str) -> None:
    """Behind a pooler, or after a migration: the batch is done again, and nobody sees an error."""
    if database.is_sqlite:
        pytest.skip("SQLite prepares nothing that lasts")

    def find(session: Any) -> int:
        return len(FIND.fetch(session, {"keys": [task]}))

    assert database.together(find) == 1
    database.together(lambda session: session.execute(text("DEALLOCATE ALL")))
    assert database.together(find) == 1


def test_a_lost_connection_is_no_mistake_of_ours(database: Database, task: str) -> None:
    """503 for whoever waits, and the next one gets another connection."""
    if database.is_sqlite:
        pytest.skip("SQLite has no connection to lose")

    def find(session: Any) -> int:
        return len(FIND.fetch(session, {"keys": [task]}))

    def lose(session: Any) -> int:
        pid = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with database.engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        return find(session)

    assert database.together(find) == 1
    with pytest.raises(Unavailable):
        database.together(lose)
    assert database.together(find) == 1


def test_documents_are_json_on_the_way_in(database: Database) -> None:
    """A document that says null is one: what comes back is what SQL stored."""
    put(database, "task", payload={"a": [1, "ü", None]})
    with database.transaction() as session:
        stored = session.execute(text("SELECT payload FROM outbox_task WHERE id = 'task'")).scalar_one()
        assert (json.loads(stored) if isinstance(stored, str) else stored) == {"a": [1, "ü", None]}


def test_a_plan_made_for_an_empty_table_goes_by_key(database: Database) -> None:
    """It is kept while the table grows; what other transactions on the connection do is planned as ever."""
    if database.is_sqlite:
        pytest.skip("SQLite plans each time")
    by_key = """EXPLAIN UPDATE outbox_task SET attempts = given.attempts
        FROM json_to_recordset('[]') AS given(id text, attempts integer) WHERE outbox_task.id = given.id"""
    with database.engine.connect() as connection:
        with database.transaction(connection) as session:
            assert FIND.fetch(session, {"keys": ["none"]}) == []
            plan = "\n".join(session.scalars(text(by_key)))
        assert "Index Scan using pk_outbox_task" in plan
        assert "Seq Scan" not in plan
        with database.transaction(connection) as session:
            shown = [session.scalar(text(f"SHOW {name}")) for name in ("enable_seqscan", "plan_cache_mode", "jit")]
        assert shown == ["on", "auto", "on"]
