"""A fresh SQLite file with the schema for each test: a copy of one that was made once."""

from __future__ import annotations

import shutil
from pathlib import Path

from kernel.database import Base, Database


def make_template(folder: Path) -> Path:
    """Make a database file with every table of the service in ``folder`` and return its path."""
    path = folder / "template.sqlite"
    database = Database(f"sqlite:///{path}")
    Base.metadata.create_all(database.engine)
    database.dispose()
    return path


def copy_template(template: Path, target: Path) -> str:
    """Copy the file to ``target`` and return the copy's address."""
    shutil.copyfile(template, target)
    return f"sqlite:///{target}"
