"""A migration only adds, so that the release before goes on running beside it; one that does not says so.

Expand (add), migrate (both releases run), contract (remove, a release later): docs/upgrades.md.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Engine, MetaData

from kernel.database import Database
from operations import schema
from tests.architecture.source import ROOT
from tests.servers.postgresql import PostgreSqlServer

_MIGRATIONS = sorted((ROOT / "migrations" / "versions").glob("*.py"))
_REMOVES = {"drop_table", "drop_column", "rename_table", "drop_constraint"}
_BATCH = "with op.batch_alter_table('a') as batch_op:\n        "
_WORDS = ("DROP ", "RENAME ", "SET NOT NULL", "DELETE ", "TRUNCATE ")


def _steps(source: str) -> Iterator[str]:
    """Yield the steps of ``upgrade`` that a release which does not know of them cannot live with."""
    tree = ast.parse(source)
    [upgrade] = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade"]
    made = {_text(call.args[0]) for call in _calls(upgrade) if _name(call) == "create_table"}
    for block in ast.walk(upgrade):
        if not isinstance(block, (ast.With, ast.Expr)):
            continue
        if isinstance(block, ast.With) and _text(getattr(block.items[0].context_expr, "args", [None])[0]) in made:
            continue  # a table of its own: nobody else uses it yet
        for call in _calls(block) if isinstance(block, ast.With) else [block.value]:
            if isinstance(call, ast.Call) and (why := _refused(call)):
                yield why


def _refused(call: ast.Call) -> str:
    name, keywords = _name(call), {each.arg: each.value for each in call.keywords}
    if name in _REMOVES:
        return f"{name} {_text(call.args[0]) if call.args else ''}"
    if name == "alter_column":
        changes = {"new_column_name", "type_", "nullable"} & set(keywords)
        return f"alter_column {_text(call.args[0])}: {sorted(changes)}" if changes else ""
    if name == "add_column":
        column = next(each for each in call.args if isinstance(each, ast.Call))
        asked = {each.arg: each.value for each in column.keywords}
        nullable = asked.get("nullable")
        bare = isinstance(nullable, ast.Constant) and nullable.value is False and "server_default" not in asked
        return f"add_column {_text(column.args[0])} NOT NULL without a server default" if bare else ""
    if name == "execute":
        statement = ast.unparse(call).upper()
        return f"execute {statement[:60]}" if any(word in statement for word in _WORDS) else ""
    return ""


def _calls(node: ast.AST) -> list[ast.Call]:
    return [each for each in ast.walk(node) if isinstance(each, ast.Call)]


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _text(node: ast.AST | None) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


@pytest.mark.parametrize("file", _MIGRATIONS, ids=lambda file: file.stem)
def test_a_migration_only_adds_or_is_named_as_one_that_stops_the_old_release(file: Path) -> None:
    """Drop, rename, a narrower type, NOT NULL without a default: never in the release that stops using it."""
    refused = list(_steps(file.read_text("utf-8")))
    if file.stem[:4] == "0001" or file.stem[:4] in schema.STOP_FIRST:
        return
    assert refused == []


@pytest.mark.parametrize(
    "step",
    [
        "op.drop_table('idp_client')",
        "op.rename_table('a', 'b')",
        "op.execute('ALTER TABLE a DROP COLUMN b')",
        _BATCH + "batch_op.drop_column('b')",
        _BATCH + "batch_op.alter_column('b', new_column_name='c')",
        _BATCH + "batch_op.alter_column('b', nullable=False)",
        _BATCH + "batch_op.add_column(sa.Column('b', sa.Text(), nullable=False))",
    ],
)
def test_the_reader_of_migrations_sees_each_step_that_breaks(step: str) -> None:
    """Or it would pass everything."""
    assert list(_steps(f"def upgrade() -> None:\n    {step}\n"))


@pytest.mark.parametrize(
    "step",
    [
        "op.create_table('a', sa.Column('b', sa.Text(), nullable=False))",
        _BATCH + "batch_op.add_column(sa.Column('b', sa.Text(), nullable=True))",
        _BATCH + "batch_op.add_column(sa.Column('b', sa.Text(), nullable=False, server_default=''))",
        _BATCH + "batch_op.create_index('i', ['b'], unique=False)",
    ],
)
def test_adding_is_free(step: str) -> None:
    """A table, a column that may be empty or has a default, an index."""
    assert list(_steps(f"def upgrade() -> None:\n    {step}\n")) == []


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_a_release_writes_fits_every_later_schema(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A row that names exactly the old release's columns is taken, and each of those columns can still be read."""
    numbers = [file.stem[:4] for file in _MIGRATIONS]
    for older, newer in pairwise(numbers):
        if newer in schema.STOP_FIRST:
            continue
        before, after = (_tables(kind, tmp_path, request, revision) for revision in (older, newer))
        for name, table in before.tables.items():
            then = after.tables[name]
            assert {column.name for column in table.columns} <= {column.name for column in then.columns}, name
            for column in then.columns:
                if column.name in table.columns:
                    assert column.nullable >= table.columns[column.name].nullable, f"{name}.{column.name}"
                else:
                    assert column.nullable or column.server_default is not None, f"{name}.{column.name}"


def _tables(kind: str, tmp_path: Path, request: pytest.FixtureRequest, revision: str) -> MetaData:
    url, name = f"sqlite:///{tmp_path}/{revision}.sqlite", None
    server: PostgreSqlServer | None = None
    if kind == "postgresql":
        server = request.getfixturevalue("postgresql")
        name = server.create_database(with_schema=False)
        url = server.url(name)
    database = Database(url)
    schema.upgrade(database, revision)
    tables = _reflect(database.engine)
    database.dispose()
    if server is not None and name is not None:
        server.drop_database(name)
    return tables


def _reflect(engine: Engine) -> MetaData:
    tables = MetaData()
    tables.reflect(engine)
    return tables
