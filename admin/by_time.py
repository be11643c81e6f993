"""Questions that the index on the time must answer, and no other one."""

from __future__ import annotations

from sqlalchemy import ColumnElement, case


def filtered(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return ``condition`` in a form that no index answers.

    Beside a window of time a planner without statistics takes the index on an equality: then an hour's logins are
    looked for among all logins that ever were.
    """
    return case((condition, 1), else_=0) == 1
