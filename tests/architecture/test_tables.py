"""Tables: known to the composition, typed, joined by ids only."""

from __future__ import annotations

import subprocess
import sys

from sqlalchemy import DateTime

import composition  # noqa: F401 - what it imports is what the service's tables are
from kernel.database import Base, UtcDateTime
from tests.architecture.source import ROOT, modules


def test_the_composition_knows_every_table() -> None:
    """A model module that nothing imports makes a service without its tables; asked in a process of its own."""
    names = [".".join(path.with_suffix("").parts) for path in modules() if path.name == "model.py"]
    assert names
    script = f"import composition, sys; print([n for n in {names!r} if n not in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_moment_is_utc() -> None:
    """A plain DateTime comes back naive from SQLite."""
    offenders = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, DateTime) and not isinstance(column.type, UtcDateTime)
    ]
    assert offenders == []


def test_no_relationship_crosses_rooms() -> None:
    """A room refers to another room's row by its id."""
    offenders = [
        f"{mapper.class_.__name__}.{relation.key}"
        for mapper in Base.registry.mappers
        for relation in mapper.relationships
        if mapper.class_.__module__ != relation.entity.class_.__module__
    ]
    assert offenders == []


def test_no_column_keeps_a_secret_in_clear() -> None:
    """Credentials are stored as digests or sealed: the column's name says which."""
    telling = ("password", "secret", "token", "code", "passphrase", "seed")
    digests = ["_sha256", "_hash", "_hmac", "_sealed", "sealed_"]
    allowed = [*digests, "_at", "_id", "_lifetime", "_method", "_count", "_alg", "_policy"]
    error_codes = {"ca_batch_row.code"}  # why a row was refused
    offenders = [
        f"{table.name}.{column.name}: {column.type}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if any(word in column.name for word in telling) and not any(part in column.name for part in allowed)
        if f"{table.name}.{column.name}" not in error_codes
    ]
    assert offenders == []
