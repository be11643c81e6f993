"""Whether a column of octets holds some octets, on either database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction


class octets_hold(GenericFunction[bool]):  # noqa: N801 a function of SQL
    """``octets_hold(column, part)``."""

    type = Boolean()
    inherit_cache = True
    name = "octets_hold"


@compiles(octets_hold, "sqlite")
def _on_sqlite(element: octets_hold, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(instr({compiler.process(element.clauses, **kw)}) > 0)"


@compiles(octets_hold, "postgresql")
def _on_postgresql(element: octets_hold, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(pg_catalog.position({compiler.process(element.clauses, **kw)}) > 0)"
