"""Alembic's entry: runs on the connection that ``operations.schema`` hands over, already inside its lock."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from kernel.database import Base, UtcDateTime


def _render(kind: str, item: Any, autogen_context: Any) -> str | Literal[False]:
    """Write our own column type by its plain SQL type: a migration must not change when our code does."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
    render_item=_render,
)
with context.begin_transaction():
    context.run_migrations()
